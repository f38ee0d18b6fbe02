package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// writeYoungHome writes the AWS files of n profiles into a home folder, each with a key of
// its own, and what a pass has remembered of them. It returns the environment of keyd.
func writeYoungHome(b *testing.B, home string, n int) map[string]string {
	b.Helper()
	state := filepath.Join(home, "state")
	var credentials, config, lines strings.Builder
	letters := strings.NewReplacer("0", "P", "1", "Q", "8", "R", "9", "S") // as ids have them
	for i := range n {
		id := letters.Replace(fmt.Sprintf("AKIAIOSFODNN%08d", i))
		fmt.Fprintf(&credentials, "[p%d]\naws_access_key_id = %s\naws_secret_access_key = %040d\n\n", i, id, i)
		fmt.Fprintf(&config, "[profile p%d]\nregion = eu-west-1\noutput = json\n\n", i)
		fmt.Fprintf(&lines, `,{"profiles":["p%d"],"key":%q,"created":"2026-10-23T00:00:00Z","state":"ok","next":"2026-12-23T00:00:00Z","why":"31d old"}`, i, id)
	}
	status := fmt.Sprintf(`{"version":1,"written":"2026-11-23T00:00:00Z","process":"run","pid":1,"keys":[%s]}`, lines.String()[1:])
	for path, text := range map[string]string{
		filepath.Join(home, ".aws", "credentials"): credentials.String(),
		filepath.Join(home, ".aws", "config"):      config.String(),
		filepath.Join(state, "status.json"):        status,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now(), time.Now().Add(-time.Hour)); err != nil { // keyd waits for a file that is being written
			b.Fatal(err)
		}
	}
	return map[string]string{"HOME": home, "USERPROFILE": home, "KEYD_STATE_DIR": state, "KEYD_SETTINGS": filepath.Join(home, "keyd.ini")}
}

// BenchmarkStatus measures keyd status for profiles that a pass has looked at, without the
// start of the process. The start takes longer for few profiles; compare it with a program
// that does nothing.
func BenchmarkStatus(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			environment := writeYoungHome(b, b.TempDir(), n)
			u := newApp(process{out: io.Discard, err: io.Discard, goos: runtime.GOOS, now: time.Now,
				getenv: func(name string) string { return environment[name] }})
			b.ReportAllocs()
			for b.Loop() {
				if err := u.showStatus(b.Context(), nil, statusOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
