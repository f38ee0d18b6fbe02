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
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// noAWS is an AWS that nobody may call.
type noAWS struct{}

func (noAWS) Do(r *http.Request) (*http.Response, error) {
	return nil, errors.New("a call to " + r.URL.Host)
}

// youngKeys returns a keyd on a real disk for n profiles, each with the key of a user of
// its own that is young and was looked at.
func youngKeys(tb testing.TB, n int) *rotate.Rotator {
	tb.Helper()
	home, now := tb.TempDir(), time.Now()
	d := &rotate.Rotator{
		Store:    &credfile.Store{Paths: credfile.Paths{Credentials: filepath.Join(home, "credentials"), Config: filepath.Join(home, "config")}, Sys: atomicfile.OS{}},
		StateDir: filepath.Join(home, "state"), Sys: atomicfile.OS{}, Settings: settings.Default(), HTTP: noAWS{}, Now: time.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Process: "run",
	}
	var text strings.Builder
	status := state.Status{Version: state.StatusVersion, Written: now.Add(-time.Hour)}
	for i := range n {
		id, name, created := fmt.Sprintf("AKIAIOSFODNN%08d", 20000000+i), fmt.Sprint("user", i), now.Add(-settings.Day)
		fmt.Fprintf(&text, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %040d\nregion = eu-west-1\n\n", name, strings.NewReplacer("0", "P", "1", "Q", "8", "R", "9", "S").Replace(id), i)
		id = strings.NewReplacer("0", "P", "1", "Q", "8", "R", "9", "S").Replace(id)
		status.Keys = append(status.Keys, state.KeyStatus{Profiles: []string{name}, KeyID: id, State: decide.StateOK, Memory: state.Memory{Seen: &decide.Seen{
			At: now.Add(-time.Hour), Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/" + name, User: name, UserID: "AIDAQQQQ" + name,
			Keys: []decide.ListedKey{{ID: id, Active: true, Status: "Active", Created: created, Since: now}}}}})
	}
	for path, text := range map[string]string{d.Store.Paths.Credentials: text.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if err := state.OpenFolder(d.Sys, d.StateDir, ""); err != nil {
		tb.Fatal(err)
	}
	if err := status.Save(d.Sys, d.StateDir); err != nil {
		tb.Fatal(err)
	}
	if _, err := d.Pass(tb.Context(), rotate.Request{}); err != nil { // the lines of the status are then those of a pass
		tb.Fatal(err)
	}
	return d
}

// BenchmarkPassOfYoungKeys measures a pass in which nothing is due. Its limit is to read
// the credentials file, status.json and memory.json once.
func BenchmarkPassOfYoungKeys(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10000, 15000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := youngKeys(b, n)
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
