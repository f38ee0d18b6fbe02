package fleet

import (
	"cmp"
	"regexp"
	"slices"
	"sync"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// Record is how one machine stands. Every field is there in every record, so that a reader
// needs no default. Nothing in it tells whose keys they are: no id, name, account or path.
type Record struct {
	Schema       int       `json:"schema"`          // 1
	Keys         int       `json:"keys"`            // long-term keys; those that keyd skips are not counted
	OldestAge    int       `json:"oldest_age_days"` // in full days; of the keys whose age is known, 0 without any
	Overdue      int       `json:"overdue"`         // keys that are max_age old, or older
	UnknownAge   int       `json:"unknown_age"`     // keys whose age AWS has not told yet: they may be overdue
	NeedsPerson  int       `json:"needs_person"`    // keys for which only a person can continue
	Reasons      []string  `json:"reasons"`         // why, sorted, each once, in the words of decide.Causes
	Overlap      int       `json:"overlap"`         // keys of which the predecessor still works
	Retiring     int       `json:"retiring"`        // keys that end without a successor, and replaced ones in the quarantine
	Release      string    `json:"release"`         // of keyd; "unknown" for a build without a version
	DaemonAlive  bool      `json:"daemon_alive"`    // a daemon ran when the record was made
	Managed      bool      `json:"managed"`         // managed settings are in force
	ManagedSum   string    `json:"managed_sha256"`  // of their contents, in hexadecimal; "" when there are none
	Ignored      int       `json:"without_effect"`  // lines of keyd.ini that would weaken them, and have no effect
	LastPass     time.Time `json:"last_pass"`       // when a pass last ended; the year 1 before the first
	LastPassUnix int64     `json:"last_pass_unix"`  // the same in seconds since 1970, for readers that cannot parse a date; 0 before the first pass
	MaxAge       int       `json:"max_age_days"`    // the limit in force, in full days
}

// Schema is the version of Record.
const Schema = 1

// Source is what a Record is made of.
type Source struct {
	Status   state.Status
	Settings settings.Settings // in force
	Release  string            // version of keyd
	Alive    bool              // a daemon runs
	Now      time.Time
}

// Make returns how a machine stands.
func Make(from Source) Record {
	r := Record{Schema: Schema, Reasons: []string{}, Release: cleanRelease(from.Release), DaemonAlive: from.Alive,
		LastPass: from.Status.Written.UTC().Truncate(time.Second), MaxAge: int(from.Settings.MaxAge / settings.Day)}
	if !r.LastPass.IsZero() {
		r.LastPassUnix = r.LastPass.Unix()
	}
	if m := from.Settings.Managed; m != nil {
		r.Managed, r.ManagedSum, r.Ignored = !from.Settings.Unknown, m.SHA256, len(m.Ignored)
	}
	if from.Status.SettingsErr != "" || from.Settings.Unknown {
		r.Reasons = append(r.Reasons, string(decide.CauseSettings))
	}
	for _, l := range from.Status.Keys {
		r.addKey(l, from)
	}
	slices.Sort(r.Reasons)
	r.Reasons = slices.Compact(r.Reasons)
	return r
}

// addKey counts one key.
func (r *Record) addKey(l state.KeyStatus, from Source) {
	if l.State == decide.StateSkipped {
		return
	}
	r.Keys++
	age := from.Now.Sub(l.Created)
	switch {
	case l.Created.IsZero():
		r.UnknownAge++
	case age >= from.Settings.MaxAge:
		r.Overdue++
		fallthrough
	default:
		r.OldestAge = max(r.OldestAge, int(age/settings.Day))
	}
	switch {
	case l.State == decide.StateOverlap:
		r.Overlap++
	case l.State == decide.StateQuarantine || l.State == decide.StateRetiring:
		r.Retiring++
	}
	if l.NeedsPerson {
		r.NeedsPerson++
		r.Reasons = append(r.Reasons, string(decide.CauseOf(l.Short)))
	}
}

// releasePattern matches a version: what a build may write into the program is not known
// here.
var releasePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^v?[0-9]+(\.[0-9A-Za-z]+){0,4}([-+][0-9A-Za-z.+-]*)?$`)
})

// cleanRelease returns a version, or "unknown" for a text that is none.
func cleanRelease(text string) string {
	if len(text) > 64 || !releasePattern().MatchString(text) {
		text = ""
	}
	return cmp.Or(text, "unknown")
}
