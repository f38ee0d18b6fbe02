// Package doctor finds everything that is or will be wrong with the keys of a user, the
// files, the machine and the service, and says what helps. It mends what is safe to mend.
//
// Each check is one value of type Check: what it is called, to which group it belongs, why
// it matters, what it needs, and a function that looks. To add one, add a value to the list
// in a file below. Run and the screen know no check by its name.
//
// A finding says what was found, and what helps as a command that is safe to paste, where
// there is one. A severity tells "wrong", which needs a person, from "note", which breaks
// nothing now, and from "unknown": what could not be found out is never shown as fine.
//
// Nothing is changed without the wish of the person. With it, only what is certain to be
// harmless is: modes of the user's own files are made stricter, missing folders are
// created, keyd's own leftovers are removed, and an older daemon is restarted between two
// steps. No line of an AWS file is touched, and no key at AWS.
//
// # Calls to AWS
//
// The network and the clock are judged by requests without a signature. What a key may do
// is what rotate.Examine learned: the same rehearsal as everywhere, which reads the last
// use of a key before anything else is signed with it, and remembers that keyd signed.
//
// # Where to find what
//
//	check.go       Check, Finding, the severities, and the list of all checks
//	run.go         Run: every check, then what is to be mended
//	report.go      Report, as the screen and --json show it
//	patient.go     what is examined, read once
//	files.go       modes, owners, links and folders
//	mode.go        modes that are made stricter
//	text.go        what readers of the AWS files choke on
//	shadow.go      what programs take a key from before they look into the files
//	network.go     endpoints and the clock
//	proxy.go       proxies, certificates and addresses
//	permission.go  what a key may do, call by call, and what denies it
//	keys.go        age, second keys, use, and what keeps a key from being replaced
//	copies.go      where else the keys stand
//	service.go     the login service, its program and its version
//	command.go     commands of a shell, as findings name them
//	path.go        other programs that are called keyd
//	folder.go      locks, disks and leftovers
//	settings.go    keyd.ini, and what it names
//	address.go     the addresses of this machine
//	disk_unix.go, disk_windows.go  how much room a disk has
package doctor
