package install

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kardianos/service"
)

// newHost returns a machine with an empty home folder. The program is the test
// itself.
func newHost(t *testing.T, goos string) Host {
	t.Helper()
	home := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := Host{
		GOOS: goos, Home: home, UID: "501", Login: `CORP\alice`, Executable: program, Argv0: "keyd",
		StateDir: filepath.Join(home, "state"), Getenv: func(string) string { return "" },
		Daemon: func() (int, bool) { return 0, false },
		root:   filepath.Join(home, "root"), // no package is installed
	}
	return h
}

// withEnv returns the host with more environment variables.
func (h Host) withEnv(env map[string]string) Host {
	before := h.Getenv
	h.Getenv = func(name string) string {
		if value, ok := env[name]; ok {
			return value
		}
		return before(name)
	}
	return h
}

// awkwardConfig returns a configuration whose values all need quoting in at least
// one of the definitions.
func awkwardConfig() *service.Config {
	return &service.Config{
		Name: displayName, DisplayName: displayName, Description: description,
		Executable: `/home/al ice/100% "R&D" <x>\y/$HOME/keyd`, Arguments: []string{"run"},
		EnvVars: map[string]string{
			"AWS_CONFIG_FILE":  `/home/al ice/50% of "it"/config`,
			"AWS_ENDPOINT_URL": `http://127.0.0.1:4566/a&b`,
			"NO_PROXY":         `localhost,$HOME\`,
		},
	}
}

func TestDefinitionsMatchGoldenFiles(t *testing.T) {
	for name, text := range map[string]string{
		"keyd-aws.service":     string(renderUnit(awkwardConfig(), 254)),
		"local.keyd-aws.plist": string(renderAgent(awkwardConfig(), "/home/al ice/state/stderr.log")),
		"task.xml":             strings.ReplaceAll(decodeUTF16(renderTask(awkwardConfig(), `CORP\al & ice`)), "\r\n", "\n"),
	} {
		path := filepath.Join("testdata", name)
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(string(want), "\r\n", "\n"); text != want {
			t.Errorf("%s differs:\n%s\nwant\n%s", path, text, want)
		}
	}
}

func TestParseProgramReadsEveryDefinition(t *testing.T) {
	for _, program := range []string{"/usr/bin/keyd", awkwardConfig().Executable, `C:\Program Files\keyd.exe`, `/a\"b%%c/keyd`} {
		c := awkwardConfig()
		c.Executable = program
		for platform, read := range map[string]string{
			"systemd": (*unit)(nil).parseProgram(renderUnit(c, 254)), "launchd": (*agent)(nil).parseProgram(renderAgent(c, "/dev/null")), "task": (*task)(nil).parseProgram(renderTask(c, "alice")),
		} {
			if read != program && !(platform == "task" && strings.Contains(program, `"`)) { // no Windows path holds a quote
				t.Errorf("%s: program %q was read back as %q", platform, program, read)
			}
		}
	}
}

func TestEnvironmentLeavesOutSecrets(t *testing.T) {
	h := newHost(t, "linux").withEnv(map[string]string{
		"SSL_CERT_FILE": "ca.pem", "SSL_CERT_DIR": "corp" + string(filepath.ListSeparator) + "other", "AWS_USE_DUALSTACK_ENDPOINT": "true", "GODEBUG": "http2debug=2",
		"AWS_CONFIG_FILE": "aws/config", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "NO_PROXY": "localhost",
		"HTTPS_PROXY": "http://alice:hunter2@proxy:8080", "AWS_SECRET_ACCESS_KEY": "never", "AWS_SESSION_TOKEN": "never", "KEYD_STATE_DIR": "/s",
	})
	env, left, err := Environment(h.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	absolute := func(path string) string { // Windows adds a drive
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := []Variable{
		{"AWS_CONFIG_FILE", absolute("aws/config")}, {"AWS_ENDPOINT_URL", "http://127.0.0.1:4566"}, {"AWS_USE_DUALSTACK_ENDPOINT", "true"},
		{"KEYD_STATE_DIR", absolute("/s")}, {"NO_PROXY", "localhost"},
		{"SSL_CERT_DIR", absolute("corp") + string(filepath.ListSeparator) + absolute("other")}, {"SSL_CERT_FILE", absolute("ca.pem")},
	}
	if !slices.Equal(env, want) || !slices.Equal(left, []Omission{{"GODEBUG", "can make keyd log what AWS answers"}, {"HTTPS_PROXY", "contains a user name or a password"}}) {
		t.Errorf("variables %v, left out %v; want %v, left out GODEBUG and HTTPS_PROXY", env, left, want)
	}
}

// TestEnvironmentExpandsPaths: the service runs in another folder, and without the other
// variables of the shell.
func TestEnvironmentExpandsPaths(t *testing.T) {
	h := newHost(t, "linux").withEnv(map[string]string{
		"X": filepath.FromSlash("/x"), "AWS_CONFIG_FILE": "$X/config", "AWS_SHARED_CREDENTIALS_FILE": "~/creds", "SSL_CERT_DIR": "certs" + string(filepath.ListSeparator) + "more",
	})
	env, _, err := Environment(h.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	absolute := func(path string) string {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := []Variable{{"AWS_CONFIG_FILE", absolute("/x/config")}, {"AWS_SHARED_CREDENTIALS_FILE", "~/creds"},
		{"SSL_CERT_DIR", absolute("certs") + string(filepath.ListSeparator) + absolute("more")}}
	if !slices.Equal(env, want) {
		t.Errorf("variables %v, want %v", env, want)
	}
}

func TestEnvironmentRefusesUnsafeValues(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"an endpoint with a password, without which keys would go to AWS": {"AWS_ENDPOINT_URL_STS": "https://a:b@internal"},
		"a line feed, which would add a line to the unit":                 {"AWS_CONFIG_FILE": "/a\nExecStartPre=/bin/evil"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Environment(newHost(t, "linux").withEnv(env).Getenv)
			if err == nil || strings.Contains(err.Error(), "a:b") {
				t.Errorf("error %v, want one without the password", err)
			}
		})
	}
}

func TestOpenRefusesRootAndUnknownSystems(t *testing.T) {
	tests := []struct {
		name    string
		h       Host
		env     map[string]string
		text    string
		instead string
	}{
		{"root", Host{GOOS: "linux", Root: true}, nil, "root", "keyd run"},
		{"sudo", Host{GOOS: "darwin", Root: true}, map[string]string{"SUDO_USER": "alice"}, "sudo", "run it as alice"},
		{"FreeBSD", Host{GOOS: "freebsd"}, nil, "freebsd", "keyd run"},
		{"Plan 9", Host{GOOS: "plan9"}, nil, "plan9", "keyd run"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := test.h
			h.Getenv = func(name string) string { return test.env[name] }
			_, err := Open(h)
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || !strings.Contains(refused.Text, test.text) || !strings.Contains(refused.Instead, test.instead) {
				t.Errorf("error %v with hint %+v, want one about %q with hint %q", err, refused, test.text, test.instead)
			}
		})
	}
}

func TestUnsupportedMachinesGetAHint(t *testing.T) {
	for name, test := range map[string]struct {
		env     map[string]string
		native  string
		instead string
	}{
		"WSL without systemd": {map[string]string{"WSL_DISTRO_NAME": "Debian"}, "unix-systemv", "wsl.conf"},
		"OpenRC":              {nil, "linux-openrc", "user service"},
		"a container":         {nil, "unix-systemv", "keyd run"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "linux").withEnv(test.env)
			refused, ok := errors.AsType[*RefusedError](h.unsupportedError(test.native))
			if !ok || !strings.Contains(refused.Instead, test.instead) {
				t.Errorf("hint %+v, want one about %q", refused, test.instead)
			}
		})
	}
}
