package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kardianos/service"
)

// newTaskOnDisk returns a task whose definition is in a folder of the test.
func newTaskOnDisk(t *testing.T) *task {
	t.Helper()
	k, _ := newTestTask(t)
	*k.host = k.host.withEnv(map[string]string{"SystemRoot": t.TempDir()})
	return k
}

// TestDefinitionOfAnOlderKeydIsStale compares definitions that were written for another
// program, with other variables and by another version of systemd, and one that an older
// keyd has written.
func TestDefinitionOfAnOlderKeydIsStale(t *testing.T) {
	other := &service.Config{Name: displayName, DisplayName: displayName, Description: description,
		Executable: "/usr/local/bin/keyd", Arguments: []string{"run"}, EnvVars: map[string]string{"AWS_REGION": "eu-west-1"}}
	plain := &service.Config{Name: displayName, DisplayName: displayName, Description: description, Executable: "/bin/keyd", Arguments: []string{"run"}}
	u, _ := newTestUnit(t)
	a, _ := newTestAgent(t)
	k := newTaskOnDisk(t)
	for name, one := range map[string]struct {
		login loginService
		host  *Host
		fresh [][]byte
		cut   string // a part of it that an older keyd did not write
	}{
		"unit":  {u, u.host, [][]byte{renderUnit(other, 0), renderUnit(other, 300), renderUnit(plain, 0)}, "OOMPolicy=continue\n"},
		"agent": {a, a.host, [][]byte{renderAgent(other, "/tmp/log"), renderAgent(plain, "/tmp/log")}, "\t<key>LowPriorityIO</key>\n\t<true/>\n"},
		"task":  {k, k.host, [][]byte{renderTask(other, "S-1-5"), renderTask(plain, "")}, "    <WakeToRun>false</WakeToRun>\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Service{host: *one.host, login: one.login}
			if s.IsStale() {
				t.Error("what is not installed is stale")
			}
			write := func(text []byte) {
				path := one.login.definitionPath()
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for i, text := range one.fresh {
				if write(text); s.IsStale() {
					t.Errorf("%d: what this keyd writes is stale", i)
				}
				text := decodeUTF16(text)
				if older := strings.Replace(text, one.cut, "", 1); older == text {
					t.Fatalf("there is no %q", one.cut)
				} else if write([]byte(older)); !s.IsStale() {
					t.Errorf("%d: what an older keyd wrote is not stale", i)
				}
			}
		})
	}
}

// TestServiceLacksVariablesOfTheShell finds those that the definition does not have.
func TestServiceLacksVariablesOfTheShell(t *testing.T) {
	u, _ := newTestUnit(t)
	a, _ := newTestAgent(t)
	k := newTaskOnDisk(t)
	config := &service.Config{Name: displayName, Description: description, Executable: "/bin/keyd", Arguments: []string{"run"}, EnvVars: map[string]string{"AWS_REGION": "eu-west-1", "NO_PROXY": `a&b "c`}}
	for name, one := range map[string]struct {
		login loginService
		host  *Host
		text  []byte
	}{"unit": {u, u.host, renderUnit(config, 0)}, "agent": {a, a.host, renderAgent(config, "/log")}, "task": {k, k.host, renderTask(config, "me")}} {
		path := one.login.definitionPath()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, one.text, 0o600); err != nil {
			t.Fatal(err)
		}
		for region, want := range map[string]int{"eu-west-1": 0, "eu-central-1": 1} {
			s := &Service{host: one.host.withEnv(map[string]string{"AWS_REGION": region, "NO_PROXY": `a&b "c`}), login: one.login}
			if all := s.Differing(); len(all) != want {
				t.Errorf("%s, %s: %v", name, region, all)
			}
		}
	}
}

// TestLingerIsAFileOfSystemd is no question elsewhere.
func TestLingerIsAFileOfSystemd(t *testing.T) {
	u, _ := newTestUnit(t)
	s := &Service{host: *u.host, login: u}
	s.host.Login = "alice"
	if lingers := s.Linger(); lingers == nil || *lingers {
		t.Error("there is no file")
	}
	path := u.host.root + "/var/lib/systemd/linger/alice"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if lingers := s.Linger(); lingers == nil || !*lingers {
		t.Error("there is a file")
	}
	a, _ := newTestAgent(t)
	if s := (&Service{host: *a.host, login: a}); s.Linger() != nil {
		t.Error("launchd knows no such thing")
	}
}

// TestUnitOfAPackageIsNotStale leaves the unit of a package, and what keyd install has
// written beside it, to the package.
func TestUnitOfAPackageIsNotStale(t *testing.T) {
	u, _ := newTestUnit(t)
	path := filepath.Join(u.packagedFolders()[2], unitName)
	for _, place := range []string{path, u.definitionPath()} {
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, []byte(dropInHeader+"[Service]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if s := (&Service{host: *u.host, login: u}); s.IsStale() {
			t.Errorf("%s is stale", place)
		}
	}
}
