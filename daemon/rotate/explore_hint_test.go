package rotate_test

import (
	"context"
	"strings"
	"testing"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

// ask is an end at which a person is asked although nobody has run a command.
type ask struct {
	*take
	why, hint string
}

// noteAsk keeps the first ends with each reason and hint.
func (s *search) noteAsk(r *take, why, hint string) {
	for _, step := range r.trace {
		for _, f := range step.faults {
			if f.fate.command != nil || f.fate.beside != nil {
				return
			}
		}
	}
	const alike = 3
	if kind := why + withoutIDs(hint); len(s.asks[kind]) < alike {
		s.asks[kind] = append(s.asks[kind], ask{r, why, hint})
	}
}

// checkAsks checks I4 where a person is asked: waiting would not have helped, and the
// command that the hint names does.
func (s *search) checkAsks(t *testing.T) {
	for _, asks := range s.asks {
		for _, a := range asks {
			s.tally.hints++
			if _, helped := s.continueFrom(t, a.scene, nil); helped {
				s.found = append(s.found, finding{"I4: a person is asked, and waiting would have helped: " + a.why, a.trace})
			}
			command := readHint(a.hint)
			if command == nil {
				s.tally.questions++
				continue
			}
			r, helped := s.continueFrom(t, a.scene, []fault{{atStart, command}})
			for _, wrong := range r.violations {
				s.found = append(s.found, finding{wrong + ", after: " + a.hint, r.trace})
			}
			if !helped && r.result.State != decide.StateHeld { // a person holds it, and is told how to continue
				s.found = append(s.found, finding{"I4: the hint does not help: " + a.hint + ": " + r.result.Why + " " + r.result.Hint, a.trace})
			}
		}
	}
}

// continueFrom runs takes from a scene, the first one with faults, until no person is
// needed any more. It reports whether that came about, and returns the last take.
func (s *search) continueFrom(t *testing.T, w *scene, faults []fault) (r *take, ended bool) {
	const most = 12
	for range most {
		r = s.runTake(t, w, faults, s.mistake, false)
		w, faults = r.scene, nil
		if len(r.violations) > 0 || s.hasEnded(r) {
			break
		}
	}
	return r, s.hasEnded(r)
}

// readHint returns the command of keyd that a hint names, as a fate, or nil if the hint is
// a question, or names what the exploration cannot run.
func readHint(hint string) *fate {
	_, line, found := strings.Cut("; "+hint, "; keyd ")
	if !found {
		if _, line, found = strings.Cut(hint, ": keyd "); !found {
			return nil
		}
	}
	words := strings.Fields(line)
	if len(words) > 1 && words[0] == "unlink" {
		return &fate{name: "keyd " + line, command: unlinkFile(words[1])}
	}
	if len(words) < 2 || strings.Trim(words[1], ",;.") != "default" {
		return nil
	}
	f := &fate{name: "keyd " + line}
	switch words[0] {
	case "hold":
		f.command = commandOnDefault((*rotate.Rotator).Hold)
	case "resume":
		f.command = commandOnDefault((*rotate.Rotator).Resume)
	case "rotate":
		f.command = passWith(decide.Options{Manual: true, RetireNow: strings.Contains(line, "--retire-now")})
	case "prune":
		f.command = func(r *take, ctx context.Context) ([]rotate.Result, error) {
			for _, id := range words[2:] {
				r.namedKey = id
			}
			p, err := r.d.FindSecondKey(ctx, "default", r.namedKey)
			if err != nil {
				return nil, err
			}
			r.namedKey = p.KeyID
			return nil, r.d.Prune(ctx, p)
		}
	default:
		return nil
	}
	return f
}
