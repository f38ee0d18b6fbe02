// Package daemon replaces the long-term access keys in one user's AWS files
// before they are too old, without ever locking their owner out. It is the loop:
// it wakes by timer, file change or signal, runs a pass over all keys, reports
// what happened, and sleeps until something is due. The commands of keyd run the
// same passes. This page is where to start reading.
//
// # Words
//
// Each word has one meaning in code, comments, messages and documents:
//
//	target      one access key and everything known about it: the unit of work. Several
//	            profiles, or ~/.aws/config, may hold the same key id: they change
//	            together or not at all
//	old key     the key that is being replaced
//	new key     its successor
//	pair        a key id together with its secret
//	pass        rounds over all targets until each waits, needs a person, or has failed
//	round       under a lock: read everything, decide, and one step of each target that is due
//	step        one thing that a rotation does; an action that waits takes several
//	prove       sign with the new key until AWS accepts it reliably, before any file shows it
//	swap        the one atomic replacement of every file that shows the old key, linked ones too
//	mend        repair a file that shows the old pair again, or half of each pair
//	torn        half old pair, half new pair: a write in place was cut short
//	overlap     both keys Active after the swap, until the old one has been quiet long enough
//	quiet       AWS has recorded no use of the key by anyone but keyd
//	quarantine  the old key is Inactive but not yet deleted: this can be undone
//	hold        a person has paused a rotation; an Inactive old key is made Active again
//	orphan      a key that a lost CreateAccessKey made, so that no one has its secret
//	copy        another file on this machine that shows the key
//	linked file  a copy that keyd has been told to keep up to date, with keyd link: a place
//	            of the rotation like the AWS files. It is astray while it is missing or edited
//	hook        a command of keyd.ini that brings the pair to a place that is not a file
//	guard       a policy that denies nearly everything without MFA
//	code        the six digits that an MFA device shows; each works once
//	session     credentials that a code has opened, for 36 hours. They sign what a guard denies
//	            to the key, are in the journal, and never prove that a key works
//	endpoint    a host that answers for IAM or STS: AWS's own, or one that stands in for it
//	installation  one keyd on one machine with one state folder; it signs its keys and journals
//	blocked     only a person can continue; the status says why and what helps
//	skipped     there is nothing to rotate
//	unreadable  a long-term key is there, and the files do not allow to rotate it: blocked,
//	            never skipped
//	waiting     something is in the way that may end by itself: an action failed and is tried
//	            again, or another machine is replacing the key
//
// # One rotation
//
// A rotation runs through these steps, and may be killed between any two:
//
//	look        GetAccessKeyLastUsed before keyd's own calls hide the answer, GetCallerIdentity
//	            once, ListAccessKeys: who used the key, whose it is, how old, which other keys
//	preflight   refuse whatever can be refused before a key exists; ask every endpoint
//	            with the old key: those that accept it will have to accept the new one
//	create      journal the intent, CreateAccessKey exactly once, journal the pair
//	prove       every endpoint accepts the new key, five times in a row; again when it is
//	            five minutes old, unless a person waits
//	swap        replace every file that shows the old key, each atomically
//	validate    read the files back from disk, GetCallerIdentity with those bytes
//	hook        run the commands that bring the pair to places that are not files
//	overlap     old and new key both Active; nothing is signed with the old one, and once a
//	            day AWS is asked whether the new one still works
//	check use   GetAccessKeyLastUsed of the old key, four times a day: the overlap ends when
//	            the old key has been quiet for as long, and AWS must have reported every use
//	deactivate  make the old key Inactive, signed with the new one, verify, tell the person
//	quarantine  can be undone: keyd hold makes the old key Active again
//	delete      delete the old key, and erase the journal
//
// The phase is not stored. Package decide derives it from the journal, the files
// and IAM's answers. The journal holds only what the world cannot tell, such as
// which key keyd created and when it swapped. A crash, a person in the console or
// a restored backup therefore always lead to a decision that fits the world as it
// is:
//
//	journal without a new pair        the answer to CreateAccessKey was lost: reconcile
//	new pair, files show the old      prove again, then swap
//	a file shows half of each pair    a write was cut short: write the new pair, before anything else
//	files show the old after a swap   someone reverted them: mend them from the journal
//	a file shows a third id           a person decided: stop, never overwrite
//	old key Inactive, rotation held   make it Active again
//
// # A route through the code
//
// Data flows one way: files and AWS, then facts, then a decision, then a step, and
// then it starts over with the files. To follow it, read in this order:
//
//	daemon          the loop: when a pass runs, and who learns what it did
//	daemon/rotate   one pass. Each round gathers all targets from the files, journals
//	                and status, decides, and performs one step of those that are due.
//	                One file per action, from preflight to retire; see its doc.go
//	daemon/decide   Next: facts, settings and the time in, a decision out. The whole
//	                policy, without any effect
//	daemon/journal  one rotation on disk, with both secrets: written before each effect
//	daemon/state    every other file in the state folder: status, history, locks, log
//
// These packages stand to the side of that route:
//
//	daemon/settings      keyd.ini
//	daemon/hint          commands and questions that help a person
//	daemon/watch         reports that a file changed
//	daemon/notify        runs commands: desktop notifications, on_event and hooks
//	daemon/systemd       readiness, watchdog, and log priorities
//	daemon/doctor        what is or will be wrong: one value for each check
//	daemon/evidence      what an auditor asks for, from the history and the state
//	daemon/iam           the only package that calls AWS
//	daemon/awssim        a simulated IAM and STS, for keyd demo and the tests
//	daemon/internal/lab  the test bench: laptops and an AWS
//	credfile             the AWS files, byte for byte
//
// # Faults
//
// The exploration injects what happens to processes, disks, files, accounts and calls
// wherever it can occur; see explore_test.go in daemon/rotate. Each of the other faults
// has a test of its own. Quoted text is what keyd status, the log and the notification
// say. A fault needs a person only if the last column says so, which BLOCKED does.
//
//	fault                                   what keyd does                                   what the person sees
//	killed or power cut before the intent   nothing exists yet: starts over                  nothing
//	    is on disk
//	killed, or the answer lost, at          waits 15 s, lists until three lists agree over   "the answer to CreateAccessKey was lost";
//	    CreateAccessKey; LimitExceeded      30 s. No new key, or one that is used: closes    "whether anyone uses it is known then";
//	    although a slot was free            the rotation. One key of those very seconds,     "probably came from a call whose answer
//	                                        unused after 4 h: makes it Inactive, deletes it  was lost: it is inactive and is deleted
//	                                        7 d later. Else: asks                            then"; or BLOCKED, with ids, dates and
//	                                                                                         keyd prune
//	killed after the pair is journaled      proves the key again and continues               "rotating"
//	AWS does not accept the new key         after 15 minutes deletes it, then waits hours    "deleting AKIA.. again"
//	no network                              ends the pass and tries again later              "waiting", with the call that failed
//	one endpoint is silent                  asks another one, and keeps trying; keys that    "other endpoints of AWS answer", with
//	                                        do not need it are not held up                   the host
//	an action fails for 7 days while the    keeps trying                                     BLOCKED, "for more than 7d"
//	    machine is on (1 day if the key
//	    is older than max_age, or its age
//	    not known, and there is a network)
//	the console tag cannot be set           tries twice, continues without it                "has no tag for the console"
//	a policy denies a call, perhaps only    tries again at hours that drift, after waking,   "waiting", with AWS's words; BLOCKED on the
//	    here or now (VPN, hours)            on SIGHUP and when a person asks                 second day
//	a guard denies everything without MFA   estimates the age; does nothing until someone   BLOCKED when the key may be due, "waits
//	                                        gives a code, or mfa_process does                for an MFA code", keyd rotate
//	the code is wrong, late or used, or     nothing is changed; the daemon tries             BLOCKED, with the reason; touch your key
//	    mfa_process fails or hangs          mfa_process again a day later
//	the session is over in mid rotation     both keys stay as they are; asks for another     BLOCKED when the overlap is over
//	                                        code; the new key is still looked at each day
//	the old key is Inactive, and there is   deletes it with the next code, of the next       "is deleted with the next MFA code"
//	    no session                          rotation or one that comes anyway
//	the user has security keys only         does nothing: STS takes codes only               BLOCKED, add a virtual MFA device
//	AWS has quarantined a leaked key        tries again once a day                           BLOCKED at once, "the key has leaked"
//	a call is refused definitely            tries again once a day                           BLOCKED, with a hint
//	disk full, read-only, quota, EIO
//	    before the key is created           nothing was created                              "no space left on device", with df
//	    while its pair is journaled         deletes the key at once, or in the next pass     the same
//	    at the swap                         all files stay as before; keeps the key          the same, "is kept for the next pass"
//	    afterwards                          repeats the step                                 the same
//	killed or power cut during the swap     each file is old or new, both pairs work; the    nothing
//	                                        new is synced before the old key is deactivated
//	power cut in the middle of a write in   the pair is half old, half new until the next    "a write was cut short, and a file holds
//	    place, where no rename is possible  pass, which writes the new one before anything   half of AKIA.. and half of AKIA.."
//	                                        else
//	another program writes at that moment   reads again and edits the new text; never        nothing, or BLOCKED
//	                                        overwrites a third id
//	two programs write within the           the last text stays in the file, the one before  the name of that file
//	    microseconds of a swap              is kept next to it; tries again later
//	a program writes into the file that     carries its text over into the new file; if it   nothing, or the name of that file
//	    was just replaced                   is not a whole credentials file, keeps it next
//	                                        to the new file
//	the pair on disk does not validate      puts the old pair back, deletes the new key      "putting AKIA.. back"
//	a required hook fails, hangs or is      tries again, and keeps the old key; in the        "hook github: failed 3 times: exit code 1",
//	    killed                              quarantine, does not delete it                   with its last line; BLOCKED after a week
//	a hook that is not required fails       tries three times, continues without it          told; keyd status
//	killed while a hook runs                runs it again, not before its time limit         "another keyd was started that runs hook"
//	the files go back to the old pair       runs the hook again with that one, before the    the same as for any hook
//	    after a hook has run                new key is deleted
//	the program of a required hook is       creates no key                                   BLOCKED, with the program
//	    missing
//	a hook prints the secret                hides it in whatever is kept                     told
//	an old text comes back (a backup, an    proves the new key once, writes it again, and    "a file shows AKIA.. again"; BLOCKED from
//	    editor, a dotfile manager)          begins the overlap or the quarantine anew        the fourth time on
//	one of several files of a key is not    creates no key, changes no file and takes no     BLOCKED, with that file
//	    there (a disk that is not mounted)  key away until it is back
//	the path of a file is a link that now   touches no key of the first file                 BLOCKED, with the first file
//	    leads to another file
//	a long-term key stands where keyd, or   touches neither the file nor the key             BLOCKED, with file and line
//	    only some AWS tools, can read it
//	a third key appears in the file         touches neither the file nor the keys            BLOCKED, keyd resume
//	the profile disappears                  touches neither the file nor the keys            BLOCKED, keyd resume
//	one of the two ids is where only some   touches neither key                              BLOCKED, with file and line
//	    AWS readers find it
//	the environment names files other than  leaves the rotation alone                        BLOCKED, with the file concerned
//	    the rotation's
//	a file that another keyd reads, or the  creates no key while that is so; once a new key  BLOCKED, with that file
//	    default file, also shows the key    exists, keeps both
//	the key stands in other files, or in    tells so, before a key is created                the files with their lines, the programs
//	    the environment of a program                                                         with their pids
//	AWS no longer tells the use of an old   keeps it                                         BLOCKED, with the last use that was told
//	    key that was in use
//	somebody else turns the old key off     nothing; makes it usable again for a person      "someone has made AKIA.. inactive", keyd hold
//	                                        who holds the rotation
//	the old key is still used               does not deactivate it; searches this machine    service, region and time, and the files
//	                                        once a day for what holds it                     and programs that hold it; BLOCKED only
//	                                                                                         if it would get older than max_age
//	that search takes long, hangs, or is    creates the key after a minute; searches again   nothing
//	    killed                              in the overlap
//	AWS does not tell whether it is used    says so; the length of the overlap decides       "does not tell", again at deactivation
//	no one uses a key that is due           replaces it all the same; unused = report        told, since when; with unused = report
//	                                        leaves it alone                                  BLOCKED, keyd retire
//	a person retires a key that is in use,  does nothing; keeps it if someone uses it        service, region and time;
//	    or whose use is unknown             before it is Inactive                            keyd retire --force
//	a retired key is Inactive, and signs    another key of the user signs: another           "retiring", keyd hold
//	    nothing                             profile's, or a helper in the journal alone
//	there is no room for the helper, or no  does nothing: the key would be Inactive for ever why, and what an administrator can do
//	    permission to create it
//	the helper of a retirement is gone or   before it has done anything: ends, the key       BLOCKED, with what to do in the
//	    Inactive at AWS                     stays; afterwards: can do nothing                console, then keyd resume or keyd hold
//	the answer is lost to the deletion of   asks again; AWS has accepted it, so a refusal    nothing
//	    the helper by itself                five times in a row says that it is gone
//	a retired key is still in the files     asks nobody about it                             "retired on", and that its profile can
//	                                                                                         be taken out
//	the first rotation on a machine is in   the other keys wait until it is validated, or    "the first rotation on this machine"
//	    progress                            waits, or needs a person
//	the new key is gone or Inactive at AWS  does not touch the old key; for a person who     BLOCKED, keyd hold, or what an
//	                                        holds the rotation, puts the old pair back       administrator has to do
//	rotate = never in mid-rotation          creates, deactivates and deletes no key;         "holds the rotation"
//	                                        repairs the files as before
//	an old file is restored after the end   nothing: the key in it is deleted                BLOCKED, when and by which key keyd
//	                                                                                         replaced it
//	answer lost at deactivate or delete     repeats the call, confirms it by a list          nothing
//	the old key was made Active again       does not delete it                               BLOCKED, keyd hold or --retire-now
//	another machine makes a key for the     waits a day; never touches that key              "another machine has replaced or is
//	    same user                                                                            replacing this key"; then BLOCKED, with
//	                                                                                         how to bring the new pair here
//	another installation began the          brings the new pair into the files; leaves the   BLOCKED after a day, keyd resume
//	    rotation (a shared or copied state) old key to it
//	the environment points to another       makes no calls                                   BLOCKED, with both endpoints and the
//	    endpoint than the rotation's                                                         variable to unset
//	an endpoint names another owner of the  creates and retires nothing there                BLOCKED, with both owners
//	    key than AWS did, or than the id
//	the journal is damaged or removed       keeps it as .damaged; its key starts over        a note; BLOCKED by the second key, after
//	                                                                                         the swap "the journal .. is gone", keyd prune
//	the journal cannot be read now, or a    leaves its key alone                             BLOCKED, with the path and its owner
//	    newer keyd wrote it
//	the state folder is removed             during a pass: writes it again; between passes:  BLOCKED when due, keyd prune
//	                                        both keys stay Active
//	status, memory or history is damaged    finds everything out again                       a note
//	fleet.json cannot be written            keeps the one before                             its last_pass, which gets old
//	state folder, journals or keyd.ini      does not believe them and writes nothing;        told, with owner, mode, and chmod or chown
//	    belong to another user, or others   with keyd.ini, the last good settings
//	    may write them
//	HOME is another user's (sudo)           reads and writes nothing                         told as whom to run keyd
//	others may write the AWS files          rotates: it makes nothing worse                  a note, with chmod
//	locks are refused, or exclude nobody    rotates nothing                                  told, with the folder; keyd status
//	another machine takes the pass lock     changes no journal from then on, so begins no    told, with the machine
//	    as well                             further step; deletes a key that it just created
//	a region, endpoint, CA bundle or AWS    makes no calls; steps that only change files     BLOCKED, with the setting and its file
//	    variable is wrong                   continue
//	a linked file is missing, half edited,  before a key exists: creates none; at the swap:  a note; BLOCKED when due, keyd unlink
//	    or shows another key                leaves it alone, changes the others; later:
//	                                        keeps the old key Active
//	a linked file shows the old key again   mends it, like an AWS file                      nothing
//	a linked file can no longer be          changes no file; keeps the new key              BLOCKED, the remedy, or keyd unlink
//	    replaced by a rename
//	keyd.ini loses its links in a rotation  goes on with those of the journal               nothing
//	an older keyd finds a journal with      leaves its key alone                            BLOCKED, install the newer keyd again
//	    linked files
//	keyd.ini names a profile that no file   nothing                                          a note, with the most similar profile
//	    has
//	keyd.ini is broken                      uses the last good settings; without any,        a note; or BLOCKED
//	                                        starts nothing; within managed ages, replaces
//	                                        keys, and ends no old one
//	the clock is off by more than 5 min     creates, deactivates and deletes no key          BLOCKED, with how to set it
//	the clock was ahead and was set back    waits that began in the future start over        the time when they end
//
// Separate tests inject faults that the exploration cannot place everywhere. A
// region that is off refuses the old key as well, and is ignored. If one endpoint
// gives no answer, or an answer other than yes or no, while others answer, no key
// is created; a key that exists already waits, and a person is asked after some
// hours (preflight_test.go, in the same folder). A user who was renamed or moved to
// another path is found again by the key (identity_test.go).
//
// # What nothing can prevent
//
//   - A program reads a file before the swap and writes it back after the rotation
//     is closed.
//   - A program writes a file in the microseconds between keyd's last look and its
//     own rename or write, where the system cannot exchange two names in one step:
//     on Windows, on network drives, and for files written in place. Elsewhere this
//     happens only if keyd is killed, or the disk fails permanently, within the same
//     microseconds, before keyd gives that file back.
//   - A power failure in the middle of a write in place leaves the pair half old,
//     half new. It is unusable until keyd's next pass, and stays so if the journal
//     is lost as well or the two keys differ in length.
//   - Someone else creates a key in the very seconds of a request whose answer is
//     lost, and does not use it for four hours. That key is made Inactive as if it were
//     keyd's, which keyd says, and deleted a week later.
//   - An AWS server learns of a key long after all the others and happens not to
//     answer any of some thirty calls.
//
// # Invariants
//
// The tests check these at every instant: every endpoint that accepted the old
// pair accepts the pair in the file; no call is made on a key that keyd neither
// created nor was told to retire; after the swap the old key signs nothing. A key that a
// person retires is the exception from the first: it is dead in the files from then on.
package daemon
