package rotate_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// noAWS is an AWS that nobody may call.
type noAWS struct{}

func (noAWS) Do(r *http.Request) (*http.Response, error) {
	return nil, errors.New("a call to " + r.URL.Host)
}

// BenchmarkPassOfYoungKeys measures a pass of a daemon in which nothing is due and no call is
// made, on a real disk; first-ms is how long the first pass of the process takes. The limit is
// to read the AWS files, status.json and memory.json once.
func BenchmarkPassOfYoungKeys(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := youngRotator(b, n)
			began := time.Now()
			passYoung(b, d, n)
			first := time.Since(began)
			var limit time.Duration
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				began := time.Now()
				readYoung(b, d)
				limit += time.Since(began)
				b.StartTimer()
				passYoung(b, d, n)
			}
			b.ReportMetric(first.Seconds()*1000, "first-ms")
			b.ReportMetric(b.Elapsed().Seconds()/limit.Seconds(), "x-reading")
		})
	}
}

// passYoung performs a pass over n young keys.
func passYoung(b *testing.B, d *rotate.Rotator, n int) {
	results, err := d.Pass(b.Context(), rotate.Request{})
	if err != nil || len(results) != n || results[n-1].State != decide.StateOK || results[n-1].Err != nil {
		b.Fatalf("%d results, %v: %+v", len(results), err, results[max(0, len(results)-1)])
	}
}

// readYoung reads what a pass has to read at least.
func readYoung(b *testing.B, d *rotate.Rotator) {
	for _, path := range []string{d.Store.Paths.Credentials, d.Store.Paths.Config, filepath.Join(d.StateDir, "status.json"), filepath.Join(d.StateDir, "memory.json")} {
		if _, err := atomicfile.Tail(d.Sys, path, atomicfile.MaxOwnSize); err != nil {
			b.Fatal(err)
		}
	}
}

// youngRotator returns a keyd on a real disk for n profiles with young keys.
func youngRotator(b *testing.B, n int) *rotate.Rotator {
	home := b.TempDir()
	stateDir := filepath.Join(home, "state")
	lab.WriteYoungHome(b, home, stateDir, n)
	return &rotate.Rotator{
		Store:    &credfile.Store{Paths: credfile.Paths{Credentials: filepath.Join(home, "credentials"), Config: filepath.Join(home, "config")}, Sys: atomicfile.OS{}},
		StateDir: stateDir, Sys: atomicfile.OS{}, Settings: settings.Default(), HTTP: noAWS{}, Now: time.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Process: "run",
	}
}

// farAWS is an AWS that is some way away.
type farAWS struct {
	*awssim.Cloud
	away time.Duration
}

func (f farAWS) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(f.away)
	return f.Cloud.Do(r)
}

// farRotator returns a keyd on a real disk for n profiles, each with a key of a user of its
// own, and an AWS at a distance that accepts a new key after learns.
func farRotator(b *testing.B, n int, age, away, learns time.Duration) (*rotate.Rotator, *awssim.Cloud) {
	lag := awssim.Lag{Create: awssim.Range{Min: learns, Max: learns}}
	cloud := awssim.New(awssim.Options{Now: time.Now, Seed: 7, Regions: []string{"us-east-1"}, Lag: lag})
	d := youngRotator(b, 0)
	d.HTTP = farAWS{cloud, away}
	var text strings.Builder
	for i := range n {
		id, secret := cloud.AddUser(lab.Account, "/", fmt.Sprint("user", i)).AddKey(age)
		fmt.Fprintf(&text, "[user%d]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n", i, id, secret)
	}
	if err := os.WriteFile(d.Store.Paths.Credentials, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return d, cloud
}

// BenchmarkFirstLooks measures the first pass over keys that are young. Its limit is that
// of eight lines which always have a call under way.
func BenchmarkFirstLooks(b *testing.B) {
	for _, n := range []int{8, 100, 1000} {
		b.Run(fmt.Sprintf("%d/80ms", n), func(b *testing.B) {
			calls := 0
			for b.Loop() {
				b.StopTimer()
				d, cloud := farRotator(b, n, settings.Day, 80*time.Millisecond, 0)
				b.StartTimer()
				if _, err := d.Pass(b.Context(), rotate.Request{}); err != nil {
					b.Fatal(err)
				}
				calls = len(cloud.Calls())
			}
			limit := 0.08 * float64(calls) / 8
			b.ReportMetric(limit, "limit-s")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/limit, "x-limit")
		})
	}
}

// proofPauses is how long a proof takes beyond its calls: the pauses between its five answers.
const proofPauses = 900 * time.Millisecond

// BenchmarkRotations measures rotations that a person wants to end now. They go eight at a
// time, and on a machine where keyd has not rotated before, the first one goes alone. The limit
// is what AWS needs to accept a new key, and the pauses of the proof, for each of these groups;
// it leaves out the round trips.
func BenchmarkRotations(b *testing.B) {
	for _, aws := range []struct {
		name         string
		away, learns time.Duration
		before       bool // keyd has rotated here before
		counts       []int
	}{
		{"0s", 0, 0, true, []int{1, 8, 64}},
		{"80ms", 80 * time.Millisecond, 0, true, []int{1, 8, 64}},
		{"iam-8s", 0, 8 * time.Second, true, []int{1, 8}}, // more would take minutes, and wait for the same
		{"iam-8s-new-machine", 0, 8 * time.Second, false, []int{8}},
	} {
		for _, n := range aws.counts {
			b.Run(fmt.Sprintf("%d/%s", n, aws.name), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					d, _ := farRotator(b, n, 70*settings.Day, aws.away, aws.learns)
					if aws.before {
						entry := state.HistoryEntry{Time: time.Now().Add(-settings.Day), Process: "run", Verb: rotate.VerbValidated, KeyID: "AKIAIOSFODNN7EXAMPLE"}
						if err := state.OpenHistory(d.StateDir, d.Sys).Append(entry); err != nil {
							b.Fatal(err)
						}
					}
					b.StartTimer()
					results, err := d.Pass(b.Context(), rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
					if err != nil || results[n-1].State != decide.StateQuarantine {
						b.Fatal(err, results[n-1].Why)
					}
				}
				groups := (n + 7) / 8
				if !aws.before {
					groups = 1 + (n-1+7)/8
				}
				limit := (aws.learns + proofPauses).Seconds() * float64(groups)
				b.ReportMetric(limit, "limit-s")
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/limit, "x-limit")
			})
		}
	}
}
