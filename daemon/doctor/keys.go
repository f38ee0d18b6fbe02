package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// keyChecks look at the keys themselves.
var keyChecks = []Check{
	{Name: "dead-keys", Group: GroupKeys, Why: "every program that uses the profile fails", Find: findDead},
	{Name: "blocked", Group: GroupKeys, Why: "keyd cannot continue with this key until a person helps", Find: findBlocked},
	{Name: "root-keys", Group: GroupKeys, Why: "it may do everything in the account, and no policy can take that from it", Find: findRoot},
	{Name: "held", Group: GroupKeys, Why: "both keys of the rotation stay until it continues", Find: findHeld},
	{Name: "failures", Group: GroupKeys, Why: "keyd tries again by itself, and cannot replace the key until it succeeds", Find: findFailures},
	{Name: "age", Group: GroupKeys, Why: "auditors flag a key at max_age (CIS AWS Foundations: 90 days)", Find: findOld},
	{Name: "second-keys", Group: GroupKeys, Why: "AWS allows two keys for each user, so there is no room for a new one", Find: findSecond},
	{Name: "unused", Group: GroupKeys, Why: "a key that no one uses can only be stolen", Find: findUnused},
	{Name: "notes", Group: GroupKeys, Why: "a pass has noticed it", Find: findNotes},
}

// eachKey calls find for the result of every key that is not skipped.
func (p *Patient) eachKey(ctx context.Context, find func(r rotate.Result) (Finding, bool)) (all []Finding) {
	results, err := p.results(ctx)
	if err != nil {
		all = append(all, p.explainNoResults(ctx, err))
	}
	for _, r := range results {
		if r.KeyID == "" && r.State == decide.StateSkipped {
			continue
		}
		if f, ok := find(r); ok {
			f.Profiles = r.Profiles
			all = append(all, f)
		}
	}
	return all
}

// explainNoResults says that the keys could not be looked at. What another check has told is
// not told again, but what it hides is not fine.
func (p *Patient) explainNoResults(ctx context.Context, err error) Finding {
	_, folder := errors.AsType[*atomicfile.Untrusted](err)
	_, unread := p.snapshot(ctx)
	switch {
	case isLockTrouble(err):
		return unknown("how the keys stand is not known: they can be looked at only while no other keyd works on them", "")
	case folder || unread != nil && asNoKey(unread) == nil:
		return unknown("how the keys stand is not known: the files could not be read", "")
	}
	run, ask := adviseOn(err, nil)
	return wrong("the keys could not be looked at: "+describe(err), run, ask)
}

// nameKey returns the profiles and the short id of a key.
func nameKey(r rotate.Result) string {
	names := strings.Join(r.Profiles, ", ")
	if r.KeyID == "" {
		return names
	}
	return names + ": " + credfile.Short(r.KeyID)
}

// isDead reports whether AWS refuses the key that the files show.
func isDead(r rotate.Result) bool {
	class := iam.ClassOf(r.Err)
	return r.Err != nil && (class == iam.BadKey || class == iam.BadSecret) || r.Rotation != nil && !r.Rotation.NewDead.IsZero()
}

// findDead looks for keys that AWS refuses.
func findDead(ctx context.Context, p *Patient) []Finding {
	dead := p.findRefused(ctx)
	switch {
	case len(p.keyGroups(ctx)) == 0:
	case p.Offline:
		dead = append(dead, Finding{Severity: Unknown, Found: "whether AWS accepts the keys is not known: it was not asked", Usual: true})
	case p.isUnreachable(ctx):
		dead = append(dead, unknown(silentText, ""))
	}
	return dead
}

// silentText says what is not known while nothing of AWS answers.
const silentText = "what the keys may do is not known: AWS does not answer"

// findRefused returns the keys that AWS refuses, as far as it is known.
func (p *Patient) findRefused(ctx context.Context) []Finding {
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if !isDead(r) {
			return Finding{}, false
		}
		text := hint.StripPackages(r.Why)
		if r.Err != nil {
			text = describe(r.Err)
		}
		run, ask := advise(cmp.Or(r.Hint, hint.HintFor(r.Err, r.Profiles)))
		return wrong(nameKey(r)+": AWS refuses it: "+text, run, ask), true
	})
}

// findBlocked looks for keys that wait for a person. What the files themselves say is among
// the checks of the files.
func findBlocked(ctx context.Context, p *Patient) []Finding {
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		denied := iam.ClassOf(r.Err) == iam.Denied && r.Err != nil
		if !r.NeedsPerson || isDead(r) || denied || p.Rotator.Settings.Unknown || isAboutFiles(p, ctx, r) {
			return Finding{}, false
		}
		text := hint.StripPackages(r.Why)
		if r.Err != nil {
			text = describe(r.Err)
		}
		run, ask := advise(r.Hint)
		return wrong(nameKey(r)+": "+text, run, ask), true
	})
}

// isAboutFiles reports whether a check of the files or of the settings of AWS tools has said
// why the key is blocked.
func isAboutFiles(p *Patient, ctx context.Context, r rotate.Result) bool {
	if slices.ContainsFunc(p.profiles(ctx), func(profile credfile.Profile) bool {
		return profile.Skip.IsUnreadable() && slices.Contains(r.Profiles, profile.Name)
	}) && (r.KeyID == "" || strings.Contains(r.Why, ":")) {
		return r.Rotation == nil
	}
	return slices.ContainsFunc(p.keyGroups(ctx), func(g group) bool {
		return g.id() == r.KeyID && (g.endpointErr != nil || g.endpoints.CABundle != "" && iam.CheckBundle(g.endpoints.CABundle) != nil)
	})
}

// findRoot looks for keys of the account itself.
func findRoot(ctx context.Context, p *Patient) []Finding {
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if r.Seen == nil || !r.Seen.Root || state.IsCustomEndpoint(r.Endpoint) { // stand-ins of AWS call every key one
			return Finding{}, false
		}
		return wrong(nameKey(r)+" is a key of the account's root user", "", "make an IAM user or a role for what uses it, and delete it in the console: keyd leaves it alone"), true
	})
}

// findHeld tells of rotations that a person has paused.
func findHeld(ctx context.Context, p *Patient) []Finding {
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if r.State != decide.StateHeld || r.NeedsPerson {
			return Finding{}, false
		}
		return note(nameKey(r)+": "+hint.StripPackages(r.Why), hint.Command("keyd resume", r.Profiles[0]), "when it may continue"), true
	})
}

// findFailures tells of what is tried again.
func findFailures(ctx context.Context, p *Patient) []Finding {
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if r.NeedsPerson || isDead(r) || r.Err == nil && r.State != decide.StateWaiting {
			return Finding{}, false
		}
		text := hint.StripPackages(r.Why)
		if r.Err != nil {
			if class := iam.ClassOf(r.Err); class == iam.Denied || class == iam.Unsent && p.isUnreachable(ctx) {
				return Finding{}, false // the permissions, and the network, have been judged
			}
			text = describe(r.Err)
		}
		run, ask := advise(cmp.Or(r.Hint, hint.HintFor(r.Err, r.Profiles)))
		return note(nameKey(r)+": "+text, run, ask), true
	})
}

// findOld looks for keys that are old, or whose age nobody knows.
func findOld(ctx context.Context, p *Patient) []Finding {
	s := p.Rotator.Settings
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if r.State == decide.StateSkipped && s.RotateAfterFor(r.Profiles) != settings.Never || r.KeyID == "" || isDead(r) {
			return Finding{}, false
		}
		if r.Created.IsZero() {
			if s.RotateAfterFor(r.Profiles) == settings.Never {
				return Finding{Severity: Unknown, Found: nameKey(r) + ": its age is not known, since it is excluded in " + s.ExcludingFile(r.Profiles) + " and keyd does not look at it", Ask: "the console of AWS shows it", Usual: true}, true
			}
			return Finding{Severity: Unknown, Found: nameKey(r) + ": its age is not known", Ask: "keyd counts it as too old; see permissions and network", Usual: p.Offline}, true
		}
		old, name := p.now().Sub(r.Created), r.Profiles[0]
		text := fmt.Sprintf("%s is %s old", nameKey(r), settings.FormatAge(old))
		run := hint.Command("keyd rotate", name)
		ask := ""
		if r.NeedsPerson { // the rotation would be refused
			run, ask = hint.Command("keyd explain", name), "it shows what is in the way of its rotation"
		}
		if s.RotateAfterFor(r.Profiles) == settings.Never { // keyd would neither replace nor retire it
			f := decide.Facts{ID: r.KeyID, Profiles: r.Profiles}
			run, ask = "", "it is excluded from rotation in "+s.ExcludingFile(r.Profiles)+": replace it by hand; or "+decide.ExcludedHint("let keyd replace or retire it", f, s)
		}
		switch {
		case r.Rotation != nil:
			return Finding{}, false // it is being replaced, and whatever keeps it is told
		case old >= s.MaxAge:
			return wrong(text+", more than max_age", run, ask), true
		case old >= s.MaxAge-s.MaxAge/10:
			return note(text+", nearly max_age", run, ask), true
		}
		return Finding{}, false
	})
}

// findSecond tells of users who have two keys, where that blocks nothing yet.
func findSecond(ctx context.Context, p *Patient) []Finding {
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if r.Seen == nil || r.Rotation != nil || r.NeedsPerson {
			return Finding{}, false
		}
		other := r.Seen.FindOther(r.KeyID)
		if other == nil {
			return Finding{}, false
		}
		state, used := "inactive", "when it was last used is not known"
		if other.Active {
			state = "active"
		}
		if use := other.LastUse; use != nil && use.At.IsZero() {
			used = "never used"
		} else if use != nil {
			used = fmt.Sprintf("last used %s ago by %s in %s", settings.FormatAge(p.now().Sub(use.At)), use.Service, use.Region)
		}
		f := note(fmt.Sprintf("%s: its user has a second key, %s, %s, %s", nameKey(r), credfile.Short(other.ID), state, used), "", "")
		if other.Active && decide.MayBeAnothers(decide.Facts{ID: r.KeyID, Seen: r.Seen}, other, p.now()) {
			f.Run, f.Ask = hint.Command("keyd policy --second-user", r.Profiles[0]), "another machine may have replaced this key, or have its own: give each machine its own IAM user"
		} else if other.Active && !decide.IsLongUnused(other, r.Profiles, p.Rotator.Settings, p.now()) {
			f.Run, f.Ask = hint.Command("keyd policy --second-user", r.Profiles[0]), "if another machine uses it: it shows how each machine gets its own IAM user; only if nobody needs it: "+hint.Command("keyd prune", r.Profiles[0], other.ID)
		} else {
			f.Run, f.Ask = hint.Command("keyd prune", r.Profiles[0], other.ID), "if no one needs it; keyd shows when it was last used, and asks"
		}
		return f, true
	})
}

// findUnused looks for keys that nobody but keyd uses.
func findUnused(ctx context.Context, p *Patient) []Finding {
	var shown []string
	for _, g := range p.keyGroups(ctx) {
		shown = append(shown, g.id())
	}
	return p.eachKey(ctx, func(r rotate.Result) (Finding, bool) {
		if r.Rotation != nil || r.State == decide.StateSkipped || r.KeyUse == nil {
			return Finding{}, false
		}
		need := decide.Need{ID: r.KeyID, Profiles: r.Profiles, Created: r.Created, Use: r.KeyUse, Seen: r.Seen, ShownKeys: shown}
		if v := decide.Judge(need, p.Rotator.Settings, p.now()); v.Kind == decide.VerdictUnused && p.now().Sub(r.Created) > youngKey {
			run, ask := advise(v.Hint)
			return note(nameKey(r)+": "+v.Used, run, cmp.Or(ask, "if no one needs it any more")), true
		}
		return Finding{}, false
	})
}

// youngKey is the age below which it says nothing that nobody has used a key yet. Auditors
// ask after 45 days (CIS AWS Foundations).
const youngKey = 30 * settings.Day

// findNotes returns what the last pass and the daemon have noted, such as a damaged journal.
func findNotes(_ context.Context, p *Patient) (all []Finding) {
	status, err := state.LoadStatus(p.Rotator.StateDir)
	if err != nil {
		all = append(all, wrong("what the last pass found cannot be read: "+describe(err), p.show(state.StatusPath(p.Rotator.StateDir)), ""))
	}
	notes := status.Notes
	if info := state.LoadDaemonInfo(p.Rotator.StateDir); info != nil {
		notes = append(notes, info.Notes...)
	}
	for _, text := range notes {
		if text = describe(errors.New(text)); !slices.ContainsFunc(all, func(f Finding) bool { return f.Found == text }) {
			all = append(all, note(text, "", "keyd status and keyd logs say more"))
		}
	}
	return all
}
