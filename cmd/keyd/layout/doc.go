// Package layout fits text into the lines of a terminal. It prints nothing, and knows nothing
// of keyd but the names of its commands.
//
// Where to find what:
//
//	escape.go  what a terminal would obey or hide, made visible; keyd's own colours stay
//	width.go   how many columns a text takes, and shorter texts that say nearly the same
//	piece.go   which parts of a sentence are commands to paste
//	wrap.go    sentences broken into lines, never within a word or a command
//	cells.go   rows of cells in columns
package layout
