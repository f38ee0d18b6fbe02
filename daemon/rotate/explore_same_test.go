package rotate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// hashSeed is the seed of fingerprints and marks, which are compared within
// one process only.
var hashSeed = maphash.MakeSeed()

// receiptsInJournal is the evidence in a journal. It decides nothing.
var receiptsInJournal = regexp.MustCompile(`(?s),\s*"receipts": \[.*?\]`)

// ageLimits are the ages at which keyd's policy changes what it does.
var ageLimits = []time.Duration{-time.Minute, decide.ReconcileAfter, decide.FreshFor, decide.UndisturbedFor, decide.UseReportDelay, settings.Day, 7 * settings.Day, 60 * settings.Day}

// ageClass returns between which two ageLimits the age of t lies, at the time
// of the scene.
func (w *scene) ageClass(t time.Time) int {
	i, _ := slices.BinarySearch(ageLimits, w.at.Sub(t))
	return i
}

// fingerprint returns the same number for scenes that differ only in ids,
// secrets, words for people, and times within one class of age. Without it
// the exploration would not end. It is not exact: two scenes with one
// fingerprint may, in theory, have different futures. A light fingerprint
// skips temporary files, because the next pass removes them before it does
// anything else.
func (w *scene) fingerprint(light bool) uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	m := w.memo
	if m == nil {
		m = newMemo(w)
	}
	for _, f := range w.disk.Files() {
		if !strings.Contains(f.Path, ".keyd-") {
			h.WriteString(m.fileText(w, f))
		} else if !light {
			h.WriteString(m.names.Replace(f.Path[:strings.Index(f.Path, ".keyd-")]) + "~")
		}
	}
	for _, name := range w.disk.Unsynced() {
		if !strings.Contains(name, ".keyd-") && !(light && isRediscovered(name)) {
			h.WriteString(m.names.Replace(name) + "?")
		}
	}
	h.WriteString(m.cloud)
	fmt.Fprint(&h, w.ghost.othersActed, w.ghost.denied, w.ghost.forged, w.ghost.missing != "", m.names.Replace(w.ghost.holds), w.ghost.unlinked, m.names.Replace(w.ghost.movedLink))
	return h.Sum64()
}

// memo holds the parts of a fingerprint for scenes of one instant, so that
// the files they share are read once.
type memo struct {
	names *strings.Replacer
	cloud string
	texts map[string]string // by the path, state and content of a file
}

// newMemo returns a memo for scenes with the AWS and the time of w.
func newMemo(w *scene) *memo {
	m := &memo{names: w.keyNamer(), texts: map[string]string{}}
	m.cloud = w.cloudText(m.names)
	return m
}

// fileText returns what a file contributes to a fingerprint.
func (m *memo) fileText(w *scene, f atomicfiletest.FileState) string {
	of := fmt.Sprint(f.Path, f.Synced, f.Mode, "\x00") + string(f.Data)
	if text, known := m.texts[of]; known {
		return text
	}
	text := m.names.Replace(f.Path)
	switch filepath.Base(f.Path) {
	case "history.jsonl":
		text += fmt.Sprint(w.lastCreateAge(f.Data))
	case "status.json":
		text = statusText(f.Data, m.names)
	case "memory.json":
		text = w.memoryText(f.Data, m.names)
	default:
		data, _, _ := strings.Cut(string(f.Data), `"sum"`) // a journal's checksum, which is its last field, says nothing new
		if strings.Contains(data, `"receipts"`) {
			data = receiptsInJournal.ReplaceAllString(data, "")
		}
		data = withoutHookTries(data)
		text += fmt.Sprint(f.Synced, f.Mode) + w.classifyTimes(m.names.Replace(data))
	}
	m.texts[of] = text
	return text
}

// isRediscovered reports whether keyd finds out again all that a file of the
// state folder says, so that nothing is lost with it.
func isRediscovered(path string) bool {
	return filepath.Dir(path) == stateFolder && filepath.Ext(path) != ""
}

// keyNamer returns a replacer that numbers ids and secrets in the order in
// which their keys were created.
func (w *scene) keyNamer() *strings.Replacer {
	var pairs []string
	secrets := w.cloud.Secrets()
	for _, user := range users {
		for i, k := range w.historyOf(user) {
			pairs = append(pairs, k.ID, fmt.Sprint("K", user, ".", i), secrets[k.ID], fmt.Sprint("S", user, ".", i))
			delete(secrets, k.ID)
		}
	}
	for id, secret := range secrets {
		pairs = append(pairs, id, "X", secret, "x")
	}
	return strings.NewReplacer(pairs...)
}

// classifyTimes replaces each time in a JSON text with its class of age.
func (w *scene) classifyTimes(text string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, `": "`)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i+4])
		text = text[i+4:]
		end := strings.IndexByte(text, '"')
		if end < 0 {
			continue
		}
		if t, err := time.Parse(time.RFC3339Nano, text[:end]); err == nil {
			fmt.Fprint(&b, w.ageClass(t))
			text = text[end:]
		}
	}
}

// lastCreateAge returns the class of age of the newest key in a history, or
// -1.
func (w *scene) lastCreateAge(text []byte) int {
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(`"did":"created"`)) {
			text = line
		}
	}
	var e state.HistoryEntry
	if json.Unmarshal(bytes.TrimSpace(text), &e) != nil || e.Verb != "created" {
		return -1
	}
	return w.ageClass(e.Time)
}

// statusText returns what a status file contributes to a fingerprint: the
// state of each key.
func statusText(data []byte, n *strings.Replacer) string {
	var s state.Status
	if json.Unmarshal(data, &s) != nil {
		return "damaged"
	}
	var b strings.Builder
	for _, l := range s.Keys {
		fmt.Fprint(&b, n.Replace(l.KeyID), l.State, l.Profiles)
	}
	return b.String()
}

// memoryText returns what the memory file contributes to a fingerprint: when
// each key was looked at, what the look found, and the last failure.
func (w *scene) memoryText(data []byte, n *strings.Replacer) string {
	memories := map[string]state.Memory{}
	if json.Unmarshal(data, &memories) != nil {
		return "damaged"
	}
	var lines []string
	for id, m := range memories {
		var line strings.Builder
		line.WriteString(n.Replace(id))
		if m.Seen != nil {
			line.WriteString(fmt.Sprint(w.ageClass(m.Seen.At), m.Seen.Offset.Round(time.Minute)))
			for _, k := range m.Seen.Keys {
				line.WriteString(fmt.Sprint(n.Replace(k.ID), k.Active))
			}
		}
		if t := m.Failure; t != nil {
			line.WriteString(fmt.Sprint(t.Do, w.ageClass(t.At), min(t.Count, 3), t.NeedsPerson, t.Offline, t.Intercepted, t.Lasted >= decide.FailureLimitOldKey, t.Lasted >= decide.FailureLimit, t.MayRetry("", time.Time{}, w.at)))
		}
		lines = append(lines, line.String())
	}
	slices.Sort(lines)
	return fmt.Sprint(lines)
}

// cloudText returns what AWS contributes to a fingerprint: every key that the
// user had, and the calls that are still to take effect.
func (w *scene) cloudText(n *strings.Replacer) string {
	var b strings.Builder
	for _, user := range users {
		for _, k := range w.historyOf(user) {
			fmt.Fprint(&b, n.Replace(k.ID), k.Status, k.CreatedBy == awssim.BySeed, k.CreatedBy == awssim.ByConsole, w.ageClass(k.Created))
		}
	}
	for _, c := range w.cloud.LateCalls() {
		fmt.Fprint(&b, c.Action, n.Replace(c.Target), c.Asked, w.ageClass(c.At))
	}
	fmt.Fprint(&b, w.cloud.LiveSessions())
	fmt.Fprint(&b, w.cloud.LastArrival().After(w.at))
	return b.String()
}

// noteMark notes the mark of an effect. Effects before the last fault have
// mark 0, because a take with fewer faults has tried them, and so have effects at which no
// fate is tried.
func (r *take) noteMark(n int, e effect, f *fate) {
	name := ""
	if f != nil {
		name, r.round.fault = f.name, time.Now()
	}
	r.phase = mixHash(r.phase, e.what+name)
	triesNothing := e.kind == diskRead && e.what != "open credentials" && e.what != "open env" && !*everyFate // a light search tries no fate there
	if r.detailed && !triesNothing && (len(r.faults) == 0 || n > r.faults[len(r.faults)-1].at) {
		r.at = time.Now()
		r.marks = append(r.marks, r.phase^r.fingerprint(true))
		return
	}
	r.marks = append(r.marks, 0)
}

// mixHash adds text to the hash h.
func mixHash(h uint64, text string) uint64 {
	return h*1099511628211 ^ maphash.String(hashSeed, text)
}

// listener is a log handler that notices when the take begins another action.
type listener struct {
	slog.Handler
	r *take
}

// Handle resets the phase when keyd has decided what to do next.
func (l listener) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == "decided" {
		l.r.resetPhase()
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "do" {
				l.r.phase = mixHash(l.r.phase, a.Value.String())
			}
			return true
		})
	}
	return l.Handler.Handle(ctx, record)
}

// resetPhase begins a part of the code that does the same however it was
// reached. Only faults that last still matter.
func (r *take) resetPhase() {
	r.phase = 0
	for _, f := range r.standing {
		r.phase = mixHash(r.phase, f.name)
	}
}

// round describes the rounds of a proof as far as they differ. For up to a
// quarter of an hour they may all be alike.
type round struct {
	text  string    // how far each endpoint is
	alike int       // number of rounds before it with the same text
	fault time.Time // when the last fault happened
}

// hearEvent logs an event, and resets the phase when a round of a proof
// begins.
func (r *take) hearEvent(e rotate.Event) {
	r.log.WriteString(e.Verb + " " + e.Text + e.Hint + "\n")
	if !e.Progress {
		return
	}
	if r.round.alike++; r.round.text != e.Text {
		r.round.text, r.round.alike = e.Text, 0
	}
	began, _ := slices.BinarySearch([]time.Duration{rotate.SettleMin, rotate.SettleMax, rotate.ProveSoftLimit, rotate.ProveHardLimit - rotate.SettleMax}, e.Elapsed)
	muted := time.Since(r.round.fault) > rotate.MuteLimit
	r.resetPhase()
	r.phase = mixHash(r.phase, fmt.Sprint(e.Text, min(r.round.alike, 2), began, muted))
}

// isAmidAlike reports whether effect i has equal ones before and after it.
// The fourth round of a proof, for example, is like the third.
func isAmidAlike(effects []effect, i int) bool {
	const around = 7 // two rounds of three calls
	isSame := func(part iter.Seq2[int, effect]) bool {
		calls := 0
		for _, e := range part {
			if e.kind != query && e.kind != order {
				continue
			}
			if e == effects[i] {
				return true
			}
			if calls++; calls == around {
				break
			}
		}
		return false
	}
	return effects[i].kind == query && isSame(slices.Backward(effects[:i])) && isSame(slices.All(effects[i+1:]))
}
