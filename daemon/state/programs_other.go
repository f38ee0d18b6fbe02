//go:build !windows

package state

// programData returns "": only Windows has such a folder.
func programData() string { return "" }
