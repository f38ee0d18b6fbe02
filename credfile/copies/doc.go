// Package copies finds where else on this machine a key id stands: every file below the home
// folder that holds it, in any usual encoding, and what kind of file that is. It says what to
// do about each kind: above all, how the program that reads the file can read the profile
// itself, so that no copy is needed.
//
// A report holds paths, lines and key ids, and nothing else of the contents of a file: the
// secret stands next to the id.
//
// # What is found
//
// Ids consist of capital letters and digits. Quoting for a shell, JSON, XML or a URL leaves
// them as they are, so a search for the bytes finds them in any format, in a comment too.
// They are also found in UTF-16, and in base64 at each of the three alignments, whether the
// id alone, a whole file or a PowerShell command was encoded, also where the base64 is broken
// over lines. An id in a text is a whole word; a longer word that contains it is another key.
//
// Not found: an id in a compressed or encrypted file, in base64 of base64, in base64 that is
// written in UTF-16, in a name, or broken over two lines by hand.
//
// # What is not searched
//
// No search opens anything that could wait, change or cost something: no FIFO, socket or
// device, no network file system, none that another program provides and none of the
// automounter, no placeholder of a cloud, and no link is followed. What holds no
// configuration is skipped by its name (skip.go): media, programs, archives, packages,
// caches, the objects of git. Of a binary file only the first MaxBinary bytes are searched,
// of a text MaxText. Whatever was not searched is counted and in the report, and
// Reason.IsUnknown says where a copy may be all the same.
//
// # Cost
//
// Each byte is looked at once for all ids and encodings, and most bytes are skipped
// (filter.go). Several workers read folders at a time; each has one buffer, and the list of
// folders that wait is bounded, so a search costs a few megabytes. With Options.Low there is
// one worker of the lowest priority.
//
// # Where to find what
//
// search.go has Search, its options and its report; system.go the places outside of a home;
// copy.go what a copy is, and gap.go what
// was not searched. walk.go goes through the folders and file.go through a file. skip.go has
// the names that are skipped, and mount.go, mount_*.go the file systems. open_*.go have the
// system calls.
//
// needle.go has what an id may look like, filter.go finds where that may be, match.go decides
// whether it is, base64.go in base64.
//
// kind.go recognises kinds of files, and kinds_*.go are the table.
package copies
