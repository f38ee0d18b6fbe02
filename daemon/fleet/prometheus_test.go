package fleet_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyd/daemon/decide"
	"keyd/daemon/fleet"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const prometheusFolder = "../../install/fleet/prometheus"

// sample is a machine with keys in several states, two entries of one key, and a key without
// an id.
func sample() fleet.Source {
	named := func(id string, l state.KeyStatus) state.KeyStatus {
		l.KeyID, l.Profiles, l.Why = id, []string{"zanzibar"}, "arn:aws:iam::111122223333:user/zanzibar"
		return l
	}
	return fleet.Source{Settings: settings.Default(), Release: "v1.0.0", Alive: true, Now: now, Status: state.Status{Written: now, Keys: []state.KeyStatus{
		named("AKIAIOSFODNN7EXAMPLE", key(decide.StateOK, 12, "")),
		named("AKIAIOSFODNN7EXAMPL2", key(decide.StateOK, 95, "")),
		named("AKIAIOSFODNN7EXAMPL2", key(decide.StateBlocked, 95, "second active key")),
		named("AKIAIOSFODNN7EXAMPL3", key(decide.StateWaiting, -1, "cannot reach AWS")),
		named("AKIAIOSFODNN7EXAMPL4", key(decide.StateSkipped, 400, "")),
		named("", key(decide.StateBlocked, -1, "mistake in credentials:3")),
	}}}
}

// TestPrometheus checks the whole text, and the format as its specification has it.
func TestPrometheus(t *testing.T) {
	text := fleet.Prometheus(sample())
	one, two, three := fleet.HashKey("AKIAIOSFODNN7EXAMPLE"), fleet.HashKey("AKIAIOSFODNN7EXAMPL2"), fleet.HashKey("AKIAIOSFODNN7EXAMPL3")
	for _, want := range []string{
		`keyd_info{version="v1.0.0"} 1`, "keyd_daemon_running 1", "keyd_max_age_seconds 7776000", "keyd_keys 5", "keyd_keys_overdue 2", "keyd_keys_unknown_age 2", "keyd_keys_needing_person 2",
		`keyd_key_age_seconds{key="` + one + `"} 1036800`, `keyd_key_state{key="` + two + `",state="blocked"} 1`, `keyd_key_needs_person{key="` + two + `"} 1`,
		`keyd_key_state{key="` + three + `",state="waiting"} 1`, `keyd_reason{reason="second_key"} 1`, `keyd_reason{reason="mistake_in_files"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if bad := regexp.MustCompile(`zanzibar|AKIA|arn|111122223333|"` + three + `"} \d{6}`).FindString(text); bad != "" {
		t.Errorf("%s is in\n%s", bad, text)
	}
	line := regexp.MustCompile(`^(# HELP [a-z_]+ [^\n]+|# TYPE [a-z_]+ gauge|[a-z_]+(\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)+\})? -?\d+)$`)
	seen := map[string]bool{}
	for one := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		series := one[:max(strings.LastIndex(one, " "), 0)]
		if !line.MatchString(one) || seen[series] && !strings.HasPrefix(one, "#") {
			t.Errorf("line %q", one)
		}
		seen[series] = true
	}
}

// TestPrometheusEscapes: a state is never such a text, and the format must not depend on it.
func TestPrometheusEscapes(t *testing.T) {
	from := sample()
	from.Status.Keys[0].State = "a\"b\\c\nd"
	if text := fleet.Prometheus(from); !strings.Contains(text, `,state="a\"b\\c\nd"} 1`+"\n") {
		t.Errorf("the label is not escaped in\n%s", text)
	}
}

// TestRulesAndDashboardUseRealMetrics: every metric that they name is one that keyd prints.
func TestRulesAndDashboardUseRealMetrics(t *testing.T) {
	text := fleet.Prometheus(sample())
	for _, name := range []string{"alerts.yml", "dashboard.json"} {
		data, err := os.ReadFile(filepath.Join(prometheusFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "dashboard.json" {
			var board struct {
				Panels []struct {
					ID      int
					Title   string
					Targets []struct{ Expr string }
				}
			}
			if err := json.Unmarshal(data, &board); err != nil || len(board.Panels) < 6 {
				t.Fatalf("%d panels, %v", len(board.Panels), err)
			}
			for i, p := range board.Panels {
				if p.ID != i+1 || p.Title == "" || len(p.Targets) != 1 || !strings.Contains(p.Targets[0].Expr, "keyd_") {
					t.Errorf("panel %+v", p)
				}
			}
		}
		metrics := regexp.MustCompile(`\bkeyd_[a-z_]+`).FindAllString(string(data), -1)
		if len(metrics) < 5 {
			t.Errorf("%s names only %v", name, metrics)
		}
		for _, m := range slices.Compact(slices.Sorted(slices.Values(metrics))) {
			if !strings.Contains(text, "# TYPE "+m+" gauge\n") {
				t.Errorf("%s names %s, which keyd does not print", name, m)
			}
		}
	}
}

// TestPromtool lets Prometheus's own program judge the metrics and the rules.
func TestPromtool(t *testing.T) {
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed here: only keyd's own reading of the format was tested")
	}
	check := exec.Command(program, "check", "metrics")
	check.Stdin = strings.NewReader(fleet.Prometheus(sample()))
	for _, c := range []*exec.Cmd{check, exec.Command(program, "check", "rules", filepath.Join(prometheusFolder, "alerts.yml"))} {
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Run(); err != nil {
			t.Errorf("%v: %v\n%s", c.Args, err, out.String())
		}
	}
}
