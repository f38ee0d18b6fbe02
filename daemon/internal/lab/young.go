package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// WriteYoungHome writes what keyd finds on a real disk when nothing is due: the AWS files of
// n profiles in folder, each with the key of a user of its own that is one day old, and in
// stateDir what a pass has remembered of them an hour ago.
func WriteYoungHome(tb testing.TB, folder, stateDir string, n int) {
	tb.Helper()
	var credentials, config strings.Builder
	now := time.Now().UTC()
	status := state.Status{Version: state.StatusVersion, Process: "run", PID: 1, Written: now.Add(-time.Hour), Keys: make([]state.KeyStatus, 0, n)}
	letters := strings.NewReplacer("0", "P", "1", "Q", "8", "R", "9", "S") // as ids have them: A to Z and 2 to 7
	for i := range n {
		id, name := letters.Replace(fmt.Sprintf("AKIAIOSFODNN%08d", i)), fmt.Sprintf("user%d", i)
		fmt.Fprintf(&credentials, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %040d\n\n", name, id, i)
		fmt.Fprintf(&config, "[profile %s]\nregion = eu-west-1\noutput = json\n\n", name)
		line := state.KeyStatus{Profiles: []string{name}, KeyID: id, Created: now.Add(-settings.Day), Memory: state.Memory{Seen: &decide.Seen{
			At: now.Add(-time.Hour), Account: Account, ARN: "arn:aws:iam::" + Account + ":user/" + name, User: name, UserID: "AIDAIOSFODNN" + name,
			Keys: []decide.ListedKey{{ID: id, Active: true, Status: "Active", Created: now.Add(-settings.Day), Since: now.Add(-time.Hour)}}}}}
		line.SetDecision(decide.WaitUntil(decide.StateOK, now.Add(60*settings.Day), "1d old, replaced at 61d"))
		status.Keys = append(status.Keys, line)
	}
	for name, text := range map[string]string{"credentials": credentials.String(), "config": config.String()} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-time.Hour)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := state.OpenFolder(atomicfile.OS{}, stateDir, ""); err != nil {
		tb.Fatal(err)
	}
	if err := status.Save(atomicfile.OS{}, stateDir); err != nil {
		tb.Fatal(err)
	}
}
