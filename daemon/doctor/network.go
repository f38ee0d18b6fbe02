package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// networkChecks look at the way to AWS. They sign nothing.
var networkChecks = []Check{
	{Name: "endpoints", Group: GroupNetwork, Why: "keyd can create and prove a key only while IAM and STS answer", Needs: NeedsNetwork, Find: findSilent},
	{Name: "clock", Group: GroupNetwork, Why: "AWS refuses a signature whose time is off by more than 15 minutes, and keyd counts days by this clock", Find: findClock},
	{Name: "endpoint-settings", Group: GroupNetwork, Why: "keyd asks no endpoint that is not certain", Find: findEndpointMistakes},
	{Name: "not-aws", Group: GroupNetwork, Why: "whoever runs that host sees which keys exist, and a new key would be made there", Find: findStandIns},
	{Name: "ignored-settings", Group: GroupNetwork, Why: "other AWS tools go elsewhere with this key than keyd does", Find: findIgnored},
}

// reached is what the endpoints of one key answered.
type reached struct {
	group
	answers []iam.Reached
	err     error // about the settings
}

// reach asks every endpoint of every key, without a signature. Keys that share their
// endpoints share the answers.
func (p *Patient) reach(ctx context.Context) []reached {
	if p.memo.reachedAll || p.Offline {
		return p.memo.reached
	}
	p.memo.reachedAll = true
	known := map[string]reached{}
	for _, g := range p.keyGroups(ctx) {
		if g.endpointErr != nil {
			continue
		}
		name := fmt.Sprint(g.endpoints)
		one, found := known[name]
		if !found {
			one.answers, one.err = iam.Reach(ctx, g.endpoints, iam.Options{HTTP: p.Rotator.HTTP, Now: p.Rotator.Now})
		}
		one.group = g
		known[name] = one
		if !found {
			p.memo.reached = append(p.memo.reached, one)
		}
	}
	return p.memo.reached
}

// isUnreachable reports whether no endpoint of any key answers. Nothing need be signed then.
func (p *Patient) isUnreachable(ctx context.Context) bool {
	asked := false
	for _, r := range p.reach(ctx) {
		for _, a := range r.answers {
			if asked = true; a.Err == nil {
				return false
			}
		}
	}
	return asked
}

// findSilent looks for endpoints that do not answer.
func findSilent(ctx context.Context, p *Patient) (all []Finding) {
	silent := p.isUnreachable(ctx)
	for _, r := range p.reach(ctx) {
		if r.err != nil {
			continue // findBundles says so
		}
		for _, a := range r.answers {
			if a.Err == nil {
				continue
			}
			text := strings.Replace(describe(a.Err), "GET / at "+hostOf(a.Host)+": ", "", 1)
			run, ask := adviseOn(a.Err, r.Names)
			f := wrong(a.Host+" does not answer: "+text, run, ask)
			f.Profiles = r.Names
			if all = append(all, f); silent {
				all[0].Found = "nothing of AWS answers; " + f.Found
				all[0].Profiles = nil
				return all
			}
		}
	}
	return all
}

// hostOf returns a host without its port.
func hostOf(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}

// findClock compares this machine's clock with AWS's: as an answer without a signature
// tells, or offline as a look of the last day has.
func findClock(ctx context.Context, p *Patient) []Finding {
	best := remote.Clock{}
	for _, r := range p.reach(ctx) {
		for _, a := range r.answers {
			if a.Clock.Within > 0 && (best.Within == 0 || a.Clock.Within < best.Within) {
				best = a.Clock
			}
		}
	}
	if best.Within == 0 {
		for _, line := range p.status().Keys {
			if s := line.Seen; s != nil && s.OffsetWithin > 0 && p.now().Sub(s.At).Abs() < settings.Day {
				best = remote.Clock{Offset: s.Offset, Within: s.OffsetWithin}
			}
		}
	}
	switch off := best.Offset; {
	case best.Within == 0 && len(p.keyGroups(ctx)) == 0:
		return nil
	case best.Within == 0:
		f := unknown("whether this machine's clock is right is not known: AWS has not said what time it is", "")
		f.Usual = p.Offline
		return []Finding{f}
	case off.Abs() > journal.MaxClockOffset+best.Within:
		run, ask := clockCommand(p.GOOS)
		return []Finding{wrong("this machine's clock is "+describeOffset(off), run, ask)}
	case off.Abs() > time.Minute+best.Within:
		run, ask := clockCommand(p.GOOS)
		return []Finding{note("this machine's clock is "+describeOffset(off), run, ask)}
	}
	return nil
}

// describeOffset says how far this clock is from AWS's.
func describeOffset(off time.Duration) string {
	if off > 0 {
		return settings.FormatSpan(off.Round(time.Second)) + " behind AWS's"
	}
	return settings.FormatSpan((-off).Round(time.Second)) + " ahead of AWS's"
}

// clockCommand returns what sets the clock.
func clockCommand(goos string) (run, ask string) {
	switch goos {
	case "linux":
		return "sudo timedatectl set-ntp true", "or set the clock in the date settings of your system"
	case "darwin":
		return "sudo sntp -sS time.apple.com", "or switch on the automatic time in System Settings"
	case "windows":
		return "w32tm /resync", "in a terminal of an administrator"
	}
	return "", "set the clock"
}

// findEndpointMistakes looks for settings of AWS tools that cannot be.
func findEndpointMistakes(ctx context.Context, p *Patient) (all []Finding) {
	for _, g := range p.keyGroups(ctx) {
		if g.endpointErr == nil {
			continue
		}
		f := wrong(describe(g.endpointErr), "", fmt.Sprintf("correct it in %s or %s", p.awsFiles()[1], p.awsFiles()[0]))
		if c, ok := errors.AsType[*iam.ConflictError](g.endpointErr); ok {
			f.Ask = fmt.Sprintf("make profiles %s and %s agree, in %s", g.Holders[c.First].Name, g.Holders[c.Second].Name, p.awsFiles()[1])
		}
		if e, ok := errors.AsType[*iam.SettingError](g.endpointErr); ok && e.IsVariable() {
			f.Run, f.Ask = p.unset(e.Setting), "or correct it; for the service, then run keyd install in that shell"
		}
		f.Profiles = g.Names
		all = append(all, f)
	}
	return all
}

// findStandIns tells of endpoints that are not AWS's.
func findStandIns(ctx context.Context, p *Patient) (all []Finding) {
	var profiles []string
	for _, g := range p.keyGroups(ctx) {
		profiles = append(profiles, g.Names...)
	}
	for _, url := range rotate.CustomEndpoints(p.profiles(ctx), p.getenv) {
		f := note("signed requests go to "+url+", which is not AWS", "", "unless that is meant, take endpoint_url out of "+p.awsFiles()[1])
		for _, variable := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS"} {
			if value := p.getenv(variable); value != "" && strings.Contains(url, strings.TrimSuffix(value, "/")) {
				f.Run, f.Ask = p.unset(variable), "unless that is meant"
				break
			}
		}
		f.Profiles = profiles
		all = append(all, f)
	}
	return all
}

// findIgnored tells of settings that count for other AWS tools and not for keyd.
func findIgnored(ctx context.Context, p *Patient) (all []Finding) {
	var told []string
	for _, g := range p.keyGroups(ctx) {
		for _, h := range g.Holders {
			for _, text := range iam.IgnoredSettings(h.Endpoints, p.getenv) {
				if slices.Contains(told, text) {
					continue
				}
				told = append(told, text)
				f := note(text, "", "")
				if variable, _, found := strings.Cut(text, " in the environment"); found {
					f.Run = p.unset(variable)
				}
				f.Profiles = g.Names
				all = append(all, f)
			}
		}
	}
	return all
}
