// Package atomicfile is the seam between keyd and the file system. It reads and
// replaces, atomically and durably, a file whose loss would lock its owner out.
//
// There are two ways in:
//   - [Write] replaces one of keyd's own files, which no other program writes.
//   - [Read] and [Original.Replace] change a file that other programs write as well.
//
// A replacement creates a temporary file in the same directory, syncs it, renames
// it over the target, and syncs the directory. Where no rename is possible (a
// mounted file, a directory without write permission, hard links) the file is
// overwritten in place, which is not atomic: a reader may see a mixture for
// microseconds, and a machine that loses power in that moment may keep the mixture.
// When the old and the new bytes have equal lengths, each byte of the mixture is the
// old or the new byte at its position. A caller that has both texts can therefore
// recognize and repair it (credfile.Key.Mixes).
//
// No lock of any kind protects the target, because no other program that writes it
// takes one. The guarantee is instead that a change which another program completed
// before the new file took the name is noticed ([ErrChanged]), and that a change
// which was still being written then is returned ([Written.Stray]).
//
// A rename cannot guarantee the first of these. No system call compares and renames,
// so a rename would destroy a file that another program put there in the
// microseconds since the last look. Where the system can exchange two names in one
// step ([Sys.Exchange]), the new file and the target are exchanged, the file that
// came out is examined afterwards, and it is given back when it is not the file that
// was read. Where the system cannot (Windows, NFS and other network file systems,
// HFS+), and in place, those microseconds remain.
//
// # Where to find what
//
//	sys.go, os*.go     Sys: the system calls, and the real file system behind them
//	read.go            Read: the whole file, once no program is writing it
//	atomicfile.go      Write and Replace, and what they return
//	rename.go          the replacement by a new file
//	inplace.go         the replacement where no rename is possible
//	displaced.go       what other programs wrote at that moment
//	temp.go            temporary files, and what killed processes left of them
//	links.go           symbolic links on the way to a file
//	preflight.go       whether a replacement would be refused
//	refused.go         why it was, with the command that helps
//	own.go             keyd's own files: Tail, Peek, Append, AppendNext and Lock
//	reach.go           whom the locks of a folder can exclude
//	trust*.go          who owns and who may write a file, judged as ssh does
//	untrusted.go       the error for a file of another user, and its repair
//	system*.go         whether only an administrator can have written a file
package atomicfile
