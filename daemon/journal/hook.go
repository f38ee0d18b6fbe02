package journal

import (
	"slices"
	"time"
)

// HookState is what is known of one hook of keyd.ini in a rotation. The other place cannot
// be asked which pair it holds, so the journal says which one it may hold: a hook is run at
// least once for each pair that the files come to show.
type HookState struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // of what was run; see settings.Hook.Digest

	// The last run. It is journaled before the command is started.
	KeyID     string    `json:"key"`                 // the pair that it was about; the other place may hold it since
	RunsUntil time.Time `json:"runs_until,omitzero"` // no other process starts the hook before; zero once the run has ended
	Delivered time.Time `json:"delivered,omitzero"`  // when it succeeded; zero otherwise

	// The failures in a row, of that digest and that pair.
	Failures int           `json:"failures,omitzero"`
	Failed   time.Time     `json:"failed,omitzero"`    // the last one
	Lasted   time.Duration `json:"lasted_ns,omitzero"` // since the first one, not counting time asleep or off
	Definite bool          `json:"definite,omitzero"`  // trying again does not help until a person has acted
	LeftOut  bool          `json:"left_out,omitzero"`  // the rotation continues without the hook
	Why      string        `json:"why,omitzero"`       // how it failed, such as "exit code 1"
	Said     string        `json:"said,omitzero"`      // the last line that it printed, without secrets
	Leaked   bool          `json:"leaked,omitzero"`    // it printed a secret, which is not kept
}

// FindHook returns what is known of a hook, or nil when it was never started in this
// rotation.
func (r *Rotation) FindHook(name string) *HookState {
	i := slices.IndexFunc(r.Hooks, func(h HookState) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Hooks[i]
}

// BeginHook records that a hook is about to be started for the pair of the key id, and ends
// before until. The failures of another command, or of another pair, are forgotten.
func (r *Rotation) BeginHook(name, digest, id string, until time.Time) {
	h := r.FindHook(name)
	if h == nil {
		r.Hooks = append(r.Hooks, HookState{Name: name})
		h = &r.Hooks[len(r.Hooks)-1]
	}
	if h.Digest != digest || h.KeyID != id {
		*h = HookState{Name: name, Digest: digest, KeyID: id}
	}
	h.RunsUntil, h.Delivered = until, time.Time{}
}

// HasDelivered reports whether the hook, if it is still the one with this digest, has
// succeeded for the pair of the key id.
func (h *HookState) HasDelivered(digest, id string) bool {
	return h != nil && h.Digest == digest && h.KeyID == id && !h.Delivered.IsZero()
}

// IsAbout reports whether the last run was about the pair of the key id, with this digest.
func (h *HookState) IsAbout(digest, id string) bool {
	return h != nil && h.Digest == digest && h.KeyID == id
}

// Outcome says in words how the last run ended: how it failed, and the last line that it
// printed.
func (h *HookState) Outcome() string {
	text := h.Why
	if h.Said != "" {
		if text != "" {
			text += ": "
		}
		text += h.Said
	}
	if h.Leaked {
		text += " (it printed the secret, which is not kept)"
	}
	return text
}
