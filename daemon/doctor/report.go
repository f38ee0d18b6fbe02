package doctor

import (
	"slices"
	"time"
)

// Report is what the doctor found. It never holds a secret.
type Report struct {
	Version  int       `json:"version"` // 1
	Now      time.Time `json:"now"`
	Checks   []Checked `json:"checks"`
	Findings []Entry   `json:"findings"` // in the order of the checks
}

// Checked is one check, and how it ended.
type Checked struct {
	Name    string   `json:"check"`
	Group   Group    `json:"group"`
	Worst   Severity `json:"worst"`            // of its findings; fine without any; unknown when it was not made
	Skipped string   `json:"skipped,omitzero"` // why it was not made
}

// Entry is one finding as people and programs see it.
type Entry struct {
	Check    string   `json:"check"`
	Group    Group    `json:"group"`
	Severity Severity `json:"severity"`
	Found    string   `json:"found"`
	Why      string   `json:"why"`
	Run      string   `json:"run,omitzero"`
	Ask      string   `json:"ask,omitzero"`
	Profiles []string `json:"profiles,omitzero"`
	Usual    bool     `json:"usual,omitzero"`   // nobody can find it out, even where all is well
	Fixable  bool     `json:"fixable,omitzero"` // keyd doctor --fix mends it
	Fixed    string   `json:"fixed,omitzero"`   // what --fix did, after which it was gone
	Left     string   `json:"left,omitzero"`    // why --fix left it as it was
}

// IsOpen reports whether the finding is still there.
func (e *Entry) IsOpen() bool { return e.Fixed == "" }

// NeedsPerson reports whether anything is wrong that was not mended.
func (r *Report) NeedsPerson() bool {
	return slices.ContainsFunc(r.Findings, func(e Entry) bool { return e.IsOpen() && e.Severity == Wrong })
}

// Count returns how many open findings have a severity. What nobody can find out does not
// count as unknown: see Usual.
func (r *Report) Count(s Severity) (n int) {
	for _, e := range r.Findings {
		if e.IsOpen() && e.Severity == s && !e.Usual {
			n++
		}
	}
	return n
}

// CountFixable returns how many open findings --fix would mend.
func (r *Report) CountFixable() (n int) {
	for _, e := range r.Findings {
		if e.IsOpen() && e.Fixable {
			n++
		}
	}
	return n
}

// rank orders the severities.
func (s Severity) rank() int { return slices.Index([]Severity{Fine, Note, Unknown, Wrong}, s) }
