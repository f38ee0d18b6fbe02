package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/credfile"
	"keyd/daemon"
)

func shortID(id string) string { return credfile.Short(id) }

// formatWait is the line of a wait: what for, how long, how long at most.
func formatWait(e daemon.Event) string {
	return fmt.Sprintf("  %-11s %s  %s of %s at most", e.Verb, e.Text, formatElapsed(e.Elapsed), formatDuration(e.Limit))
}

// printResult tells how a key stands at the end of a pass, and what the next thing
// to happen is. It returns the exit code that this key asks for.
func (n *narrator) printResult(ctx context.Context, r daemon.Result) int {
	switch {
	case r.Err != nil && ctx.Err() != nil && errors.Is(r.Err, context.Cause(ctx)):
		return n.printInterrupted(ctx, r)
	case r.Err != nil:
		n.printError(prefixProfiles(r.Profiles, stripPackages(r.Err.Error())), cmp.Or(daemon.HintFor(r.Err, r.Profiles), r.Run))
		return resultCode(r)
	case r.Do == daemon.Blocked:
		n.printError(prefixProfiles(r.Profiles, stripPackages(r.Why)), r.Run)
		return exitPerson
	case r.State == daemon.Waiting:
		n.printError(prefixProfiles(r.Profiles, stripPackages(r.Why)), r.Run)
		return exitFailed
	case r.Do == daemon.Skip && n.named:
		n.printError(joinNames(r.Profiles)+": nothing to rotate: "+stripPackages(r.Why), r.Run)
		return exitFailed
	case !endsPass(r.Do):
		n.printPreview(r)
	default:
		n.printClosing(r)
	}
	return exitDone
}

func resultCode(r daemon.Result) int {
	if r.NeedsPerson {
		return exitPerson
	}
	return errorCode(r.Err)
}

// printInterrupted says where an interrupted rotation stands. A key without one is passed
// over: nothing happened to it.
func (n *narrator) printInterrupted(ctx context.Context, r daemon.Result) int {
	rotation := r.Rotation
	if rotation == nil {
		return exitDone
	}
	n.printError(fmt.Sprintf("%s: %v; %s", joinNames(r.Profiles), context.Cause(ctx), describeRotation(rotation)), daemon.Command("keyd rotate", r.Profiles[0]))
	return exitFailed
}

// describeRotation tells which keys exist, what the files show and what comes next.
func describeRotation(r *daemon.Rotation) string {
	old, fresh := r.Old, r.New
	switch {
	case fresh.ID == "":
		return fmt.Sprintf("CreateAccessKey was sent and its answer is not known.\nthe files show %s, which works as before; the next pass finds out whether a key was made", old)
	case r.Swapped.IsZero():
		return fmt.Sprintf("%s exists at AWS and is kept here, in no file yet.\nthe files show %s, which works as before; the next pass goes on with %s", fresh, old, fresh)
	case r.Validated.IsZero():
		return fmt.Sprintf("the files show %s.\n%s stays usable; the next pass validates what is in the files", fresh, old)
	case r.Deactivated.IsZero():
		return fmt.Sprintf("the files show %s, which works.\n%s stays usable until the overlap is over", fresh, old)
	}
	return fmt.Sprintf("the files show %s, which works.\n%s is inactive and not deleted yet", fresh, old)
}

// printClosing is the last line about a key that waits for its next step.
func (n *narrator) printClosing(r daemon.Result) {
	text := n.closingText(r)
	if joinNames(r.Profiles) == n.heading {
		n.printf("  %s\n", text)
		return
	}
	n.printf("%s: %s\n", joinNames(r.Profiles), text)
}

func (n *narrator) closingText(r daemon.Result) string {
	now := n.now()
	rotation := r.Rotation
	switch {
	case r.State == daemon.Overlap && rotation != nil:
		return fmt.Sprintf("%s stays usable until %s, is inactive until %s, then deleted", rotation.Old,
			formatMoment(r.Next, now), formatMoment(r.Next.Add(n.settings.Quarantine), now))
	case r.State == daemon.Quarantine && rotation != nil && rotation.New.ID != "":
		return fmt.Sprintf("%s is inactive until %s, then deleted; keyd hold makes it usable again", rotation.Old, formatMoment(r.Next, now))
	case r.State == daemon.OK && joinNames(r.Profiles) == n.heading:
		return fmt.Sprintf("done: %s is the only key", shortID(r.Key))
	case r.State == daemon.OK:
		return fmt.Sprintf("%s is %s old and is replaced in %s: nothing to do", shortID(r.Key), formatAge(now.Sub(r.KeyLine.Created)), formatDuration(r.Next.Sub(now)))
	}
	return string(r.State) + ": " + stripPackages(r.Why)
}

// printPreview says what a pass would do to a key, and to which values.
func (n *narrator) printPreview(r daemon.Result) {
	what := "would go on: " + string(r.Do)
	if slices.Contains([]daemon.Do{daemon.Preflight, daemon.Create}, r.Do) {
		what = "would be replaced"
	}
	n.printf("%s: %s %s (%s)\n", joinNames(r.Profiles), shortID(r.Key), what, r.Why)
	for _, c := range r.Changes {
		old := shortID(r.Key)
		if c.What == "aws_secret_access_key" {
			old = "(secret)"
		}
		n.printf("  %s: %-21s %s -> \"new\"\n", n.shortenHome(fmt.Sprintf("%s:%d", c.Path, c.Line)), c.What, old)
	}
}

// endsPass reports whether a pass has nothing more to do after it.
func endsPass(do daemon.Do) bool { return daemon.Decision{Do: do}.Ends() }
