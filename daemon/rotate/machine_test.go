package rotate_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"keyd/daemon/rotate"
)

// TestMachineSearch searches a home folder with copies in several files, some of which are
// no copies, and finds a running program.
func TestMachineSearch(t *testing.T) {
	const id, other = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"
	home := t.TempDir()
	for name, text := range map[string]string{
		".aws/credentials":           "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = marked-secret\n",
		".aws/credentials.bak":       "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = marked-secret\n",
		".local/state/keyd/journal":  id,
		"a/project/.env":             "X=1\n\nAWS_ACCESS_KEY_ID=" + id + "\nAWS_SECRET_ACCESS_KEY=marked-secret\n",
		"b/other/.env":               "AWS_ACCESS_KEY_ID=" + other + "\n",
		".zshrc":                     "export AWS_ACCESS_KEY_ID=" + id + "\n",
		".config/rclone/rclone.conf": "[s3]\ntype = s3\naccess_key_id = " + id + "\nsecret_access_key = marked-secret\n",
	} {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := rotate.Machine{Home: home, Own: []string{filepath.Join(home, ".aws", "credentials"), filepath.Join(home, ".local", "state", "keyd")}}
	pid := 0
	if runtime.GOOS != "windows" { // where no environments are shown
		child := exec.Command("cat")
		child.Env = []string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=marked-secret"}
		stdin, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { stdin.Close(); _ = child.Wait() }()
		m.Proc, pid = "/proc", child.Process.Pid
	}
	found := m.Search(t.Context(), []string{id, other, "not an id"})
	if len(found) != 2 || found[0].KeyID != id || found[1].KeyID != other {
		t.Fatalf("%+v", found)
	}
	var files []string
	for _, f := range found[0].Files {
		rel, _ := filepath.Rel(home, f.Path)
		files = append(files, filepath.ToSlash(rel))
	}
	if want := []string{".zshrc", ".config/rclone/rclone.conf", "a/project/.env"}; !slices.Equal(files, want) || found[0].Files[2].Line != 3 || found[0].Unfinished != "" {
		t.Errorf("found %q, want %q; %+v", files, want, found[0])
	}
	if n := len(found[0].Processes); pid != 0 && (n == 0 || found[0].Processes[n-1].PID != pid || found[0].Processes[n-1].Name != "cat") {
		t.Errorf("processes %+v, want %d", found[0].Processes, pid)
	}
	if len(found[1].Files) != 1 {
		t.Errorf("%+v", found[1])
	}
	if text, err := json.Marshal(found); err != nil || strings.Contains(string(text), "marked-secret") {
		t.Errorf("%v: %s", err, text)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if late := m.Search(ended, []string{id}); len(late) != 1 || late[0].Unfinished == "" {
		t.Errorf("%+v: a search that was ended looks like a whole one", late)
	}
}
