package rotate

import (
	"keyd/credfile"
	"keyd/daemon/iam"
)

// ownPair returns the pair with the id facts.ID: during a rotation, the old one.
func (t *target) ownPair() credfile.Key { return t.pair }

// newPair returns the new pair of the rotation.
func (t *target) newPair() credfile.Key { return t.facts.Rotation.New }

// shownPair returns the pair that the files show, or the helper of a retirement. Once the new pair is
// validated, it is the new one, even if a file shows the old one again.
func (t *target) shownPair() credfile.Key {
	if t.helperSigns() {
		return t.facts.Rotation.New
	}
	if r := t.facts.Rotation; r != nil && !r.IsRetirement() && r.New.ID != "" && (t.facts.Placement.New > 0 || t.facts.Placement.Old == 0 || !r.Validated.IsZero()) {
		return r.New
	}
	return t.pair
}

// discardingPair returns the pair that signs the deletion of the new key: the old
// one, unless no file shows it.
func (t *target) discardingPair() credfile.Key {
	if r := t.facts.Rotation; r.IsRetirement() {
		return t.oldPair()
	}
	if t.pair.IsZero() || t.facts.Placement.Old == 0 {
		return t.facts.Rotation.New
	}
	return t.pair
}

// withClient calls f with a client that signs with key, and closes the client's
// connections afterwards.
func (d *Rotator) withClient(t *target, key credfile.Key, f func(*iam.Client) error) error {
	client, err := d.newClient(t, key)
	if err != nil {
		return err
	}
	defer client.Close()
	defer func() { t.noteSigned(key.ID, d.Now().UTC()) }()
	return f(d.withSession(t, client))
}

// newClient returns a client that signs with key and with nothing else.
func (d *Rotator) newClient(t *target, key credfile.Key) (*iam.Client, error) {
	if t.facts.EndpointErr != nil {
		return nil, t.facts.EndpointErr
	}
	return iam.New(key, t.endpoints, iam.Options{HTTP: d.HTTP, Now: d.Now, App: "keyd", Installation: t.facts.Installation,
		OnReceipt: t.noteReceipt, OnTrip: t.progress.evidence.noteTrip, OnCall: t.progress.evidence.noteCall})
}
