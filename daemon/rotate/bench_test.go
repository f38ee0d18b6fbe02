package rotate_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// noAWS is an AWS that nobody may call.
type noAWS struct{}

func (noAWS) Do(r *http.Request) (*http.Response, error) {
	return nil, errors.New("a call to " + r.URL.Host)
}

// BenchmarkPassOfYoungKeys measures a pass in which nothing is due, on a real disk. Its
// limit is to read the AWS files, status.json and memory.json once; see
// BenchmarkReadYoungFiles.
func BenchmarkPassOfYoungKeys(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := youngRotator(b, n)
			b.ReportAllocs()
			for b.Loop() {
				results, err := d.Pass(b.Context(), rotate.Request{})
				if err != nil || len(results) != n || results[n-1].State != decide.StateOK || results[n-1].Err != nil {
					b.Fatalf("%d results, %v: %+v", len(results), err, results[max(0, len(results)-1)])
				}
			}
		})
	}
}

// BenchmarkReadYoungFiles measures the limit of BenchmarkPassOfYoungKeys.
func BenchmarkReadYoungFiles(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := youngRotator(b, n)
			for b.Loop() {
				for _, path := range []string{d.Store.Paths.Credentials, d.Store.Paths.Config, filepath.Join(d.StateDir, "status.json"), filepath.Join(d.StateDir, "memory.json")} {
					if _, err := atomicfile.Tail(d.Sys, path, atomicfile.MaxOwnSize); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
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
