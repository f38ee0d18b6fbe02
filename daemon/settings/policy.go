package settings

import "cmp"

// Policy are the settings that decide when a key is replaced and ended, as keyd.ini writes
// them: "60d". Each line of the history has them, so their names are part of a format on disk.
type Policy struct {
	RotateAfter string `json:"rotate_after"` // of the key's profiles; "never" when they are excluded
	MaxAge      string `json:"max_age"`
	Overlap     string `json:"overlap"`
	Quarantine  string `json:"quarantine"`
}

// PolicyOrigin returns where each setting of Policy was set for the keys without a section of
// their own, by its name: the line, as file:line, or FromDefault. It returns nil while none are
// known.
func (s Settings) PolicyOrigin() map[string]string {
	if s.Unknown {
		return nil
	}
	origin := map[string]string{}
	for _, name := range []string{"rotate_after", "max_age", "overlap", "quarantine"} {
		origin[name] = cmp.Or(s.From("", name), FromDefault)
	}
	return origin
}

// PolicyFor returns the settings in force for a key that these profiles share; nil while
// none are known.
func (s Settings) PolicyFor(profiles []string) *Policy {
	if s.Unknown {
		return nil
	}
	after := "never"
	if own := s.RotateAfterFor(profiles); own != Never {
		after = FormatDuration(own)
	}
	return &Policy{RotateAfter: after, MaxAge: FormatDuration(s.MaxAge), Overlap: FormatDuration(s.Overlap), Quarantine: FormatDuration(s.Quarantine)}
}
