// Package credfile reads the AWS credentials and config files the way the AWS tools
// read them, and replaces one access key with another wherever the files show it,
// without moving any other byte.
//
// # Reading
//
// Lex finds sections and properties as offsets into the bytes of a file. Profiles
// joins both files into profiles. A pair counts wherever any reader finds it. Which
// settings of a profile count is decided by the model of botocore in package readers,
// since the AWS CLI writes the files. A Store does this for the files on disk:
// Read returns a Snapshot of both once no program is writing them.
//
// # A swap
//
// Store.Swap replaces the old pair with the new one in both files and in the linked files,
// in every place or in none. It is a loop that ends when there is nothing left to edit:
//
//	┌──> read the files until they hold still and show old or new
//	│      │
//	│    torn pairs? ── yes ──> edit: complete the torn pairs
//	│      │ no
//	│    old pair? ──── yes ──> edit: old -> new, checked by a second reader
//	│      │ no
//	│    new pair? ──── no ───> GoneError: another program wrote a third key
//	│      │ yes
//	│    done: sync what an interrupted swap may have left unsynced
//	│
//	└── write the edits, one file after the other: temporary file, fsync,
//	    compare with what was read, exchange the names, fsync the folder
//	      │
//	      ├── another program wrote the file: wait, start again, 10 rounds at most
//	      ├── any other error: undo, newest write first (below), and return it
//	      └── written: carry over what other programs wrote (below), start again
//
// Because each round begins with the files on disk, Swap also completes a swap that
// a crash interrupted, and repairs a file that another program has set back to the
// old pair.
//
// # Concurrent writers
//
// Other programs do not lock the files. One that opened a file before the exchange
// may write into it afterwards, into a file that has lost its name. atomicfile
// detects that and returns the text. The swap then replaces its own pair in that
// text and writes the result as a further edit, so that the other program's change
// survives: the text is carried over. Text that cannot be carried over is left in a
// file next to the target, and a note in SwapResult says where. That happens to text
// that is incomplete, is not a credentials file, or arrived while a third program
// wrote the target.
//
// An undo puts back the bytes that were there before each write. If another program
// has written since, it exchanges only the pair, so that the other program's change
// survives as well, and a third key is never overwritten. If the undo fails, the
// error is NotUndoneError: the file may still show the new key.
//
// Not guaranteed: a program that read the file before a swap and writes it back later
// restores the old pair. The caller looks again and swaps again.
//
// # Linked files
//
// A linked file is any other file that shows the pair: a .env, an rclone.conf. Package
// forms knows how the pair stands in it. A swap writes the linked files after the AWS
// files, which decide whether it may: a third key in them stops it. It leaves a linked
// file alone that is missing, or that does not show the whole old pair where it can be
// replaced: somebody has moved or edited it. Check refuses the second before a key exists,
// and the caller looks for both. A linked file is never written in place, so it never
// holds a torn pair.
//
// # Torn pairs
//
// A file that no rename can replace (a mount, a hard link, a folder that cannot be
// written) is written in place. A power failure during that write may leave a torn
// pair, with some bytes of each key. Anyone who still has both keys can complete it
// with Mend. A swap completes torn pairs first and never undoes that, because a torn
// pair is of no use to anyone.
//
// Restore is a swap that undoes nothing: it is for an old pair that may no longer
// work.
//
// # Where to find what
//
// The bytes of one file:
//
//	file.go          File, Section, Property: offsets into the bytes
//	lex.go, scan.go, room.go  from bytes to sections and properties, and what readers dispute
//	position.go      from offsets and lines to sections
//	header.go        headers, and the names in them
//	problem.go       what readers disagree about, with line and remedy
//	words.go         lists of words in sentences
//	pair.go, places.go, torn.go  the pairs in the sections, also half written ones
//	spoiled.go       pairs with the new id and a wrong secret
//	edit.go, verify.go, crosscheck.go  an edit, and the checks of its result
//
// Both files as profiles:
//
//	key.go           Key and Secret, which never prints its value
//	locate.go, expand.go  the paths of the two files
//	store.go, snapshot.go, memo.go  reading them, and the linked files, until they hold still
//	asks.go          profiles that ask keyd for the pair of another one
//	handout.go, showing.go  reading one profile that should show a pair
//	nokey.go         the error when there is no key to read
//	profile.go       Profile: a key that can be rotated, or why it cannot
//	joined.go        which sections make up a profile
//	settings.go      where a profile's calls go
//	botoprofiles.go, botosection.go  those settings as botocore joins them
//	otherstore.go    keys of stores other than AWS
//	othershape.go    keys of IAMs other than AWS's, by shape
//
// What every AWS reader finds, by the models in package readers:
//
//	agree.go         no reader may see half of an edit
//	plain.go         files, and sections, on which all readers are known to agree
//	excerpt.go       what an edit concerns of files that are mostly plain
//	unseen.go        pairs that a reader finds and keyd does not
//	oddparts.go      what readers have to read to find those
//	unreadable.go    long-term keys that cannot be rotated, with the line to blame
//
// A pair in a section of its own, so that programs ask keyd for it: arrange.go has the
// change and arrangeback.go the change back, arrangeverify.go what every reader must find
// after either, and arrangewrite.go writes it.
//
// A swap: check.go tries it before a key exists, swap.go performs it, and concurrent.go
// has what happens when other programs write at the same time. document.go says what it
// asks of a file, and link.go has the linked files.
package credfile
