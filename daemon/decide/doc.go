// Package decide is the policy of keyd: what to do with one access key now, and why.
//
// It has one entrance. Next takes the Facts about a key, the settings and the time,
// and returns a Decision: the action to take, how long to wait, or what a person has
// to do, with a reason in words. Next is pure: it reads no file, asks no one and does
// not look at the clock, so a table of facts tests it, and anything it decides can be
// decided again. Package rotate gathers the facts, performs the action, and asks again
// with fresh facts until the Decision ends the pass for the key.
//
// # Reading order
//
//   - facts.go: everything that Next may know about a key.
//   - links.go: what linked files show, and when one of them is in the way.
//   - decision.go, action.go: what it may answer; each action is one row of a table.
//   - next.go: a key at rest, from the first look to the decision to replace it.
//   - phases.go: a rotation in progress. What can do the most harm comes first.
//   - second.go: a second key of the user, and the one that another machine has made.
//   - lost.go: a CreateAccessKey whose answer was lost, and the key that it may have made.
//   - foreign.go: a rotation that another installation of keyd began.
//   - hooks.go: commands that bring the pair to places that are not files.
//   - retire.go: the end of the old key, in the overlap and in the quarantine.
//   - copies.go: where else on this machine the key stands, in words.
//   - use.go: what AWS's answers about the use of a key mean, at rest and in the overlap.
//   - retirement.go: a key that a person ends without a successor.
//   - mended.go: an old text that comes back into the files.
//   - dead.go: someone has made the new key Inactive or deleted it.
//   - excluded.go: a person has excluded the key in the middle of its rotation.
//   - retry.go: how a recent failure turns an action into a wait, or into a question to
//     a person.
//   - denial.go: when a call that a policy denies is tried again, and when it is told.
//   - obstacles.go: what overrides a decision, whatever the phase.
//   - foresee.go: what a whole pass will do, for a preview: Next, asked in advance.
//   - verdict.go: whether a key is needed at all, as a question with its evidence.
//   - guard.go: policies that deny nearly everything without MFA: codes, sessions, and an age
//     that can only be estimated.
//   - decoy.go: keys that must not sign anything.
//   - life.go: the life of a key, from its creation to what is to come.
//   - cause.go: why a key needs a person, as one of a few fixed words for programs.
//   - words.go: ages and uses in words, and reasons for one cell of a table.
//
// # A new action
//
//  1. action.go: a constant of type Do, and its row in the table, which says what a
//     failure, unknown settings or a missing network mean for it.
//  2. Usually phases.go or retire.go: the case in which it is due. The order of the
//     cases is the order of urgency. The decision must pass through orWaitForRetry,
//     here or in the caller.
//  3. Package rotate: a function that performs it, and its row in act.go. If the action
//     is optional, the row also says how to continue without it. Only failures of AWS
//     count for that, see Action.Optional: a step that can fail in another way counts
//     its failures itself.
//  4. If the journal remembers the action: a field of journal.Rotation, which the
//     fixtures of TestNext and of the tests of package journal have to fill in.
//
// Tests compare the constants, this table and that of package rotate.
//
// # A new reason to skip a key
//
// A reason of the policy is one Skip("...") in next.go. If the key must not even sign a
// question, as with an excluded account, the reason is a case of NeverSignReason in
// decoy.go, which keyd prune asks as well. A reason that the files show, such as another
// way to sign in, is a case of findProvider or describePair in package credfile: it
// reaches Next as Facts.SkipReason, with its words. A new kind of credfile.Skip also
// needs its case in warnOfProviders there. A long-term key that is there and cannot be
// rotated is no reason to skip: see Facts.Unreadable.
//
// # What a person sees
//
// keyd status, the log and the notification all print Decision.Why, and call for a
// person when Decision.NeedsPerson says so. Texts about the phase of a rotation belong
// here as well, so that they cannot contradict what Next does: see DescribeRotation.
package decide
