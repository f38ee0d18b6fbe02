package doctor

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/install"
)

// Patient is what is examined: a user's files, keys and service on one machine.
type Patient struct {
	Rotator  *rotate.Rotator // with the settings in force
	Settings settings.File
	Home     string // the home folder, as an absolute path; "" if it is not known
	Dir      string // the current folder; "" if it is not known
	GOOS     string // a runtime.GOOS value
	Root     string // where the machine's own files are, "/" but in tests
	Name     string // by which this program was called: keyd, or keyd-aws; "" means keyd
	Program  string // the path of this program; "" if it is not known
	Release  string // the version of this program, as daemon.json has it
	Service  Service
	Machine  rotate.Machine // what is searched for copies
	Offline  bool           // make no connection

	FreeSpace func(dir string) (Space, bool)       // nil: the system's
	Addresses func() ([]netip.Addr, error)         // nil: the machine's own
	LookPath  func(program string) (string, error) // nil: by PATH, as a shell does

	memo memo
}

// Service is keyd as a login service.
type Service struct {
	install.State
	Refused error // why there can be none on this machine, for this user
	Stale   bool  // an older keyd has written the definition

	// Differing are the variables of this shell that the service does not have, or has with
	// another value.
	Differing []install.Variable

	Linger *bool // it runs without a login session, too; nil: this system knows no such thing

	Restart func() error // stops it and starts it again; nil if it is not installed
}

// memo keeps what was read, so that all checks see the same.
type memo struct {
	snapshot    *credfile.Snapshot
	snapshotErr error
	read        bool
	results     []rotate.Result
	resultsErr  error
	examined    bool
	reached     []reached
	reachedAll  bool
	groups      []group
	grouped     bool
}

// forget makes the next check look again. AWS is not asked again.
func (p *Patient) forget() {
	p.memo.read, p.memo.snapshot, p.memo.snapshotErr = false, nil, nil
	p.memo.grouped, p.memo.groups = false, nil
}

func (p *Patient) now() time.Time { return p.Rotator.Now() }

func (p *Patient) sys() atomicfile.Sys { return p.Rotator.Sys }

func (p *Patient) getenv(name string) string { return p.Rotator.Getenv(name) }

// awsFiles returns the paths of the two AWS files.
func (p *Patient) awsFiles() []string {
	return []string{p.Rotator.Store.Paths.Credentials, p.Rotator.Store.Paths.Config}
}

// readLimit is how long a check waits until no program writes the files.
const readLimit = 2 * time.Second

// snapshot returns what the files hold; nil with an error if they cannot be read.
func (p *Patient) snapshot(ctx context.Context) (*credfile.Snapshot, error) {
	if !p.memo.read {
		within, cancel := context.WithTimeout(ctx, readLimit)
		defer cancel()
		p.memo.read = true
		p.memo.snapshot, p.memo.snapshotErr = p.Rotator.Store.Read(within)
	}
	return p.memo.snapshot, p.memo.snapshotErr
}

// profiles returns the profiles in the files, also when none has a key.
func (p *Patient) profiles(ctx context.Context) []credfile.Profile {
	snapshot, err := p.snapshot(ctx)
	if snapshot != nil {
		return snapshot.Profiles
	}
	if keyless := asNoKey(err); keyless != nil {
		return keyless.Profiles
	}
	return nil
}

// results returns how every key stands: after an examination, which asks AWS, or offline
// by what is remembered.
func (p *Patient) results(ctx context.Context) ([]rotate.Result, error) {
	if !p.memo.examined {
		p.memo.examined = true
		if p.Offline || p.isUnreachable(ctx) {
			p.memo.results, p.memo.resultsErr = p.Rotator.Outlook(ctx)
		} else {
			p.memo.results, p.memo.resultsErr = p.Rotator.Rehearse(ctx)
		}
		if asNoKey(p.memo.resultsErr) != nil {
			p.memo.resultsErr = nil
		}
	}
	return p.memo.results, p.memo.resultsErr
}

// group is one key that keyd could rotate, with where its calls go.
type group struct {
	rotate.Group
	endpoints   remote.Endpoints
	endpointErr error
}

// id returns the key id.
func (g *group) id() string { return g.Holders[0].Key.ID }

// keyGroups returns the long-term keys in the files.
func (p *Patient) keyGroups(ctx context.Context) []group {
	if p.memo.grouped {
		return p.memo.groups
	}
	p.memo.grouped = true
	for _, g := range rotate.GroupProfiles(p.profiles(ctx)) {
		if g.SkipReason != "" || g.Unreadable != nil {
			continue
		}
		one := group{Group: g}
		var sites []credfile.EndpointConfig
		for _, h := range g.Holders {
			sites = append(sites, h.Endpoints)
		}
		one.endpoints, one.endpointErr = iam.ResolveEndpoints(sites, p.getenv)
		if one.endpointErr == nil {
			one.endpoints, one.endpointErr = iam.EndpointsFor(one.endpoints, g.Holders[0].Key.ID, g.NamesIAM())
		}
		p.memo.groups = append(p.memo.groups, one)
	}
	return p.memo.groups
}

// ids returns the ids of all long-term keys in the files, those that keyd cannot rotate
// included.
func (p *Patient) ids(ctx context.Context) (ids []string) {
	for _, profile := range p.profiles(ctx) {
		for _, id := range append(slices.Clone(profile.IDs), profile.Key.ID) {
			if (credfile.IsLongTerm(id) || profile.OwnIAM != "" && id != "") && !strings.HasSuffix(id, "EXAMPLE") && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// profileOf returns the first profile that shows a key id, or "default".
func (p *Patient) profileOf(ctx context.Context, id string) string {
	for _, profile := range p.profiles(ctx) {
		if id != "" && profile.Key.ID == id {
			return profile.Name
		}
	}
	return "default"
}

// status returns what the last pass left behind.
func (p *Patient) status() state.Status {
	s, err := state.LoadStatusAndMemoryFrom(p.sys(), p.Rotator.StateDir)
	if err != nil {
		return state.Status{} // the check of the folder says so
	}
	return s
}

// advise splits a hint into a command, if it is one, and what else it says.
func advise(text string) (run, ask string) {
	text = strings.TrimSuffix(text, iam.DoctorHint) // that is what the person has just done
	for _, word := range []string{"keyd ", "aws ", "unset ", "chmod ", "sudo "} {
		if strings.HasPrefix(text, word) && !strings.ContainsAny(text, ";?") && !strings.Contains(text, "PROFILE") && !strings.Contains(text, ", ") {
			return text, ""
		}
	}
	return "", text
}

// adviseOnText is advise for a hint about the key of some profiles.
func adviseOnText(text string, profiles []string) (run, ask string) {
	return advise(hint.FillProfile(text, profiles))
}

// adviseOn is advise for an error about the key of some profiles.
func adviseOn(err error, profiles []string) (run, ask string) {
	return advise(hint.HintFor(err, profiles))
}
