package doctor

import (
	"context"
	"errors"
	"slices"
)

// Options say which checks are made.
type Options struct {
	Offline  bool // make no connection
	NoSearch bool // do not read the home folder
	Fix      bool // mend what is safe
}

// skips returns why a check is not made, or "".
func (o Options) skips(c Check) string {
	switch {
	case c.Needs == NeedsNetwork && o.Offline:
		return "it connects to AWS, and --offline forbids that"
	case c.Needs == NeedsSearch && o.NoSearch:
		return "it reads the home folder, and --no-search forbids that"
	}
	return ""
}

// finding is a finding with the check that made it.
type finding struct {
	Finding
	check Check
}

// Run makes every check. With o.Fix it then mends what is safe, and looks again: only what
// is gone afterwards counts as mended. When ctx ends, the checks that were not made say so.
func Run(ctx context.Context, p *Patient, o Options) Report {
	p.Offline = o.Offline
	checks := All()
	r := Report{Version: 1, Now: p.now().UTC(), Checks: []Checked{}, Findings: []Entry{}}
	var all []finding
	for _, c := range checks {
		done := Checked{Name: c.Name, Group: c.Group, Worst: Fine, Skipped: o.skips(c)}
		if done.Skipped == "" && ctx.Err() != nil {
			done.Skipped = "interrupted"
		}
		if done.Skipped != "" {
			done.Worst = Unknown
			r.Checks = append(r.Checks, done)
			continue
		}
		for _, f := range c.Find(ctx, p) {
			if f.Severity.rank() > done.Worst.rank() && !f.Usual {
				done.Worst = f.Severity
			}
			if !repeats(all, f) {
				all = append(all, finding{f, c})
			}
		}
		r.Checks = append(r.Checks, done)
	}
	for _, f := range all {
		r.Findings = append(r.Findings, f.entry())
	}
	if o.Fix {
		mendAll(ctx, p, all, r.Findings)
	}
	return r
}

// repeats reports whether another check has found the same already.
func repeats(all []finding, f Finding) bool {
	return f.Severity != Fine && slices.ContainsFunc(all, func(g finding) bool { return g.Found == f.Found && g.Severity != Fine })
}

// entry returns the finding as people and programs see it.
func (f finding) entry() Entry {
	e := Entry{Check: f.check.Name, Group: f.check.Group, Severity: f.Severity, Found: f.Found, Why: f.Why,
		Run: f.Run, Ask: f.Ask, Profiles: f.Profiles, Usual: f.Usual, Fixable: f.mend != nil}
	if e.Why == "" {
		e.Why = f.check.Why
	}
	return e
}

// mendAll mends what is safe. entries are those of all.
func mendAll(ctx context.Context, p *Patient, all []finding, entries []Entry) {
	did := make([]string, len(all))
	again := map[string]bool{}
	for i, f := range all {
		switch {
		case f.mend == nil:
			continue
		case ctx.Err() != nil:
			entries[i].Left = "interrupted"
			continue
		}
		done, err := f.mend(ctx)
		if err != nil {
			entries[i].Left = describe(err)
			continue
		}
		did[i], again[f.check.Name] = done, true
	}
	p.forget()
	for _, c := range All() {
		if !again[c.Name] {
			continue
		}
		left := c.Find(context.WithoutCancel(ctx), p)
		for i, f := range all {
			if f.check.Name != c.Name || did[i] == "" {
				continue
			}
			if slices.ContainsFunc(left, func(g Finding) bool { return g.Found == f.Found }) {
				entries[i].Left = "it did not help: " + did[i]
			} else {
				entries[i].Fixed = did[i]
			}
		}
	}
}

// errNotMine is why a file of another user is left alone.
var errNotMine = errors.New("it belongs to another user")
