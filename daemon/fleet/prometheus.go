package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// HashKey returns the name of a key in the metrics: the first 16 hexadecimal digits of the
// SHA-256 of its id. Whoever knows an id can find its metrics; the other way round does not
// work.
func HashKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// metric is one metric in the text format.
type metric struct {
	name, help string
	samples    []string // labels and value of each, such as `{key="1f"} 3`
}

func (m *metric) add(value string, labels ...string) {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+escapeLabel(labels[i+1])+`"`)
	}
	text := ""
	if len(pairs) > 0 {
		text = "{" + strings.Join(pairs, ",") + "}"
	}
	m.samples = append(m.samples, text+" "+value)
}

// escapeLabel escapes the value of a label.
// Source: prometheus.io/docs/instrumenting/exposition_formats.
func escapeLabel(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text)
}

// escapeHelp escapes a help text, in which quotation marks stay.
func escapeHelp(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(text)
}

// Prometheus returns the metrics of a machine, for the textfile collector of node_exporter.
// All are gauges. Keys that keyd skips have none. A key without an id, which AWS tools cannot
// read, counts only in the totals.
func Prometheus(from Source) string {
	r := Make(from)
	age := metric{name: "keyd_key_age_seconds", help: "Age of the key when the metrics were written."}
	created := metric{name: "keyd_key_created_timestamp_seconds", help: "When the key was created. It gives the right age also when the metrics are old."}
	stateIs := metric{name: "keyd_key_state", help: "1 for the state in which the key is."}
	needy := metric{name: "keyd_key_needs_person", help: "1 if only a person can continue."}
	for _, l := range uniqueKeys(from.Status.Keys) {
		hash := HashKey(l.KeyID)
		if !l.Created.IsZero() {
			age.add(strconv.FormatInt(int64(from.Now.Sub(l.Created).Seconds()), 10), "key", hash)
			created.add(strconv.FormatInt(l.Created.Unix(), 10), "key", hash)
		}
		stateIs.add("1", "key", hash, "state", string(l.State))
		needy.add(formatBool(l.NeedsPerson), "key", hash)
	}
	all := []metric{
		gauge("keyd_info", "Version of keyd.", "1", "version", r.Release),
		gauge("keyd_daemon_running", "1 if a daemon ran when the metrics were written.", formatBool(r.DaemonAlive)),
		gauge("keyd_last_pass_timestamp_seconds", "When a pass last ended; 0 before the first.", strconv.FormatInt(r.LastPassUnix, 10)),
		gauge("keyd_max_age_seconds", "The limit of the age of a key, max_age in keyd.ini.", strconv.FormatInt(int64(from.Settings.MaxAge.Seconds()), 10)),
		gauge("keyd_keys", "Long-term keys that keyd does not skip.", strconv.Itoa(r.Keys)),
		gauge("keyd_keys_overdue", "Keys that are max_age old, or older.", strconv.Itoa(r.Overdue)),
		gauge("keyd_keys_unknown_age", "Keys whose age AWS has not told yet.", strconv.Itoa(r.UnknownAge)),
		gauge("keyd_keys_needing_person", "Keys for which only a person can continue.", strconv.Itoa(r.NeedsPerson)),
	}
	reasons := metric{name: "keyd_reason", help: "1 for each reason why a person is needed."}
	for _, word := range r.Reasons {
		reasons.add("1", "reason", word)
	}
	var b strings.Builder
	for _, m := range append(all, reasons, age, created, stateIs, needy) {
		if len(m.samples) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, escapeHelp(m.help), m.name)
		for _, sample := range m.samples {
			b.WriteString(m.name + sample + "\n")
		}
	}
	return b.String()
}

// gauge returns a metric with one sample.
func gauge(name, help, value string, labels ...string) metric {
	m := metric{name: name, help: help}
	m.add(value, labels...)
	return m
}

func formatBool(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// uniqueKeys returns one entry for each key id, in the order of the ids' hashes: a collector
// refuses a file with two samples of one name. Of several, one that needs a person counts.
func uniqueKeys(lines []state.KeyStatus) (keys []state.KeyStatus) {
	known := map[string]int{} // by key id, the place in keys
	for _, l := range lines {
		if l.State == decide.StateSkipped || l.KeyID == "" {
			continue
		}
		i, found := known[l.KeyID]
		if !found {
			known[l.KeyID] = len(keys)
			keys = append(keys, l)
		} else if l.NeedsPerson && !keys[i].NeedsPerson {
			keys[i] = l
		}
	}
	slices.SortFunc(keys, func(a, b state.KeyStatus) int { return strings.Compare(HashKey(a.KeyID), HashKey(b.KeyID)) })
	return keys
}
