package rotate

import (
	"slices"
	"sync"

	"keyd/credfile"
	"keyd/daemon/decide"
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

// userName returns the user name to send in calls about the key, or "" when AWS
// has not named a user yet.
func (t *target) userName() string {
	switch {
	case t.facts.Rotation != nil:
		return t.facts.Rotation.User
	case t.facts.Seen != nil:
		return t.facts.Seen.User
	}
	return ""
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

// newClient returns a client that signs with key and with nothing else. It has connections
// of its own, so that another server may answer than before, but for a look at a key at
// rest: those share the connections of the pass.
func (d *Rotator) newClient(t *target, key credfile.Key) (*iam.Client, error) {
	if t.facts.EndpointErr != nil {
		return nil, t.facts.EndpointErr
	}
	http := d.HTTP
	if http == nil && d.guard != nil && t.decision.Do == decide.DoLook && t.facts.Rotation == nil {
		kept, err := d.guard.kept.find(t.endpoints.CABundle)
		if err != nil {
			return nil, err
		}
		http = kept
	}
	return iam.New(key, t.endpoints, iam.Options{HTTP: http, Now: d.Now, App: "keyd", Installation: t.facts.Installation,
		OtherShapes: t.mayHoldOtherShapes(), Sources: d.sources, Exclude: d.Settings.ExcludeHint(t.facts.Profiles[0]),
		OnReceipt: t.noteReceipt, OnTrip: t.progress.evidence.noteTrip, OnCall: d.answered(t), OnSend: d.asking})
}

// mayHoldOtherShapes reports whether every profile that shows the key names its IAM, so that
// keyd finds a key of another shape than AWS's there.
func (t *target) mayHoldOtherShapes() bool {
	return len(t.holders) > 0 && !slices.ContainsFunc(t.holders, func(p credfile.Profile) bool { return p.OwnIAM == "" })
}

// namesIAM is Group.NamesIAM.
func (t *target) namesIAM() bool { return nameIAM(t.holders) }

// keptConnections are the connections that the looks of a pass share: a laptop with 1,000
// keys would otherwise open 2,000.
type keptConnections struct {
	mu       sync.Mutex
	byBundle map[string]*iam.Transport // by the file with additional certificate authorities
}

// find returns the connections for a file of certificate authorities, "" for none.
func (k *keptConnections) find(bundle string) (*iam.Transport, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t := k.byBundle[bundle]; t != nil {
		return t, nil
	}
	t, err := iam.NewTransport(bundle)
	if err != nil {
		return nil, err
	}
	if k.byBundle == nil {
		k.byBundle = map[string]*iam.Transport{}
	}
	k.byBundle[bundle] = t
	return t, nil
}

// close closes the connections that no call uses.
func (k *keptConnections) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.byBundle {
		t.Close()
	}
}
