package rotate_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// take is one process, a pass of the daemon or a command, run over a copy of
// a scene in a bubble with fake time, with faults at some of its effects.
type take struct {
	*scene
	setting
	d           *rotate.Rotator
	faults      []fault
	standing    []*fate // fates that happen at every effect from now on
	effects     []effect
	marks       []uint64 // one for each effect: see noteMark
	phase       uint64   // hash of the effects of the current action: where in the code the process is
	moments     []moment // after the effects that changed something
	violations  []string // invariants that did not hold
	lastPicture picture  // as of the last check
	log         bytes.Buffer
	result      rotate.Result // for the profile [default]
	results     []rotate.Result
	err         error
	othersActed time.Time // when another person last acted during this take
	detailed    bool      // marks and moments are recorded
	round       round
	namedKey    string              // id of the key that a person named
	skipsSync   bool                // a mistake: syncing a file does nothing
	dead        bool                // the process that acts now was killed, and another one lives on
	stop        func()              // ends that process
	held        bool                // a person has held the rotation in the middle of the take
	lied        [2]bool             // an endpoint has lied about a user's key
	heals       [2]bool             // which users' places show an old key again at the beginning of a round
	stepped     [2]int              // how many calls the round has signed with keys of each user
	callsBefore int                 // how many calls AWS had received before the take
	called      map[int]awssim.Call // what AWS has received, by the number of the effect
	upToDate    bool                // keyd has read the files since another person wrote them
	unread      []byte              // what another person wrote into the credentials file and keyd has not read yet
}

// moment is the instant after an effect, with everything that a process that
// dies then leaves behind.
type moment struct {
	after  int // number of the effect
	disk   *atomicfiletest.Disk
	cloud  *awssim.Cloud
	at     time.Time
	ghost  ghost
	usable [len(places)]bool // whether AWS accepted the pair in each place
}

// runTake runs one take over a copy of w, with the mistake m unless it is
// nil. With further it records marks and moments.
func (s setting) runTake(t *testing.T, w *scene, faults []fault, m *mistake, further bool) *take {
	r := &take{setting: s, faults: faults, upToDate: true, detailed: further, called: map[int]awssim.Call{}}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(r.startTime(w)))
		r.scene = &scene{disk: w.disk.Clone(time.Now), cloud: w.cloud.Clone(time.Now), ghost: w.ghost, trace: w.trace, faults: w.faults}
		r.disk.Around = r.callDisk
		r.callsBefore = len(r.cloud.Calls())
		r.setOwners()
		if len(faults) > 0 && faults[0].at == atStart && faults[0].fate.act != nil {
			faults[0].fate.act(r.scene)
		}
		r.startProcess(r.sys(), r)
		if m != nil && m.plant != nil {
			m.plant(r)
		}
		r.lastPicture = r.takePicture()
		r.noteShown()
		var results []rotate.Result
		results, r.err = r.runProcess(t.Context())
		r.endTake(results)
		r.checkTorn(w.at)
	})
	return r
}

// startProcess makes the Rotator of a new process.
func (r *take) startProcess(sys atomicfile.Sys, http interface {
	Do(*http.Request) (*http.Response, error)
}) {
	r.d = &rotate.Rotator{
		Store:    &credfile.Store{Paths: credfile.Paths{Credentials: credentials, Config: configFile}, Sys: sys},
		StateDir: stateFolder, Sys: sys, Settings: settings.Default(), HTTP: http, Now: time.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(listener{slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}), r}),
		Process: "test", OnEvent: r.hearEvent, Installation: "0123456789ab", Host: "laptop", // random ids would make every scene look new
	}
	r.d.Settings.Links = r.linksInSettings()
	r.d.ProofRounds = r.proofRounds
	r.d.StepOneByOne()
	r.d.Settings.Overlap = cmp.Or(r.overlap, settings.Day)
	if r.mfa {
		r.d.Codes = phone{r}
	}
	if r.hook {
		r.d.Settings.Hooks, r.d.Hooks = []settings.Hook{theHook}, hooked{r}
	}
	r.d.Settings.CheckEvery = 30 * settings.Day // so that a pass happens only when something is due
}

// endTake checks what the take leaves, and sets the time of the next process.
func (r *take) endTake(results []rotate.Result) {
	r.results = results
	mine := r.resultOf(alice)
	if mine != nil {
		r.result = *mine
	}
	wait := time.Minute
	if r.err == nil && mine != nil {
		wait = r.d.TimeToNextPass(results)
	}
	if !r.upToDate { // the watch on the files notices the change
		wait = min(wait, time.Second)
	}
	r.disk.Around = nil
	r.checkTakeEnd()
	r.checkMended()
	for _, user := range users {
		if x := r.resultOf(user); r.has(user) && r.err == nil && (x == nil || x.Rotation == nil) && len(r.journalsOf(user)) == 0 {
			r.checkClosed(user)
		}
	}
	r.since = time.Now()
	at := r.since.Add(wait)
	clock := func() time.Time { return at }
	r.disk, r.cloud, r.at = r.disk.Clone(clock), r.cloud.Clone(clock), at
	r.scene.faults += len(r.faults)
	r.trace = r.trace.with(step{faults: r.faults})
}

// resultOf returns how the key in a user's place stood at the end of the take, or nil.
func (r *take) resultOf(user int) *rotate.Result {
	name := strings.Trim(placeOf(user).section, "[]")
	i := slices.IndexFunc(r.results, func(x rotate.Result) bool { return slices.Contains(x.Profiles, name) })
	if i < 0 {
		return nil
	}
	return &r.results[i]
}

// callDisk applies the effect of one call to the disk.
func (r *take) callDisk(op atomicfiletest.DiskOp, do func() error) error {
	dir, base := filepath.Split(op.Path)
	base, _, temp := strings.Cut(base, ".keyd-")
	if temp {
		base += "~"
	}
	if r.inPlace && op.Name == "create" && filepath.Clean(dir) == homeFolder {
		return syscall.EACCES
	}
	if r.noExchange && op.Name == "exchange" {
		return atomicfile.ErrNoExchange
	}
	e := effect{what: op.Name + " " + base, kind: diskChange, ofUserFile: filepath.Clean(dir) == homeFolder,
		isMinor: isRediscovered(op.Path) || op.Name == "create" && temp}
	if op.Read {
		e.kind = diskRead
		r.upToDate = r.upToDate || op.Path == credentials
		if op.Path == credentials {
			r.noteRead()
		}
	}
	return r.applyEffect(e, func(f *fate) error {
		switch {
		case f != nil:
			return f.disk
		case r.skipsSync && op.Name == "sync":
			return nil
		}
		if op.Name == "rename" || op.Name == "exchange" || op.Name == "remove" {
			delete(r.owners, op.Path) // what keyd puts there belongs to its user
		}
		return do()
	})
}

// Do applies the effect of one call to AWS.
func (r *take) Do(q *http.Request) (resp *http.Response, err error) {
	e := effect{what: readAction(q), kind: query}
	switch e.what {
	case "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "TagUser", "UntagUser":
		e.kind = order
	}
	failed := r.applyEffect(e, func(f *fate) error {
		if f != nil && f.lie != nil {
			resp, err = r.tellLie(f, e.what, q)
			return nil
		}
		if f != nil {
			fault := f.cloud
			fault.Times = 1
			r.cloud.Inject(fault)
			defer r.cloud.ClearFaults()
		}
		resp, err = r.cloud.Do(q)
		return nil
	})
	return resp, cmp.Or(failed, err)
}

// readAction returns the action in the form that a request sends.
func readAction(q *http.Request) string {
	body, _ := io.ReadAll(q.Body)
	q.Body = io.NopCloser(bytes.NewReader(body))
	_, rest, _ := bytes.Cut(append([]byte("&"), body...), []byte("&Action="))
	name, _, _ := bytes.Cut(rest, []byte("&"))
	return string(name)
}

// applyEffect counts one effect, lets its fate happen, and checks the
// invariants.
func (r *take) applyEffect(e effect, do func(*fate) error) error {
	if r.dead {
		return errDead
	}
	r.effects = append(r.effects, e)
	n := len(r.effects)
	f := r.fateAt(n, e)
	r.noteMark(n, e, f)
	if f != nil && f.act != nil {
		f.act(r.scene)
		r.noteUnread()
		if !f.use && len(f.kinds) == 0 {
			r.ghost.beyondRepair = r.ghost.beyondRepair || !f.inFiles || r.ghost.closedKeys != ""
			r.ghost.othersActed, r.upToDate, r.othersActed = true, false, time.Now()
		}
		r.lastPicture = r.takePicture()
		r.noteShown()
		f = nil
	}
	kills := f != nil && f.kills && r.stop != nil // nothing else would live on
	switch {
	case f != nil && f.beside != nil:
		r.runBeside(context.Background(), f.beside)
		f = nil
	case f != nil && f.kills:
		f = nil
	}
	err := do(f)
	if e.kind == order || e.kind == query {
		r.called[n] = r.cloud.LastCall()
		r.checkCall(e)
		r.checkPatience()
	}
	if e.kind == order || e.kind == diskChange || e.kind == hookRun {
		r.checkEffect(e)
		r.keepMoment(n)
	}
	if kills {
		r.dead = true
		r.stop()
		return errDead
	}
	return err
}

// fateAt returns the fate that happens at an effect, or nil if nothing goes
// wrong.
func (r *take) fateAt(n int, e effect) *fate {
	for _, f := range r.faults {
		if f.at == n && f.fate.canHappenAt(e) {
			if f.fate.lasts {
				r.standing = append(r.standing, f.fate)
			}
			return f.fate
		}
	}
	for _, f := range r.standing {
		if f.canHappenAt(e) {
			return f
		}
	}
	return nil
}

// keepMoment records the moment after an effect, unless a take with fewer
// faults has recorded it.
func (r *take) keepMoment(n int) {
	if !r.detailed || len(r.faults) > 0 && n < r.faults[len(r.faults)-1].at {
		return
	}
	at := time.Now()
	clock := func() time.Time { return at }
	r.moments = append(r.moments, moment{n, r.disk.Clone(clock), r.cloud.Clone(clock), at, r.ghost, r.lastPicture.usable})
}

// restartAfter is how long the service manager waits before it starts the
// process again.
const restartAfter = 5 * time.Second

// deathScenes returns the scenes that a death at m can leave: one in which
// the process was killed, and one for each way in which the power can fail.
func (r *take) deathScenes(m moment, planted *mistake) []*scene {
	at := m.at.Add(restartAfter)
	clock := func() time.Time { return at }
	from := r.scene.trace[:len(r.scene.trace)-1]
	one := func(how string, disk *atomicfiletest.Disk) *scene {
		w := &scene{disk: disk, cloud: m.cloud.Clone(clock), at: at, since: m.at, ghost: m.ghost, faults: r.scene.faults + 1}
		if m.ghost.missing != "" { // the only copy was in the memory of this process
			w.ghost.closedKeys, w.ghost.missing = m.ghost.closedKeys+m.ghost.missing, ""
			w.ghost.othersActed, w.ghost.beyondRepair = true, true
		}
		w.trace = trace(from).with(step{r.faults, m.after, how})
		if planted != nil && planted.forgets != "" {
			for _, f := range disk.Files() {
				if filepath.Dir(f.Path) == planted.forgets {
					_ = disk.Remove(f.Path)
				}
			}
		}
		return w
	}
	scenes := []*scene{one("killed", m.disk.Clone(clock))}
	for i, o := range m.disk.PowerFails(clock) {
		w := one("power cut "+strconv.Itoa(i)+" ("+o.Name+")", o.Disk)
		w.ghost.torn = (m.ghost.torn || m.hasTorn(o)) && w.isAnyTorn()
		scenes = append(scenes, w)
	}
	return scenes
}
