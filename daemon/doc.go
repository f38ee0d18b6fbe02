// Package daemon keeps the access keys of one user's AWS files young: look,
// decide, act, and look again. A reader goes pass.go, world.go, look.go,
// next.go, act.go and has seen it all; data flows that one way.
//
// The unit of work is one access key, however many profiles show it. One
// rotation runs through these steps, and may be killed between any two:
//
//	look        GetCallerIdentity once, ListAccessKeys: whose key, how old, what else
//	preflight   whatever can be refused is refused before a key exists; every
//	            endpoint is asked with the old key: those that know it are to know
//	            the new one
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
//	file shows half of each      a write was cut off: make it the new pair, first of all
//	file shows old after a swap  someone reverted it: mend from the journal
//	file shows a third id        the person decided: stop, never overwrite
//	old Inactive, held           make it Active again
//
// # Which fault leads to which state, and what the person then sees
//
// Every fault below is one that the tests put in, at every place where it can
// happen (explore_test.go); what is in quotation marks is what keyd status, the
// log and the notification say. Nothing of it needs a person unless the last
// column says so.
//
//	fault                                   what keyd does                                   what the person sees
//	killed, power cut before the intent     nothing exists yet: begins again                 nothing
//	killed, answer lost at CreateAccessKey  waits 15 s, lists until three answers agree      "the answer to CreateAccessKey was lost"
//	                                        over 30 s: no new key, closed; one key of these  "probably came from an answer that was
//	                                        very seconds, never used: made Inactive, later   lost: inactive, deleted then"
//	                                        deleted; anything else: asks                     BLOCKED, with ids, dates and keyd prune
//	killed after the pair is journaled      proves again, goes on                            "rotating"
//	AWS does not accept the new key         15 minutes, then deletes it, hours of rest       "deleting AKIA.. again"
//	no network, no permission to list       ends the pass, tries again by and by             "waiting", with the call that failed
//	it fails for a week in which the        goes on trying; without any network that is      BLOCKED, "for more than 7d"
//	    machine is on; a day when the       none, unless the key is too old as well
//	    key is older than max_age
//	the tag for the console is not made     tries twice, goes on without it                  "has no tag for the console"
//	a call is refused for good              tries again once a day                           BLOCKED, with the policy that lacks
//	disk full, read-only, quota, EIO
//	    before the key is made              nothing was made                                 "no space left on device", with df
//	    while its pair is journaled         deletes the key again; else the next pass does   the same
//	    at the swap                         all files as they were, key kept for later       the same, "is kept for the next pass"
//	    afterwards                          the step is repeated                             the same
//	killed, power cut during the swap       each file is old or new, both pairs work; what   nothing
//	                                        is new is synced before the old key goes
//	power cut in the middle of a write in   the pair is half old, half new until the next    "a write was cut off, and a file shows
//	    place, where no rename is possible  pass: it makes it the new one before all else    half of AKIA.. and half of AKIA.."
//	somebody writes at that moment          looks again, edits the new text; never a third   nothing, or BLOCKED
//	                                        id
//	two programs write in the microseconds  the last text stays in the file, the one before  the name of that file
//	    of a swap                           is kept beside it; tries again later
//	a program writes into the file that     its text is carried over into the new one, or,   nothing, or the name of that file
//	    has just been replaced              when it is none or only a part, kept beside it
//	the pair on disk does not validate      puts the old pair back, deletes the new key      "putting AKIA.. back"
//	an old text comes back (a backup, an    proves the new key once, puts it back            "a file shows AKIA.. again"
//	    editor, a dotfile manager)
//	a third key stands in the file          touches neither file nor keys                    BLOCKED, keyd resume
//	the profile is gone                     the same                                         BLOCKED, keyd resume
//	one of the two ids stands where only    touches neither key                              BLOCKED, file and line
//	    some AWS readers find it
//	the environment names other files than  leaves the rotation alone                        BLOCKED, which file it is about
//	    those of a rotation
//	a file that another keyd reads, or the  makes no key for it; keeps both once it has      BLOCKED, that file
//	    usual one, shows the key, too
//	the old key is still used               does not deactivate it                           BLOCKED, by what, where and when
//	the new key is gone or Inactive at AWS  does not touch the old key                       BLOCKED, aws iam list-access-keys
//	answer lost at deactivate, delete       repeats it, confirms by list                     nothing
//	the old key was made Active again       does not delete it                               BLOCKED, keyd hold or --retire-now
//	the journal is damaged                  kept as .damaged; its key begins anew            a note, and the second key: BLOCKED
//	the journal cannot be read now, or is   leaves its key alone                             BLOCKED, with the path and whose it is
//	    a newer keyd's
//	the state folder is removed             in a pass: written again; between two: both      BLOCKED when due, keyd prune
//	                                        keys stay Active
//	status, memory, history damaged         found out again                                  a note
//	region, endpoint, CA bundle or a        asks nobody; what changes files alone goes on     BLOCKED, with the setting and where it
//	    variable for AWS is wrong                                                            stands
//	a profile in keyd.ini that no file has  nothing                                          a note, with the profile that is like it
//	keyd.ini broken                         the last good settings; none: begins nothing     a note, BLOCKED
//	the clock is off by more than 5 min     makes, deactivates and deletes no key            BLOCKED, how to set it
//	it was ahead, and was set back          a wait that began in the future begins anew      the time when it ends
//
// Tests of their own put in what no exploration can meet at every place. A region
// that is off refuses the old key, too, and has no say. One endpoint that gives
// no answer, or another one than yes or no, while others answer: no key is made,
// one that is made already waits, and after some hours a person is asked
// (control_test.go). A user who is renamed or moved to another path is found
// again by the key (identity_test.go).
//
// What nothing can prevent: a program that read a file before the swap and
// writes it after the rotation is closed; one that writes a file in the
// microseconds between keyd's last look and its own rename or write, where the
// system cannot exchange two names in one step (Windows, network drives, a file
// that is written in place), and elsewhere when keyd is killed, or the disk
// fails for good, within the same microseconds, before that file is given back; a pair that a power failure
// in the middle of a write in place has left half old, half new, which nobody
// can use until keyd's next pass, and which stays so when the journal is lost as
// well, or when the two keys are not of one length; a key that somebody makes in
// the very seconds of a request whose answer is lost, which is made Inactive as
// if it were ours; and a machine of AWS's that learns of a key long after all the
// others and is not asked in some thirty questions.
//
// Invariants are those of the tests: the pair in the file is accepted wherever
// the old one was, at every instant; no call on a key that keyd neither created
// nor was told to retire; after the swap the old key signs nothing.
package daemon
