package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

const day = 24 * time.Hour

// Never is the rotate_after of a profile that is left alone.
const Never time.Duration = -1

// Settings is keyd.ini. The zero value is not usable: see DefaultSettings.
type Settings struct {
	RotateAfter        time.Duration            // age at which a key is replaced, +-10 %, at least a day
	MaxAge             time.Duration            // the limit that auditors check; CIS AWS Foundations: 90 days
	Overlap            time.Duration            // old and new both Active after the swap
	Quarantine         time.Duration            // old Inactive before it is deleted
	CheckEvery         time.Duration            // the daemon's lazy step, at least a minute
	Notify             string                   // "desktop" or "none"
	OnEvent            []string                 // a command and its arguments, gets events as JSON on standard input
	DescribeKeys       bool                     // tag new keys for the console's description column
	NeverAccounts      []string                 // keys of these accounts, 12 digits each, are left alone
	PruneInactiveAfter time.Duration            // 0: never delete a second, Inactive key unasked
	Profiles           map[string]time.Duration // rotate_after of single profiles, or Never
	Sections           map[string]string        // where those stand, as file:line

	// Unknown means that keyd.ini has a mistake and no settings from before it
	// are known: the others are the defaults, and nothing may rest on them.
	Unknown bool
}

// DefaultSettings is what an absent or empty keyd.ini means.
func DefaultSettings() Settings {
	return Settings{
		RotateAfter: 60 * day, MaxAge: 90 * day, Overlap: day, Quarantine: 7 * day,
		CheckEvery: 15 * time.Minute, Notify: "desktop", DescribeKeys: true,
	}
}

// After returns the rotate_after of a key that these profiles share: the
// shortest that any of them asks for, or Never when one of them is excluded.
func (s Settings) After(profiles []string) time.Duration {
	after := time.Duration(0)
	for _, name := range profiles {
		own, ok := s.Profiles[name]
		if !ok {
			own = s.RotateAfter
		}
		if own == Never {
			return Never
		}
		if after == 0 || own < after {
			after = own
		}
	}
	return cmp.Or(after, s.RotateAfter)
}

// Strangers says which of the profiles that keyd.ini names are none of these,
// the profiles of the AWS files: a misspelt name excludes nothing. It is no
// mistake that is refused, since the profile may come, and one keyd.ini may
// serve several machines.
func (s Settings) Strangers(profiles []string) (notes []string) {
	free := slices.DeleteFunc(slices.Clone(profiles), func(name string) bool { _, named := s.Profiles[name]; return named })
	for _, name := range slices.Sorted(maps.Keys(s.Profiles)) {
		if slices.Contains(profiles, name) {
			continue
		}
		text := fmt.Sprintf("%s: no profile %s in the AWS files, so this holds for no key", s.Sections[name], name)
		if near := Nearest(name, free); near != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		notes = append(notes, text)
	}
	return notes
}

// SettingsError is a mistake in keyd.ini.
type SettingsError struct {
	Path string
	Line int // 0 when the file as a whole is meant
	Text string
	Near string // the valid name that was probably meant
}

func (e *SettingsError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Text)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Text)
}

// Hint asks for what was probably meant.
func (e *SettingsError) Hint() string {
	if e.Near == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", e.Near)
}
