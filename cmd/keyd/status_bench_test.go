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

// BenchmarkStatusOf100Profiles measures keyd status for 100 profiles that a pass has
// looked at, without the start of the process. The start takes longer; compare it with
// a program that does nothing.
func BenchmarkStatusOf100Profiles(b *testing.B) {
	home := b.TempDir()
	state := filepath.Join(home, "state")
	var credentials, lines strings.Builder
	for i := range 100 {
		id := fmt.Sprintf("AKIAIOSFODNN7%07d", i)
		fmt.Fprintf(&credentials, "[p%d]\naws_access_key_id = %s\naws_secret_access_key = %040d\n\n", i, id, i)
		fmt.Fprintf(&lines, `,{"profiles":["p%d"],"key":%q,"created":"2026-10-23T00:00:00Z","state":"ok","next":"2026-12-23T00:00:00Z",`+
			`"why":"31d old","seen":{"at":"2026-11-23T00:00:00Z","account":"111122223333","arn":"arn:aws:iam::111122223333:user/alice",`+
			`"user":"alice","keys":[{"id":%q,"active":true,"status":"Active","created":"2026-10-23T00:00:00Z"}]}}`, i, id, id)
	}
	status := fmt.Sprintf(`{"version":1,"written":"2026-11-23T00:00:00Z","process":"run","pid":1,"keys":[%s]}`, lines.String()[1:])
	for path, text := range map[string]string{
		filepath.Join(home, ".aws", "credentials"): credentials.String(),
		filepath.Join(state, "status.json"):        status,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	environment := map[string]string{"HOME": home, "KEYD_STATE_DIR": state, "KEYD_SETTINGS": filepath.Join(home, "keyd.ini")}
	u := newApp(process{out: io.Discard, err: io.Discard, goos: runtime.GOOS, now: time.Now,
		getenv: func(name string) string { return environment[name] }})
	for b.Loop() {
		if err := u.showStatus(b.Context(), nil, statusOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
