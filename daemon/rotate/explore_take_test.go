package rotate_test

import (
	"bytes"
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
	result      rotate.Result   // for the profile [default]
	others      []rotate.Result // for other keys
	err         error
	othersActed time.Time // when another person last acted during this take
	detailed    bool      // marks and moments are recorded
	round       round
	namedKey    string // id of the key that a person named
	skipsSync   bool   // a mistake: syncing a file does nothing
	upToDate    bool   // keyd has read the files since another person wrote them
	unread      []byte // what another person wrote into the credentials file and keyd has not read yet
}

// moment is the instant after an effect, with everything that a process that
// dies then leaves behind.
type moment struct {
	after  int // number of the effect
	disk   *atomicfiletest.Disk
	cloud  *awssim.Cloud
	at     time.Time
	ghost  ghost
	usable [2]bool // whether AWS accepted the pair in each file
}

// runTake runs one take over a copy of w, with the mistake m unless it is
// nil. With further it records marks and moments.
func (s setting) runTake(t *testing.T, w *scene, faults []fault, m *mistake, further bool) *take {
	r := &take{setting: s, faults: faults, upToDate: true, detailed: further}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(r.startTime(w)))
		r.scene = &scene{disk: w.disk.Clone(time.Now), cloud: w.cloud.Clone(time.Now), ghost: w.ghost, trace: w.trace, faults: w.faults}
		r.disk.Around = r.callDisk
		r.startProcess(r.disk, r)
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
	r.d.SetProofRounds(r.proofRounds)
	r.d.StepOneByOne()
	r.d.Settings.Overlap = settings.Day
	r.d.Settings.CheckEvery = 30 * settings.Day // so that a pass happens only when something is due
}

// endTake checks what the take leaves, and sets the time of the next process.
func (r *take) endTake(results []rotate.Result) {
	mine := func(x rotate.Result) bool { return slices.Contains(x.Profiles, "default") }
	r.others = slices.DeleteFunc(slices.Clone(results), mine)
	i := slices.IndexFunc(results, mine)
	if i >= 0 {
		r.result = results[i]
	}
	wait := time.Minute
	if r.err == nil && i >= 0 {
		wait = r.d.TimeToNextPass(results)
	}
	if !r.upToDate { // the watch on the files notices the change
		wait = min(wait, time.Second)
	}
	r.disk.Around = nil
	r.checkTakeEnd()
	r.checkMended()
	if r.result.Rotation == nil && r.err == nil && len(r.journalPaths()) == 0 {
		r.checkClosed()
	}
	r.since = time.Now()
	at := r.since.Add(wait)
	clock := func() time.Time { return at }
	r.disk, r.cloud, r.at = r.disk.Clone(clock), r.cloud.Clone(clock), at
	r.scene.faults += len(r.faults)
	r.trace = r.trace.with(step{faults: r.faults})
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
	_ = r.applyEffect(e, func(f *fate) error {
		if f != nil {
			fault := f.cloud
			fault.Times = 1
			r.cloud.Inject(fault)
			defer r.cloud.ClearFaults()
		}
		resp, err = r.cloud.Do(q)
		return nil
	})
	return resp, err
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
	r.effects = append(r.effects, e)
	n := len(r.effects)
	f := r.fateAt(n, e)
	r.noteMark(n, e, f)
	if f != nil && f.act != nil {
		f.act(r.scene)
		r.noteUnread()
		r.ghost.beyondRepair = r.ghost.beyondRepair || !f.inFiles || r.ghost.closedKeys != ""
		r.ghost.othersActed, r.upToDate, r.othersActed = true, false, time.Now()
		r.lastPicture = r.takePicture()
		r.noteShown()
		f = nil
	}
	err := do(f)
	if e.kind == order || e.kind == query {
		r.checkCall(e)
		r.checkPatience()
	}
	if e.kind == order || e.kind == diskChange {
		r.checkEffect(e)
		r.keepMoment(n)
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
