// Package rotate runs one pass over the keys of one user: it looks, asks package
// decide what to do, does it, and looks again. The page of package daemon explains
// the words and the order of a rotation.
//
// # What a pass does
//
// A pass is a [Schedule] of rounds. A round takes the lock of the state folder and
// gathers the world: the AWS files, the journals of rotations in progress, and the
// status. Each access key that they show becomes a target. decide.Next names one action
// for each target. The targets that are due perform one step side by side: at most eight
// of them, and one for each user. Then the lock is free, and the next round gathers the
// world again. The pass is over when every key waits, needs a person, or has failed. The
// failure of one key does not delay the others. What heals goes first and alone, and the
// first rotation on a machine goes alone until it is validated.
//
// A step does one thing. An action that has to wait returns errNotYet, and decide.Next
// names it again with the time at which it continues. What the pass knows of a key in
// between is its progress; a crash loses it, and the next pass finds it out again.
//
// A step may be killed at any moment. It therefore journals its intent before each
// effect, and the next pass finds out from the world what came of it.
//
// # Where to find what
//
// The pass:
//
//	rotator.go    Rotator, its locks and folders
//	pass.go       Pass, its request and its results
//	schedule.go   Schedule: the rounds of a pass
//	turn.go       what to do about each target in a round, and which of them are due
//	step.go       one step of each, side by side, and what remains of it
//	cache.go      what the rounds of a pass read once
//	progress.go   what a pass knows of a target between two steps
//	gather.go     the world: all targets, from files, journals and status
//	target.go     target: one key and all that is known of it; the only file that writes facts
//	seen.go       what AWS said, once it is too old or partly out of date
//	client.go     which pair signs, and the client that signs with it
//	places.go     which profiles show which pair of a rotation
//	links.go      which linked files show which pair, and which are astray
//	elsewhere.go  files that only other processes read, and rotations in them
//	endpoints.go  where the calls of a key go
//	identity.go   which keyd this is
//	owner.go      whose key an endpoint says it is, and whether that can be; no key goes without it
//	look.go       whose key it is, and which keys that user has
//	search.go     when this machine is searched for other places where a key stands
//	machine.go    what is searched
//	use.go        who used a key last, and whether a new key still works
//	deeds.go      what keyd's own history says about a key that AWS refuses
//	guard.go      whether AWS asks for MFA, and what tells the age of a key then
//	mfa.go        the codes, and the session that is opened with one
//	session.go    what this process has opened
//	act.go        the table of steps, and which pair signs each
//	outcome.go    how a key stands afterwards, in results and status
//
// The steps, in the order of a rotation:
//
//	preflight.go  refuse whatever can be refused before a key exists
//	create.go     create the new key
//	reconcile.go  find out what a CreateAccessKey did whose answer was lost
//	orphan.go     judge the keys that appeared since, and retire the one that it made
//	prove.go      sign with the new key until AWS accepts it reliably
//	swap.go       write the new pair into the files, or repair a pair that is torn
//	validate.go   read the files back, and ask AWS with those bytes
//	hook.go       bring the pair to places that are not files
//	hookrun.go    the commands that do so, while they run
//	describe.go   describe the new key for the console, with a hash of the history
//	retire.go     deactivate, revive and delete the old key
//	giveup.go     put the old pair back, and delete the new key
//	retirement.go end a key that no one uses: the steps of a rotation, without a swap
//	helper.go     how a retirement ends: the key that has signed it goes, or the old one stays
//	confirm.go    wait until AWS shows a change
//
// What a person asks for:
//
//	hold.go       Hold and Resume
//	arrange.go    Arrange, under which a pair moves to another section
//	prune.go      Prune, which deletes a second key
//	link.go       Link and Unlink, which choose the linked files
//	plan.go       PlanRetirement and Retire, which begin to end a key without a successor
//	tryhook.go    RunHook, which runs a hook now
//	anchors.go    ReadDescriptions, which asks AWS for the hashes of the history that it has
//	rehearse.go   Rehearse, which tries a rotation without starting one
//
// And what comes out of it:
//
//	event.go      the events, and the entries of the history
//	about.go      whom and what they concern, and who asked
//	fleet.go      fleet.json, at the end of a pass
//	evidence.go   AWS's receipts, for the history and the journal
//	examine.go    what a dry run remembers, and upkeep for keyd doctor
//	errors.go     the kinds of failure
//	short.go      a failure in one cell of a table
//	explain.go    why a call was denied, and whether one endpoint or the network is silent
package rotate
