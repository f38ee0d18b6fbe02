package rotate_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// hookFates are what can happen to a hook, besides that its process or keyd is killed
// before or after it has updated its place.
var hookFates = []fate{
	{name: "hook fails", kinds: []kind{hookRun}, hook: errors.New("exit code 1"), rank: inPairs},
	{name: "hook done+fails", kinds: []kind{hookRun}, hook: errors.New("not finished after 1m0s: ended"), hookDone: true, rank: inSingles},
}

// theHook is the required hook of the settings with one.
var theHook = settings.Hook{Name: "github", Command: []string{"gh"}, Required: true, Timeout: time.Minute, Secrets: settings.SecretsStdin, Format: "json"}

// hooked is the place that the hook updates. It cannot be asked what it holds: that is in
// the ghost.
type hooked struct{ r *take }

func (hooked) Check(settings.Hook) error { return nil }

// Run is one effect: the place holds the pair that the hook has got.
func (h hooked) Run(_ context.Context, call rotate.HookCall) rotate.HookOutcome {
	var pair struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
	}
	if err := json.Unmarshal(call.Stdin, &pair); err != nil || h.r.cloud.Secrets()[pair.ID] != pair.Secret {
		h.r.reportViolation("hook", "it got no pair: %v", err)
	}
	err := h.r.applyEffect(effect{what: "hook", kind: hookRun}, func(f *fate) error {
		if f == nil || f.hookDone {
			h.r.ghost.holds = pair.ID
		}
		if f != nil {
			return f.hook
		}
		return nil
	})
	return rotate.HookOutcome{Err: err}
}

// checkHook checks, after a call that retires a key, that the place of the required hook
// does not hold that key while the files show another one of the rotation. Where a person
// has taken the profile away or put a third key there, keyd has no pair for the place.
func (r *take) checkHook() {
	call := r.cloud.LastCall()
	retires := call.Action == "DeleteAccessKey" || call.Action == "UpdateAccessKey" && call.Asked == "Inactive"
	shown, _ := r.shownKey(defaultPlace)
	if retires && r.hook && call.Target == r.ghost.holds && shown != "" && shown != call.Target && r.userOf(shown) == alice && call.Target != r.namedKey {
		r.reportViolation("hook", "%s of %s, which the place of the required hook still holds", call.Action, call.Target)
	}
}

// checkHookClosed checks, after a rotation, that the place holds the pair in the file.
func (r *take) checkHookClosed() {
	shown, _ := r.shownKey(defaultPlace)
	if r.hook && shown != r.ghost.holds && !r.ghost.beyondRepair && r.userOf(shown) == alice {
		r.reportViolation("hook", "the rotation is over, the file shows %s, and the place of the hook holds %s", shown, r.ghost.holds)
	}
}

// hookTries is how often a hook has failed and for how long, in a journal. All that matters
// to the future is whether it was more than once, and when the next try is due.
var hookTries = regexp.MustCompile(`"(failures|lasted_ns)": (\d+)`)

// withoutHookTries returns the text of a journal with few different numbers of failures.
func withoutHookTries(text string) string {
	return hookTries.ReplaceAllStringFunc(text, func(field string) string {
		if m := hookTries.FindStringSubmatch(field); m[1] == "failures" && slices.Contains([]string{"1", "2"}, m[2]) {
			return field
		}
		return ""
	})
}
