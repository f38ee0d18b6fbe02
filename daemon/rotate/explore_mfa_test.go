package rotate_test

import (
	"bytes"
	"cmp"
	"context"
	"path/filepath"
	"strings"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// In the settings with MFA, alice stands behind the guard of AWS's guide, and has a phone
// that shows codes. Each question for a code is an effect, at which nobody may be there, or
// a wrong code is given, or one of before; and a session may be over at every call.
//
//   - mfa: no session is in use that a power failure would lose, nor one in a journal whose
//     rotation is over; and nothing is created, changed or deleted in a take in which
//     nobody gave a code, unless a session was open before.

// mfaFates are what can happen where a policy asks for MFA.
var mfaFates = []fate{
	{name: "no code", kinds: []kind{codeAsk}, code: "none", mfa: true, rank: inPairs},
	{name: "wrong code", kinds: []kind{codeAsk}, code: "wrong", mfa: true, rank: inPairs},
	{name: "code of before", kinds: []kind{codeAsk}, code: "old", mfa: true, rank: inSingles},
	{name: "nobody there", kinds: []kind{codeAsk}, code: "none", lasts: true, mfa: true, rank: inSingles},
	{name: "session over", kinds: []kind{query, order}, act: func(w *scene) { w.cloud.EndSessions() }, mfa: true, rank: inPairs},
}

// mfaDevice is the serial number of alice's phone.
const mfaDevice = "arn:aws:iam::111122223333:mfa/phone"

// guardUser puts alice behind the guard, and gives her a phone.
func (s setting) guardUser(u *awssim.User) {
	if s.mfa {
		if err := u.GuardWithMFA(); err != nil {
			panic(err)
		}
		u.AddVirtualMFA("phone")
	}
}

// phone is who gives codes in a take.
type phone struct{ r *take }

func (p phone) CanAsk(string) (can, atHand bool) { return true, !p.r.rides }

// Ask is one effect: the phone shows a code.
func (p phone) Ask(ctx context.Context, q rotate.CodeQuestion) (code string, err error) {
	if q.Refused > 1 {
		return "", rotate.ErrNoCode
	}
	r := p.r
	_ = r.applyEffect(effect{what: "ask for a code", kind: codeAsk}, func(f *fate) error {
		if q.Refused > 0 {
			select {
			case <-time.After(30 * time.Second): // until the next code
			case <-ctx.Done():
				err = context.Cause(ctx)
				return nil
			}
		}
		if code = r.user().Code(q.Device); f == nil {
			return nil
		}
		switch f.code {
		case "none":
			code, err = "", rotate.ErrNoCode
		case "wrong":
			code = strings.Map(func(d rune) rune { return '0' + (d-'0'+1)%10 }, code)
		case "old":
			code = r.user().CodeAgo(q.Device, 5*time.Minute)
		}
		return nil
	})
	if q.Device != mfaDevice && !r.lied[alice] && !strings.Contains(r.trace.String(), "lies") {
		r.reportViolation("mfa", "a code of %s is asked for", q.Device)
	}
	return code, err
}

// signerOf returns the id of the key that signed a call, or that opened the session.
func signerOf(c awssim.Call) string { return cmp.Or(c.Opener, c.KeyID) }

// checkSession checks that a session which changes something would survive a power failure.
func (r *take) checkSession(call awssim.Call) {
	if call.Opener == "" || call.Action != "CreateAccessKey" && call.Action != "DeleteAccessKey" && call.Asked != "Inactive" {
		return
	}
	for _, path := range r.journalPaths() {
		old := strings.TrimSuffix(filepath.Base(path), ".json")
		if old != call.Target && old != call.Opener {
			continue
		}
		text := r.disk.Kept(path)
		if r.scene.faults > 0 { // a death may have come before the sync, and a session that is lost costs a code and nothing else
			text = r.disk.Data(path)
		}
		if !bytes.Contains(text, []byte(call.KeyID)) {
			r.reportViolation("mfa", "%s of %s is signed with a session that a power failure would lose", call.Action, call.Target)
		}
		return
	}
	if call.Action == "CreateAccessKey" {
		r.reportViolation("mfa", "CreateAccessKey is signed with a session and there is no journal")
	}
}

// hasRidden reports whether a rotation is over but for the deletion of its old key, which
// waits for the next code.
func (r *take) hasRidden(user int) bool {
	x := r.resultOf(user)
	return r.rides && r.err == nil && x != nil && x.State == decide.StateQuarantine && strings.Contains(x.Why, "is deleted with the next MFA code")
}

// mfaExplorations are the settings with MFA: in the first, codes are at hand, so that each
// session does whatever is due; in the second the overlap is longer than a session, and the
// deletion rides.
var mfaExplorations = []setting{
	{name: "mfa", mfa: true, faults: 1, proofRounds: 2, draw: draw{runs: [3]int{1: 8}, die: 5}},
	{name: "mfa, two codes", mfa: true, rides: true, overlap: 3 * settings.Day, lag: quick, faults: 1, draw: fewSingles},
}
