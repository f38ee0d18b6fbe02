package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
)

// CodeSource gives MFA codes: a person, or a command. Package daemon has the real one, on
// package notify.
type CodeSource interface {
	// CanAsk reports whether a code can be had in this pass, where process is the
	// mfa_process of the profile or "", and whether one was given with the command.
	CanAsk(process string) (can, atHand bool)
	// Ask returns six digits. It may take minutes, and ends with ctx. An error that wraps
	// ErrNoCode says that nobody gives a code, or no other one after a refusal.
	Ask(ctx context.Context, q CodeQuestion) (string, error)
}

// CodeQuestion says which code is asked for.
type CodeQuestion struct {
	Profiles []string
	User     string
	Device   string // its serial number
	Process  string // the mfa_process of the profile; "" for none
	Refused  int    // how many codes AWS has refused in this pass
}

// ErrNoCode is why there is no MFA code.
var ErrNoCode = errors.New("no MFA code was given")

const (
	// codePoll is how often a step looks whether the code is there. The lock is free in
	// between.
	codePoll = 250 * time.Millisecond
	// codeAtOnce is how long the first step waits for it.
	codeAtOnce = 20 * time.Millisecond
	// codeLimit is how long anybody may take to give a code.
	codeLimit = 10 * time.Minute
)

// asking is a question for a code that is under way. It outlasts the round that began it.
type asking struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when code and err are set
	code   string
	err    error
}

// startAsking asks for a code, beside the pass.
func startAsking(source CodeSource, q CodeQuestion) *asking {
	ctx, cancel := context.WithCancelCause(context.Background()) // no round lasts as long as a person takes
	a := &asking{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		defer cancel(nil)
		within, stop := context.WithTimeoutCause(ctx, codeLimit, fmt.Errorf("%w within %s", ErrNoCode, decide.FormatAge(codeLimit)))
		defer stop()
		a.code, a.err = source.Ask(within, q)
		if a.err != nil && within.Err() != nil {
			a.err = context.Cause(within)
		}
	}()
	return a
}

// openSession asks for an MFA code and opens the session that signs the control-plane
// calls of the rotation. It is journaled before anything is done with it. Nothing else
// happens: whatever goes wrong leaves everything as it was.
func (d *Rotator) openSession(ctx context.Context, t *target, client *iam.Client) error {
	w := &t.progress.wait
	if s, ok := d.sessions.find(t.sessionOwner(), d.Now()); ok { // another key of the same user has needed one
		return d.adoptSession(t, s)
	}
	if d.Codes == nil {
		return noCode(t, ErrNoCode)
	}
	if w.asking == nil && w.tries == 0 {
		if _, err := d.askOwner(ctx, t, client); err != nil { // so that no code is entered in vain, or sent to the wrong endpoint
			return err
		}
	}
	if w.asking == nil {
		q := CodeQuestion{Profiles: t.facts.Profiles, User: t.userName(), Device: t.facts.Device(), Process: d.mfaProcess(t), Refused: w.tries}
		w.asking = startAsking(d.Codes, q)
		d.sessions.noteAsking(t.facts.ID, w.asking)
	}
	select {
	case <-w.asking.done:
	case <-time.After(codeAtOnce):
		if d.mfaProcess(t) != "" && d.Now().Sub(w.since) > time.Second {
			d.emitProgress(t, decide.DoOpenSession, VerbMFA, "mfa_process runs; if a security key blinks, touch it", w.since, codeLimit)
		}
		return d.continueIn(t, codePoll)
	}
	asked := w.asking
	w.asking = nil
	switch {
	case errors.Is(asked.err, ErrNoCode) && w.refused != nil: // AWS's word says more
		return w.refused
	case errors.Is(asked.err, ErrNoCode):
		return noCode(t, asked.err)
	case asked.err != nil && isAskingEnded(asked.err):
		return cmp.Or(context.Cause(ctx), asked.err)
	case asked.err != nil:
		return &needPersonError{text: fmt.Sprintf("no MFA code: %v: nothing was changed", asked.err), hint: thenRotate(t, hint.Hint(asked.err)), err: asked.err}
	}
	if !remote.IsMFACode(asked.code) {
		return noCode(t, fmt.Errorf("%w: it has not six digits", ErrNoCode))
	}
	opened, err := client.OpenSession(ctx, t.usableRegions()[0], t.facts.Device(), asked.code)
	e, ok := errors.AsType[*iam.Error](err)
	if ok && e.Denial == iam.DenialCode && e.Class == iam.Denied {
		w.tries++
		w.refused = &needPersonError{text: fmt.Sprintf("AWS refused the MFA code of %s: it is wrong, was used before, or came too late; nothing was changed", t.facts.Device()), hint: hint.HintFor(err, t.facts.Profiles), err: err}
		if can, _ := d.Codes.CanAsk(d.mfaProcess(t)); !can { // the only code was that of the command
			return w.refused
		}
		return d.continueIn(t, 0)
	}
	switch {
	case ok && e.Class == iam.Ambiguous:
		return fmt.Errorf("the answer to an MFA code was lost, and the code with it: nothing was changed: %w", err)
	case err != nil:
		if ok && e.Denial == iam.DenialDevice {
			t.forgetDevices()
		}
		return err
	}
	s := journal.Session{Key: opened.Key, Token: opened.Token, Expires: opened.Expires.UTC(), Opener: client.KeyID(), Serial: t.facts.Device(), Endpoint: t.endpointName()}
	d.sessions.keep(t.sessionOwner(), s)
	if err := d.adoptSession(t, s); err != nil {
		return err
	}
	d.emit(t, decide.DoOpenSession, VerbMFA, fmt.Sprintf("a code of %s has opened a session until %s", s.Serial, s.Expires.Local().Format("2 Jan 15:04")))
	return nil
}

// openSessionFor opens a session for a command that acts on a single key, if AWS has just
// asked for MFA, and looks again. It keeps the lock while the code is asked for.
func (d *Rotator) openSessionFor(ctx context.Context, t *target) error {
	if s := t.session(); !t.wasDenied() || s.IsUsable(d.Now()) {
		return nil
	}
	d.shareSessions()
	defer d.sessions.endAsking()
	for _, do := range []decide.Do{decide.DoOpenSession, decide.DoLook} {
		if err := d.runToEnd(ctx, t, decide.Decision{Do: do}); err != nil {
			return err
		}
	}
	return nil
}

// adoptSession journals a session, if there is a rotation, and lets it sign from now on.
func (d *Rotator) adoptSession(t *target, s journal.Session) error {
	t.setSession(s, d.Now())
	if t.facts.Rotation == nil {
		return nil
	}
	return d.JournalDir().Save(t.facts.Rotation)
}

// sessionOwner names the user of the key at its endpoint.
func (t *target) sessionOwner() string { return t.endpointName() + " " + t.ownerKey() }

// noCode is the error when nobody gives a code.
func noCode(t *target, err error) error {
	return &needPersonError{text: fmt.Sprintf("%v: nothing was changed", err), hint: rotateCommand(t), err: err}
}

// thenRotate returns a hint for a person who then runs keyd rotate.
func thenRotate(t *target, first string) string {
	switch {
	case first == "":
		return rotateCommand(t)
	case strings.HasSuffix(first, "?"):
		return first + " then: " + rotateCommand(t)
	}
	return first + "; then: " + rotateCommand(t)
}

func rotateCommand(t *target) string { return hint.Command("keyd rotate", t.facts.Profiles[0]) }

// errAskingEnded is why a question ends whose answer is no longer wanted.
var errAskingEnded = errors.New("keyd has stopped asking for a code")

func isAskingEnded(err error) bool { return errors.Is(err, errAskingEnded) }

// loseSession forgets the session of a target that AWS no longer accepts.
func (d *Rotator) loseSession(t *target) error {
	d.sessions.drop(t.sessionOwner())
	t.setSession(journal.Session{}, d.Now())
	if t.facts.Rotation == nil || d.readOnly {
		return nil
	}
	return d.JournalDir().Save(t.facts.Rotation)
}

// mfaProcess returns the command that prints a code for the key, or "": that of its section
// in keyd.ini, of its profile, or of every key.
func (d *Rotator) mfaProcess(t *target) string {
	process := d.Settings.MFAFor(t.facts.Profiles).Process
	for _, p := range t.holders {
		process = cmp.Or(process, p.Endpoints.MFAProcess)
	}
	return cmp.Or(process, d.Settings.MFAProcess)
}

// describeMFA returns how the codes for the key are had.
func (d *Rotator) describeMFA(t *target) decide.MFA {
	m := decide.MFA{Serial: d.Settings.MFAFor(t.facts.Profiles).Serial}
	for _, p := range t.holders {
		m.Serial = cmp.Or(m.Serial, p.Endpoints.MFASerial)
	}
	if d.Codes != nil {
		m.CanAsk, m.AtHand = d.Codes.CanAsk(d.mfaProcess(t))
	}
	return m
}

// withSession returns a client whose calls to IAM the session of the target signs, if it
// has one.
func (d *Rotator) withSession(t *target, client *iam.Client) *iam.Client {
	s, now := t.session(), d.Now()
	if !s.IsUsable(now) || t.decision.Do == decide.DoOpenSession {
		return client
	}
	if r := t.facts.Rotation; r != nil && s.Opener == r.Old.ID {
		r.SessionSigned = now.UTC() // on disk as of the next Save
	}
	return client.WithSession(iam.Session{Key: s.Key, Token: s.Token, Expires: s.Expires})
}

// askIAM asks IAM whether it knows the key that client signs with. Where a policy asks for
// MFA, a denial proves it as well as an answer: AWS denies after it has found the key. With
// a session, IAM has to list the key, too.
func (p *proof) askIAM(ctx context.Context, client *iam.Client, key credfile.Key) error {
	t := p.target
	if t.needsMFA() {
		if _, err := client.ListDevices(ctx, t.userName()); err != nil && iam.ClassOf(err) != iam.Denied {
			return err
		}
		if s := t.session(); !s.IsUsable(p.d.Now()) {
			return nil
		}
	}
	listing, err := client.ListKeys(ctx, t.userName())
	if e, ok := errors.AsType[*iam.Error](err); ok && e.EndsSession() {
		return p.d.loseSession(t)
	}
	if err == nil && findKey(listing.Keys, key.ID) == nil {
		err = errNotListed
	}
	return err
}
