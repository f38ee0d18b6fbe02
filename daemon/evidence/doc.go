// Package evidence makes the report that a person shows to an auditor: what became of every
// key, which rotation replaced it, who asked for that, with AWS's request ids, and whether
// the age satisfied the rules of those who test it. It reads nothing and asks nobody: Make
// gets the history, the status, the journals and the settings, and the writers get what Make
// returns. No secret reaches this package but those in the journals, of which it takes times
// and ids only.
//
// It is a package of its own, above the state and beside the daemon's loop, because a report
// looks back over what passes have left and takes part in none: nothing of keyd imports it but
// the command.
//
// # Where to find what
//
//	report.go     Report and what it is made of
//	make.go       Make: from the state folder to a Report
//	status.go     what the last passes found: AWS's lists, uses, and keys that are gone
//	rotations.go  which entries of the history belong to one rotation
//	verdict.go    how the tools of auditors round an age, and what they say
//	control.go    the controls of the frameworks, by version
//	json.go       one JSON object
//	csv.go        the columns of AWS's credential report
//	ocsf.go       events of the Open Cybersecurity Schema Framework
//	finding.go    its findings about the age of a key
//	html.go       one page without anything from elsewhere
//	tables.go     its tables: keys, rotations, controls and the history
//	picture.go    the life of each key, as SVG
package evidence
