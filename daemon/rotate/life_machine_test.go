package rotate_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// machine is a lab whose keyd runs as the daemon does, round by round, while the lid is
// open. Its clock may be wrong, and coarse.
type machine struct {
	*lab.Lab
	w        *life
	name     string
	offset   time.Duration // of its clock
	grain    time.Duration // of its clock; 0: none
	awake    bool
	always   bool             // it never sleeps
	next     time.Time        // when its daemon does something, by the time of the life
	schedule *rotate.Schedule // the pass in progress; nil when there is none
	latest   map[string]rotate.Result
	excluded bool   // rotate = never in its keyd.ini
	person   bool   // a command of a person runs
	endpoint string // AWS_ENDPOINT_URL of that command
	acting   bool   // a round or a command runs
	told     map[string]time.Time
	shown    map[string]bool // ids that its file has shown
	sys      func(atomicfile.Sys) atomicfile.Sys
}

// addMachine adds a machine on which keyd has not run before.
func (w *life) addMachine(name string, l *lab.Lab) *machine {
	m := &machine{Lab: l, w: w, name: name, always: w.dice.IntN(4) == 0, latest: map[string]rotate.Result{}, told: map[string]time.Time{}, shown: map[string]bool{}}
	m.Installation = (name + "000000000000")[:12]
	m.next = w.now().Add(time.Duration(w.dice.IntN(3600)) * time.Second)
	w.machines = append(w.machines, m)
	m.boot()
	return m
}

// fork returns the machine in another life, after a restart of keyd.
func (m *machine) fork(w *life, disks map[*atomicfiletest.Disk]*atomicfiletest.Disk) *machine {
	twin := *m
	twin.Lab, twin.w, twin.schedule = m.Lab.Fork(w.cloud, w.now, disks), w, nil
	twin.latest, twin.told, twin.shown = map[string]rotate.Result{}, map[string]time.Time{}, map[string]bool{}
	awake := m.Rotator.AwakeSince
	twin.boot()
	twin.Rotator.AwakeSince = awake
	return &twin
}

// clock returns the time by the machine's clock.
func (m *machine) clock() time.Time {
	at := m.w.now().Add(m.offset)
	if m.grain > 0 {
		at = at.Truncate(m.grain)
	}
	return at
}

// boot starts keyd.
func (m *machine) boot() {
	m.HTTP = m
	m.Restart()
	m.Rotator.Now, m.Rotator.Host, m.Rotator.Process = m.clock, m.name, "run"
	m.Rotator.Log = slog.New(slog.DiscardHandler)
	if m.sys != nil {
		m.Rotator.Sys = m.sys(m.Sys)
		m.Rotator.Store.Sys = m.Rotator.Sys
	}
	m.Rotator.Settings = settings.Default()
	m.Rotator.Settings.CheckEvery = 6 * time.Hour // fewer passes in which nothing is due
	if m.excluded {
		m.Rotator.Settings.RotateAfter = settings.Never
	}
	m.Rotator.StepOneByOne()
	m.Rotator.AwakeSince = m.clock()
	m.Rotator.OnEvent = func(e rotate.Event) {
		if !e.Progress {
			m.w.tell("%s: %s %s", m.name, e.Verb, e.Text)
		}
	}
}

// liveDay opens and closes the lid of one day.
func (m *machine) liveDay(day int) {
	i := m.index()
	at := func(hour, spread int) time.Time {
		return m.w.start.Add(time.Duration(day)*settings.Day + time.Duration(hour)*time.Hour + time.Duration(m.w.dice.IntN(spread*60))*time.Minute)
	}
	if !m.always && day > 0 {
		m.w.later(at(7, 3), func(w *life) { w.machines[i].wake() })
		m.w.later(at(16, 6), func(w *life) { w.machines[i].awake = false })
	} else if day == 0 {
		m.wake()
	}
	m.w.later(at(11, 4), func(w *life) { w.machines[i].work() })
}

// index returns the number of the machine in its life.
func (m *machine) index() int {
	for i, other := range m.w.machines {
		if other == m {
			return i
		}
	}
	panic("a machine of no life")
}

// wake opens the lid.
func (m *machine) wake() {
	m.awake, m.Rotator.AwakeSince, m.schedule = true, m.clock(), nil
	m.next = m.w.now().Add(time.Second)
}

// work lets a program on the machine use the pair in the file.
func (m *machine) work() {
	if m.name == "mirror" { // the file is the laptop's
		return
	}
	m.RecordShown()
	m.w.judged.used(m, m.UsePair("eu-west-1"))
}

// round does one round of the daemon, and says when the next one is due.
func (m *machine) round() {
	if m.schedule == nil {
		m.schedule = m.Rotator.NewSchedule(rotate.Request{})
	}
	m.acting = true
	results, next, err := m.schedule.Round(m.w.t.Context())
	m.acting = false
	m.next = m.soon(next)
	if err != nil || next.IsZero() {
		m.schedule, m.next = nil, m.w.now().Add(15*time.Minute)
	}
	if err == nil && next.IsZero() {
		m.next = m.soon(m.clock().Add(m.Rotator.TimeToNextPass(results)))
	}
	m.w.judged.afterRound(m, results, err, next.IsZero())
}

// soon returns when the machine's clock shows at.
func (m *machine) soon(at time.Time) time.Time {
	if m.grain > 0 {
		at = at.Add(m.grain - 1).Truncate(m.grain)
	}
	if at = at.Add(-m.offset); !at.After(m.w.now()) {
		return m.w.now().Add(10 * time.Millisecond)
	}
	return at
}

// command runs a command of a person, in a process of its own.
func (m *machine) command(name, endpoint string, do func(*rotate.Rotator) error) {
	own := *m.Rotator
	own.Process, own.AwakeSince = "command", time.Time{}
	own.Getenv = func(key string) string {
		if key == "AWS_ENDPOINT_URL" {
			return endpoint
		}
		return ""
	}
	m.person, m.endpoint, m.acting = true, endpoint, true
	err := do(&own)
	m.person, m.endpoint, m.acting = false, "", false
	m.w.tell("%s: %s %s: %v", m.name, name, endpoint, err)
	m.w.judged.afterCommand(m)
	m.next = m.w.now().Add(time.Second) // the watch on the files and the state notices it
	m.schedule = nil
}

// rotateByHand is keyd rotate.
func (m *machine) rotateByHand(endpoint string, options decide.Options) (results []rotate.Result) {
	options.Manual = true
	m.command("keyd rotate", endpoint, func(d *rotate.Rotator) (err error) {
		results, err = d.Pass(m.w.t.Context(), rotate.Request{Options: options})
		return err
	})
	return results
}

// errUnreachable is the error of an endpoint that is silent.
var errUnreachable = errors.New("i/o timeout")

// Do is the network of the machine.
func (m *machine) Do(q *http.Request) (*http.Response, error) {
	for _, c := range m.w.conditions {
		if s, ok := c.(*silence); ok && s.isSilent(m.w, q.URL.Hostname()) {
			time.Sleep(10 * time.Second)
			return nil, &url.Error{Op: "Post", URL: q.URL.String(), Err: &net.OpError{Op: "dial", Net: "tcp", Err: errUnreachable}}
		}
	}
	if other := m.w.standIns[q.URL.Host]; other != nil {
		return other.Do(q)
	} else if !strings.Contains(q.URL.Host, "amazonaws") {
		return nil, &url.Error{Op: "Post", URL: q.URL.String(), Err: &net.OpError{Op: "dial", Net: "tcp", Err: errUnreachable}}
	}
	text, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	q.Body = io.NopCloser(bytes.NewReader(text))
	if bytes.Contains(text, []byte("Action=CreateAccessKey")) || bytes.Contains(text, []byte("Action=UpdateAccessKey")) {
		m.letOthersAct()
	}
	m.RecordShown()
	resp, err := m.Cloud.Do(q)
	m.w.judged.afterCall(m, m.Cloud.LastCall())
	return resp, err
}

// letOthersAct lets another machine do a round at this very moment, now and then.
func (m *machine) letOthersAct() {
	for _, other := range m.w.machines {
		if other != m && other.awake && !other.acting && m.w.dice.IntN(3) == 0 {
			other.round()
		}
	}
}
