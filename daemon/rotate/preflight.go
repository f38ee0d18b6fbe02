package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// runPreflight refuses whatever can be refused before a key exists: the hooks, the edit,
// the file, the state folder, an endpoint where no key could be proven, and a
// missing permission to deactivate. The permission is tested by an
// UpdateAccessKey of the old key to Active, which changes nothing.
//
// Last, this machine is searched for other places where the key stands. What is found is
// told, and refuses nothing.
func (d *Rotator) runPreflight(ctx context.Context, t *target, client *iam.Client) error {
	if !t.progress.wait.checked {
		if same, err := d.checkBeforeCreate(ctx, t, client); err != nil || !same {
			return err
		}
		t.progress.wait.checked = true
	}
	if err := d.searchCopies(ctx, t, decide.SearchedToday, beforeCreateLimit); err != nil {
		return err
	}
	d.reportCopies(t)
	t.markPreflightDone(d.Now())
	return nil
}

// checkBeforeCreate is the preflight but for the search. same is false when the user has
// another name than before: then everything that was seen may be another user's.
func (d *Rotator) checkBeforeCreate(ctx context.Context, t *target, client *iam.Client) (same bool, err error) {
	effect := context.WithoutCancel(ctx)
	if err := d.checkHooks(t); err != nil && t.progress.retire == nil {
		return false, err
	}
	if err := d.alone(func() error {
		if t.progress.retire == nil { // a retirement changes no file
			store := d.linkedStore()
			if err := store.Check(effect, t.pair); err != nil {
				return explainLink(store, err)
			}
		}
		return d.JournalDir().CheckWritable()
	}); err != nil {
		return false, err
	}
	probed, err := d.probeRegions(ctx, t, client, decide.DoPreflight, t.endpoints.Regions)
	switch {
	case err != nil:
		return false, err
	case len(probed.open) == 0:
		return false, refusedEverywhere(t)
	}
	t.progress.acceptingRegions, t.progress.refusingRegions = probed.open, probed.closed
	user := t.userName()
	if err := d.adoptIdentity(t, probed.who); err != nil {
		return false, err
	}
	if t.userName() != user { // the user has another name and perhaps other keys: look again first
		return false, nil
	}
	return true, client.SetStatus(effect, t.facts.Seen.User, t.facts.ID, iam.Active)
}

// regionTries is how often a region must refuse the old key, a second apart,
// before keyd believes that the region is off. A lagging AWS server gives the
// same answer, and would leave the new key unproven in that region.
const regionTries = 5

// regionProbe is what STS has said of the old key, by region. The new key is later
// not asked about in the closed regions.
type regionProbe struct {
	open, closed []string        // accept the key; refuse it
	who          remote.Identity // whose key it is, if a region is open
}

// probeRegions asks STS in the given regions with the old key. It continues later
// while a region refuses the key. Any other failure ends the probe, because a new
// key could not be proven there.
func (d *Rotator) probeRegions(ctx context.Context, t *target, client *iam.Client, do decide.Do, regions []string) (regionProbe, error) {
	w := &t.progress.wait
	asked := len(w.regions.open) + len(w.regions.closed)
	for _, region := range regions[min(asked, len(regions)):] {
		d.reportAlive()
		client.Close() // the next try may then reach another server
		found, err := d.askRegion(ctx, t, client, region)
		if err = d.retryRefused(t, regionTries, err); errors.Is(err, errNotYet) {
			return regionProbe{}, err
		}
		w.tries = 0
		switch {
		case err == nil && len(w.regions.open) > 0 && found.UserID != w.regions.who.UserID:
			return regionProbe{}, d.wrongOwner(t, client.KeyID(), found, fmt.Sprintf("in region %s it says %s", w.regions.open[0], w.regions.who.ARN))
		case err == nil:
			w.regions.open, w.regions.who = append(w.regions.open, region), found
			t.progress.noteOwner(client.KeyID())
		case iam.ClassOf(err) == iam.BadKey:
			w.regions.closed = append(w.regions.closed, region)
		case do == decide.DoProve && len(w.regions.open)+len(w.regions.closed) == 0: // the network itself may be down: this is the first call
			return regionProbe{}, err
		default:
			return regionProbe{}, t.endpointFailure(do, err)
		}
	}
	probed := w.regions
	w.regions = regionProbe{}
	return probed, nil
}

// probeNewRegions probes the regions that the journal does not mention: all of
// them when an older keyd wrote it, or a region that a profile has named since.
func (d *Rotator) probeNewRegions(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	unknown := slices.DeleteFunc(slices.Clone(t.endpoints.Regions), func(region string) bool {
		return slices.Contains(r.OpenRegions, region) || slices.Contains(r.ClosedRegions, region)
	})
	if len(unknown) == 0 || t.pair.IsZero() || t.facts.Placement.New > 0 {
		return nil
	}
	var probed regionProbe
	err := d.withClient(t, t.pair, func(client *iam.Client) (err error) {
		probed, err = d.probeRegions(ctx, t, client, decide.DoProve, unknown)
		return err
	})
	if err != nil {
		return err
	}
	if len(r.OpenRegions)+len(probed.open) == 0 { // the old key works nowhere: only the new key can tell
		return nil
	}
	r.OpenRegions, r.ClosedRegions = append(r.OpenRegions, probed.open...), append(r.ClosedRegions, probed.closed...)
	return d.JournalDir().Save(r)
}

// usableRegions returns the STS regions that can say something about the user's
// keys: all regions but those that refuse the old key as well.
func (t *target) usableRegions() []string {
	r := t.facts.Rotation
	if r == nil {
		return t.endpoints.Regions
	}
	open := slices.DeleteFunc(slices.Clone(t.endpoints.Regions), func(region string) bool { return slices.Contains(r.ClosedRegions, region) })
	if len(open) == 0 {
		return t.endpoints.Regions
	}
	return open
}

// refusedEverywhere returns the error for an old key that no region accepts.
func refusedEverywhere(t *target) error {
	return &needPersonError{text: fmt.Sprintf("AWS no longer accepts %s anywhere (was it deactivated?): the files are unchanged", t.pair),
		hint: fmt.Sprintf("%s; if it is deleted, enter a key that works with: %s", askConsole(t.userName(), t.facts.ID), hint.AWSCommand("aws configure", t.facts.Profiles[0]))}
}

// askConsole asks about a key that AWS refuses: nothing signed with it can tell why.
func askConsole(user, id string) string {
	if user == "" {
		return fmt.Sprintf("look in the console of AWS whether %s is active; if it is inactive, make it active", id)
	}
	return fmt.Sprintf("look in the console of AWS, user %s, whether %s is active; if it is inactive, make it active", user, id)
}

// endpointFailure returns the failure of one endpoint that gave no verdict on a
// key while other endpoints answer. It needs a person when waiting has not
// helped for hours.
func (t *target) endpointFailure(do decide.Do, err error) error {
	e, ok := errors.AsType[*iam.Error](err)
	failure := t.facts.Failure
	switch {
	case !ok, errors.Is(err, context.Canceled):
		return err
	case e.Class == iam.Invalid:
		return &needPersonError{text: err.Error(), hint: "activate STS in that region (IAM console, account settings), or set another region in the profile"}
	case (e.Class == iam.Unsent || e.Class == iam.Ambiguous) && failure != nil && failure.Do == do && failure.Count+1 >= longWaitCount:
		return &needPersonError{text: err.Error() + "; other AWS endpoints answer",
			hint: fmt.Sprintf("let the firewall or the proxy allow connections to %s, where the new key has to be proven", e.Endpoint) + iam.DoctorHint}
	}
	return err
}
