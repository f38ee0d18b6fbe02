package rotate_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
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

// take is one pass of the daemon over a copy of a scene, in a bubble where time
// is fake, with faults at some of its effects.
type take struct {
	*scene
	setting
	d        *rotate.Rotator
	faults   []fault
	standing []*fate // that happen to every effect from now on
	effects  []effect
	marks    []uint64 // of the effects after the last fault: see mark
	phase    uint64   // where the process is, as far as it matters: the effects of this action
	moments  []moment
	wrong    []string // invariants that did not hold
	before   picture
	log      bytes.Buffer
	result   rotate.Result // of [default]
	others   []rotate.Result
	err      error
	acted    time.Time // somebody else, in this pass
	further  bool      // marks and moments are wanted
	round    round
	named    string // the key that a person names
	lazy     bool   // a sync of a file does nothing
	read     bool   // keyd has read the files since somebody else wrote them
	left     []byte // what somebody else wrote into the credentials file, which keyd has not read yet
}

// moment is an instant after an effect: what a process that dies there leaves.
type moment struct {
	after int // the effect
	disk  *atomicfiletest.Disk
	cloud *awssim.Cloud
	at    time.Time
	ghost ghost
	works [2]bool // the pairs of the files, until then
}

// execute does one pass over w.
func (s setting) execute(t *testing.T, w *scene, faults []fault, m *mistake, further bool) *take {
	r := &take{setting: s, faults: faults, read: true, further: further}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(r.begins(w)))
		r.scene = &scene{disk: w.disk.Clone(time.Now), cloud: w.cloud.Clone(time.Now), ghost: w.ghost, trace: w.trace, faults: w.faults}
		r.disk.Around = r.onDisk
		r.start(r.disk, r)
		if m != nil && m.plant != nil {
			m.plant(r)
		}
		r.before = r.look()
		r.noteShown()
		var results []rotate.Result
		results, r.err = r.process(t.Context())
		r.end(results)
		r.checkTorn(w.at)
	})
	return r
}

// start is a new process.
func (r *take) start(sys atomicfile.Sys, http interface {
	Do(*http.Request) (*http.Response, error)
}) {
	r.d = &rotate.Rotator{
		Store:    &credfile.Store{Paths: credfile.Paths{Credentials: credentials, Config: configFile}, Sys: sys},
		StateDir: stateFolder, Sys: sys, Settings: settings.Default(), HTTP: http, Now: time.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(listener{slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}), r}),
		Process: "test", OnEvent: r.told,
	}
	r.d.SetProofRounds(r.rounds)
	r.d.Settings.CheckEvery = 30 * settings.Day // what is due wakes it
}

// end sets the time of the next pass.
func (r *take) end(results []rotate.Result) {
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
	if !r.read { // the watch of the files sees it
		wait = min(wait, time.Second)
	}
	r.disk.Around = nil
	r.quietEnd()
	r.checkMended()
	if r.result.Rotation == nil && r.err == nil && len(r.journals()) == 0 {
		r.rest()
	}
	r.since = time.Now()
	at := r.since.Add(wait)
	clock := func() time.Time { return at }
	r.disk, r.cloud, r.at = r.disk.Clone(clock), r.cloud.Clone(clock), at
	r.scene.faults += len(r.faults)
	r.trace = r.trace.with(step{faults: r.faults})
}

// onDisk is one call to the disk.
func (r *take) onDisk(op atomicfiletest.DiskOp, do func() error) error {
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
	e := effect{what: op.Name + " " + base, kind: changes, file: filepath.Clean(dir) == homeFolder,
		slim: foundOutAgain(op.Path) || op.Name == "create" && temp}
	if op.Read {
		e.kind = reads
		r.read = r.read || op.Path == credentials
		if op.Path == credentials {
			r.hasRead()
		}
	}
	return r.effect(e, func(f *fate) error {
		switch {
		case f != nil:
			return f.disk
		case r.lazy && op.Name == "sync":
			return nil
		}
		return do()
	})
}

// Do is one call to AWS.
func (r *take) Do(q *http.Request) (resp *http.Response, err error) {
	e := effect{what: action(q), kind: asks}
	switch e.what {
	case "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "TagUser", "UntagUser":
		e.kind = orders
	}
	_ = r.effect(e, func(f *fate) error {
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

// action reads the form.
func action(q *http.Request) string {
	body, _ := io.ReadAll(q.Body)
	q.Body = io.NopCloser(bytes.NewReader(body))
	_, rest, _ := bytes.Cut(append([]byte("&"), body...), []byte("&Action="))
	name, _, _ := bytes.Cut(rest, []byte("&"))
	return string(name)
}

// effect counts one effect, lets its fate happen, and checks the invariants.
func (r *take) effect(e effect, do func(*fate) error) error {
	r.effects = append(r.effects, e)
	n := len(r.effects)
	f := r.fate(n, e)
	r.mark(n, e, f)
	if f != nil && f.person != nil {
		f.person(r.scene)
		r.wrote()
		r.ghost.beyond = r.ghost.beyond || !f.files || r.ghost.theirs != ""
		r.ghost.foreign, r.read, r.acted = true, false, time.Now()
		r.before = r.look()
		r.noteShown()
		f = nil
	}
	err := do(f)
	if e.kind == orders || e.kind == asks {
		r.checkCall(e)
		r.checkPatience()
	}
	if e.kind == orders || e.kind == changes {
		r.check(e)
		r.keep(n)
	}
	return err
}

// mark notes in which state of the scene, and where in the code, an effect
// happens. Two effects with one mark have the same future.
func (r *take) mark(n int, e effect, f *fate) {
	name := ""
	if f != nil {
		name, r.round.fault = f.name, time.Now()
	}
	r.phase = mix(r.phase, e.what+name)
	if r.further && (len(r.faults) == 0 || n > r.faults[len(r.faults)-1].at) {
		r.at = time.Now()
		r.marks = append(r.marks, r.phase^r.key(true))
		return
	}
	r.marks = append(r.marks, 0)
}

func mix(h uint64, text string) uint64 {
	return h*1099511628211 ^ maphash.String(seed, text)
}

// listener hears which action begins.
type listener struct {
	slog.Handler
	r *take
}

func (l listener) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == "decided" {
		l.r.enter()
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "do" {
				l.r.phase = mix(l.r.phase, a.Value.String())
			}
			return true
		})
	}
	return l.Handler.Handle(ctx, record)
}

// enter begins a part of the code in which it does not matter how it was reached.
func (r *take) enter() {
	r.phase = 0
	for _, f := range r.standing {
		r.phase = mix(r.phase, f.name)
	}
}

// round is what the rounds of a proof differ in, as far as it matters: for a
// quarter of an hour they may all be alike.
type round struct {
	text  string    // how far the endpoints are
	alike int       // rounds before it with that text
	fault time.Time // the last one
}

// told hears what a person would.
func (r *take) told(e rotate.Event) {
	r.log.WriteString(e.Verb + " " + e.Text + e.Hint + "\n")
	if !e.Progress {
		return
	}
	if r.round.alike++; r.round.text != e.Text {
		r.round.text, r.round.alike = e.Text, 0
	}
	began, _ := slices.BinarySearch([]time.Duration{rotate.SettleMin, rotate.SettleMax, rotate.ProveSoftLimit, rotate.ProveHardLimit - rotate.SettleMax}, e.Elapsed)
	muted := time.Since(r.round.fault) > rotate.MuteLimit
	r.enter()
	r.phase = mix(r.phase, fmt.Sprint(e.Text, min(r.round.alike, 2), began, muted))
}

// fate returns what happens at an effect, nil for what should.
func (r *take) fate(n int, e effect) *fate {
	for _, f := range r.faults {
		if f.at == n && f.fate.fit(e) {
			if f.fate.forGood {
				r.standing = append(r.standing, f.fate)
			}
			return f.fate
		}
	}
	for _, f := range r.standing {
		if f.fit(e) {
			return f
		}
	}
	return nil
}

// keep remembers the instant, unless a run with fewer faults has been there.
func (r *take) keep(n int) {
	if !r.further || len(r.faults) > 0 && n < r.faults[len(r.faults)-1].at {
		return
	}
	at := time.Now()
	clock := func() time.Time { return at }
	r.moments = append(r.moments, moment{n, r.disk.Clone(clock), r.cloud.Clone(clock), at, r.ghost, r.before.usable})
}

// restartAfter is how long the service manager waits.
const restartAfter = 5 * time.Second

// deaths are the scenes that m can leave: the process killed, or the power cut.
func (r *take) deaths(m moment, planted *mistake) []*scene {
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
		w.ghost.torn = (m.ghost.torn || m.tears(o)) && w.anyTorn()
		scenes = append(scenes, w)
	}
	return scenes
}
