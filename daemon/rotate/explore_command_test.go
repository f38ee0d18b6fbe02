package rotate_test

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// commands are what a person can run instead of waiting for the next pass.
// Each counts as one fault, and further faults are tried in it as in any
// take.
var commands = append([]fate{
	{name: "keyd rotate", command: passWith(decide.Options{Manual: true}), rank: inSingles},
	{name: "keyd rotate --force", command: passWith(decide.Options{Manual: true, Force: true}), rank: inSingles},
	{name: "keyd rotate --retire-now", command: passWith(decide.Options{Manual: true, RetireNow: true}), rank: inSingles},
	{name: "keyd rotate --delete-now", command: passWith(decide.Options{Manual: true, RetireNow: true, DeleteNow: true}), rank: inPairs},
	{name: "keyd hold", command: commandOnDefault((*rotate.Rotator).Hold), rank: inPairs},
	{name: "keyd resume", command: commandOnDefault((*rotate.Rotator).Resume), rank: inPairs},
	{name: "keyd unlink", command: unlinkFile(envFile), link: true, rank: inSingles},
	{name: "keyd prune", command: (*take).pruneNamed, rank: inPairs},
	{name: "two passes", command: (*take).twoPasses, rank: inSingles},
}, slices.Concat(oddProcesses, strangeEndpoints, forged)...)

// atStart is the number of the effect at which a command is run: the take
// itself is that command.
const atStart = 0

// passWith returns a command that runs a pass with the options a.
func passWith(a decide.Options) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		return r.runPass(ctx, rotate.Request{Options: a})
	}
}

// commandOnDefault returns a command that runs do for the profile "default".
func commandOnDefault(do func(*rotate.Rotator, context.Context, string) (rotate.Result, error)) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		result, err := do(r.d, ctx, "default")
		if err != nil {
			return nil, err
		}
		return []rotate.Result{result}, nil
	}
}

// pruneNamed prunes the newest key that the file does not show, named as by a
// person who has read the status.
func (r *take) pruneNamed(ctx context.Context) ([]rotate.Result, error) {
	shown, _ := r.shownKey(defaultPlace)
	for _, k := range r.cloud.Keys(r.user()) {
		if k.ID != shown {
			r.namedKey = k.ID
		}
	}
	p, err := r.d.FindSecondKey(ctx, "default", r.namedKey)
	if err != nil || p.Active && r.namedKey == "" { // an active key must be named
		return nil, err
	}
	r.namedKey = p.KeyID
	return nil, r.d.Prune(ctx, p)
}

// runProcess runs the command of the take, or else the daemon's pass.
func (r *take) runProcess(ctx context.Context) ([]rotate.Result, error) {
	if c := r.commandRun(); c != nil {
		return c(r, ctx)
	}
	return r.runPass(ctx, rotate.Request{})
}

// commandRun returns the command that the take runs, or nil for a pass of the
// daemon.
func (r *take) commandRun() func(*take, context.Context) ([]rotate.Result, error) {
	if len(r.faults) == 0 || r.faults[0].at != atStart {
		return nil
	}
	return r.faults[0].fate.command
}

// startTime returns when the process starts. A person who runs a command does
// not wait until something is due.
func (r *take) startTime(w *scene) time.Time {
	if soon := w.since.Add(restartAfter); r.commandRun() != nil && !w.since.IsZero() && soon.Before(w.at) {
		return soon
	}
	return w.at
}

// oddProcesses are commands that run in an odd environment: in a shell whose
// AWS_SHARED_CREDENTIALS_FILE names another file, or on a clock that is ten
// days ahead or a year behind. They share the state folder with the daemon.
var oddProcesses = []fate{
	{name: "keyd rotate elsewhere", command: fromElsewhere(passWith(decide.Options{Manual: true, RetireNow: true})), rank: inSingles},
	{name: "keyd resume elsewhere", command: fromElsewhere(commandOnDefault((*rotate.Rotator).Resume)), rank: inSingles},
	{name: "clock ahead", command: withClockOff(10*settings.Day, passWith(decide.Options{})), rank: inSingles},
	{name: "keyd rotate, clock ahead", command: withClockOff(10*settings.Day, passWith(decide.Options{Manual: true})), rank: inSingles},
	{name: "clock a year behind", command: withClockOff(-365*settings.Day, passWith(decide.Options{})), rank: inSingles},
}

// elsewhereFile is the credentials file that AWS_SHARED_CREDENTIALS_FILE
// names in such a shell.
var elsewhereFile = filepath.Join(homeFolder, "elsewhere")

// fromElsewhere returns a command that runs do with elsewhereFile as the
// credentials file.
func fromElsewhere(do func(*take, context.Context) ([]rotate.Result, error)) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		id, secret := r.addStranger()
		r.disk.Put(elsewhereFile, []byte("[personal]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n"), false)
		r.d.Store.Paths.Credentials, r.d.OtherFiles = elsewhereFile, []string{credentials}
		return do(r, ctx)
	}
}

// withClockOff returns a command that runs do with a clock that differs from the true time
// by more than overlap and quarantine together.
func withClockOff(by time.Duration, do func(*take, context.Context) ([]rotate.Result, error)) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		r.d.Now = func() time.Time { return time.Now().Add(by) }
		return do(r, ctx)
	}
}
