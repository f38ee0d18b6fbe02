// Package daemon keeps the access keys of one user's AWS files young: look,
// decide, act, and look again. A reader goes daemon.go, look.go, next.go,
// act.go and has seen it all; data flows that one way.
//
// The unit of work is one access key, however many profiles show it. One
// rotation runs through these steps, and may be killed between any two:
//
//	look        GetCallerIdentity once, ListAccessKeys: whose key, how old, what else
//	preflight   whatever can be refused is refused before a key exists
//	create      journal the intent, CreateAccessKey exactly once, journal the pair
//	prove       the new key accepted at every endpoint, five times in a row
//	swap        one atomic replacement of every file that shows the old key
//	validate    read back from disk, GetCallerIdentity with those bytes
//	overlap     old and new both Active; nothing is signed with the old one
//	check use   GetAccessKeyLastUsed of the old key, four hours after the swap
//	deactivate  old key Inactive, signed with the new one, then verified
//	quarantine  reversible: keyd hold makes the old key Active again
//	delete      and the journal is erased
//
// The phase is not stored. Next derives it from the journal (what the world
// cannot tell: which key keyd made, when it swapped), the files and IAM's
// answers, so that a crash, a person in the console and a restored backup all
// lead to a decision that fits the world as it is:
//
//	journal without a new pair   the answer to CreateAccessKey was lost: reconcile
//	new pair, file shows old     prove again, then swap
//	file shows old after a swap  someone reverted it: mend from the journal
//	file shows a third id        the person decided: stop, never overwrite
//	old Inactive, held           make it Active again
//
// Invariants are those of the tests: the pair in the file is accepted wherever
// the old one was, at every instant; no call on a key that keyd neither created
// nor was told to retire; after the swap the old key signs nothing.
package daemon
