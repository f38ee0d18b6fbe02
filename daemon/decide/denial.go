package decide

import (
	"slices"
	"time"

	"keyd/daemon/settings"
)

// A policy may depend on the source address, the VPC endpoint, the hour or MFA, and AWS
// does not name the condition. So a denial may end when a VPN is connected, or at nine in
// the morning. keyd tries again at hours that drift through the day, after the machine
// woke, and when a person asks. Always trying at the same hour could miss the VPN every
// day. keyd calls a person once the denials have lasted into a second day.

const (
	// deniedGap is the longest wait for the next try of a day.
	deniedGap = 5 * time.Hour
	// deniedMinGap is the shortest.
	deniedMinGap = 20 * time.Minute
	// deniedPerDay is how many denials of one action are kept, which is also the most
	// tries within 24 hours.
	deniedPerDay = 4
	// dayApart is the least time between two denials that count as two days, so that
	// midnight alone makes no second day.
	dayApart = 12 * time.Hour
)

// deniedTries returns how often a denied action is tried within 24 hours. Each try also
// costs the calls before the denied one. The total stays at about eight calls a day: a
// look makes two, a preflight four or five, a creation one more, and a proof many.
func (do Do) deniedTries() int {
	switch do {
	case DoLook:
		return deniedPerDay
	case DoCreate, DoProve:
		return 1
	default:
		return 2
	}
}

// Deny records that a policy denied the action at t.At, after before, which may be nil.
// certain is set when no other place or hour can help.
func (t *Failure) Deny(kind uint8, certain bool) {
	t.Denial, t.Denied = kind, !certain
	if certain {
		return
	}
	if t.DeniedSince.IsZero() || t.DeniedSince.After(t.At) {
		t.DeniedSince = t.At
	}
	t.DeniedAt = slices.DeleteFunc(t.DeniedAt, func(at time.Time) bool { return at.After(t.At) }) // the clock was set back
	if len(t.DeniedAt) == 0 {
		t.DeniedAt = append(t.DeniedAt, t.At) // the first one counts twice: it costs a call more, to learn which policy it was
	}
	t.DeniedAt = append(t.DeniedAt, t.At)
	t.DeniedAt = t.DeniedAt[max(0, len(t.DeniedAt)-deniedPerDay):]
	t.NeedsPerson = t.deniedOnTwoDays()
}

// continueDenials carries over which denials came before, of the same action. A failure
// of another kind in between, such as a lost network, ends no row of denials.
func (t *Failure) continueDenials(before *Failure) {
	t.DeniedSince, t.DeniedAt = before.DeniedSince, slices.Clone(before.DeniedAt)
}

// deniedOnTwoDays reports whether the denials in a row have come on two different days of
// the person's calendar.
func (t *Failure) deniedOnTwoDays() bool {
	first, last := t.DeniedSince.Local(), t.At.Local()
	return first.Format(time.DateOnly) != last.Format(time.DateOnly) && last.Sub(first) >= dayApart
}

// mayRetryAwake reports whether a denied action may be tried because the machine woke.
// A try each time the lid opens would leave none for the hours that follow, so these
// tries count for as long as a drawn one can wait.
func (t *Failure) mayRetryAwake(now time.Time) bool {
	n := 0
	for _, at := range t.DeniedAt {
		if now.Sub(at) < settings.Day+deniedGap {
			n++
		}
	}
	return n < t.Do.deniedTries()
}

// deniedRetryAt returns when a denied action may be tried again: a drawn time after the
// last denial, and no earlier than a day and a drawn time after the one that makes the
// number of tries full. The second draw lets the hours drift.
func (t *Failure) deniedRetryAt(id string) time.Time {
	drawn := deniedMinGap + drawWait(deniedGap-deniedMinGap, t.Count, t.At, id)
	next := t.At.Add(drawn)
	if full := len(t.DeniedAt) - t.Do.deniedTries(); full >= 0 {
		if again := t.DeniedAt[full].Add(settings.Day + drawn); again.After(next) {
			return again
		}
	}
	return next
}

// waitReason returns the reason while the failure is waited out.
func (t *Failure) waitReason() string {
	if t.Denied {
		return t.Why + "; it may be allowed at another hour or on another network, and is tried again"
	}
	return t.Why
}
