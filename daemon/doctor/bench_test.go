package doctor_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/doctor"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/install"
)

const day = settings.Day

// bench is one user's machine on which all is well, until a test breaks something. The
// files are real, in a folder of the test; AWS is simulated.
type bench struct {
	t      *testing.T
	home   string
	env    map[string]string
	cloud  *awssim.Cloud
	user   *awssim.User
	id     string
	secret string
	sys    atomicfile.Sys
	daemon func() // ends the daemon: releases its lock

	service   doctor.Service
	restarted int
	addresses []netip.Addr
	space     doctor.Space
	linger    bool
	name      string   // by which the program was called
	others    []string // the usual AWS files, while variables name others
}

// newBench returns a healthy machine with one key of the given age.
func newBench(t *testing.T, age time.Duration) *bench {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.Chmod(home, 0o700))
	b := &bench{t: t, home: home, sys: atomicfile.OS{}, cloud: awssim.New(awssim.Options{Seed: 3, Lag: awssim.Lag{LastUsed: 7 * time.Minute}}),
		addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, space: doctor.Space{Bytes: 1 << 30}, linger: true}
	b.user = b.cloud.AddUser("111122223333", "/", "alice")
	b.id, b.secret = b.user.AddKey(age)
	must(t, b.user.UseKeyAgo(b.id, "s3", "eu-west-1", 30*time.Hour))
	b.env = map[string]string{"HOME": home, "PATH": b.path("bin"), "DISPLAY": ":0"}
	for _, dir := range []string{".aws", "bin", "state", "machine/etc", "machine/proc", "cwd"} {
		must(t, os.MkdirAll(b.path(dir), 0o700))
	}
	b.write(".aws/credentials", "[work]\naws_access_key_id = <ID>\naws_secret_access_key = <SECRET>\n")
	b.write(".aws/config", "[profile work]\nregion = eu-west-1\n")
	for _, program := range []string{"keyd", "notify-send"} {
		b.write("bin/"+program, "#!/bin/sh\n")
		must(t, os.Chmod(b.path("bin/"+program), 0o700))
	}
	b.daemon, err = atomicfile.OS{}.TryLock(state.DaemonLockPath(b.path("state")))
	must(t, err)
	t.Cleanup(func() { b.daemon() })
	b.service = doctor.Service{State: install.State{Installed: true, Enabled: true, Running: true, Program: b.path("bin/keyd"), File: b.path("unit")}, Linger: &b.linger,
		Restart: func() error { b.restarted++; b.daemonInfo("keyd v2"); return nil }}
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// path returns the path of a file in the home folder.
func (b *bench) path(name string) string { return filepath.Join(b.home, filepath.FromSlash(name)) }

// write writes a file with the pair in place of <ID> and <SECRET>, and the home folder in
// place of <HOME>. It makes the file look old, so that nobody takes it for half written.
func (b *bench) write(name, text string) {
	b.t.Helper()
	text = strings.NewReplacer("<ID>", b.id, "<SECRET>", b.secret, "<HOME>", b.home).Replace(text)
	must(b.t, os.MkdirAll(filepath.Dir(b.path(name)), 0o700))
	must(b.t, os.WriteFile(b.path(name), []byte(text), 0o600))
	b.backdate(name, time.Hour)
}

// backdate makes a file look older.
func (b *bench) backdate(name string, age time.Duration) {
	at := time.Now().Add(-age)
	must(b.t, os.Chtimes(b.path(name), at, at))
}

func (b *bench) chmod(name string, mode os.FileMode) { must(b.t, os.Chmod(b.path(name), mode)) }

func (b *bench) getenv(name string) string { return b.env[name] }

// patient returns the machine as a new process of keyd sees it.
func (b *bench) patient() *doctor.Patient {
	b.t.Helper()
	paths, err := credfile.Locate(b.getenv, runtime.GOOS)
	must(b.t, err)
	file := settings.File{Path: b.path("keyd.ini"), Copy: state.SettingsCopyPath(b.path("state")), Sys: b.sys, Home: b.home, UserHome: b.home,
		Managed: settings.ManagedFile{Path: state.ManagedPath(b.path("machine"), runtime.GOOS), Copy: state.ManagedCopyPath(b.path("state")), Root: b.path("machine")}}
	s, err := file.Read()
	if err != nil {
		s = file.Effective()
	}
	return &doctor.Patient{
		Rotator: &rotate.Rotator{Store: &credfile.Store{Paths: paths, Sys: b.sys}, StateDir: b.path("state"), Sys: b.sys, Settings: s, HTTP: b.cloud,
			Now: time.Now, Getenv: b.getenv, Log: slog.New(slog.DiscardHandler), Process: "doctor", OtherFiles: b.others},
		Settings: file, Home: b.home, Dir: b.path("cwd"), GOOS: runtime.GOOS, Name: b.name, Root: b.path("machine"), Program: b.path("bin/keyd"), Release: "keyd v2", Service: b.service,
		Machine:   rotate.Machine{Home: b.home, Own: []string{b.path(".aws"), b.path("state"), b.path("keyd.ini")}, System: b.path("machine"), Proc: b.path("machine/proc")},
		Addresses: func() ([]netip.Addr, error) { return b.addresses, nil },
		FreeSpace: func(string) (doctor.Space, bool) { return b.space, true },
	}
}

// run examines the machine.
func (b *bench) run(o doctor.Options) doctor.Report {
	b.t.Helper()
	r := doctor.Run(b.t.Context(), b.patient(), o)
	for _, e := range r.Findings {
		for _, text := range []string{e.Found, e.Why, e.Run, e.Ask, e.Fixed, e.Left} {
			if b.secret != "" && strings.Contains(text, b.secret) {
				b.t.Errorf("%s shows the secret: %s", e.Check, text)
			}
		}
		if e.Why == "" || e.Found == "" || e.Severity != doctor.Fine && !e.Usual && e.Run == "" && e.Ask == "" && e.Severity == doctor.Wrong {
			b.t.Errorf("%s says too little: %+v", e.Check, e)
		}
	}
	return r
}

// shown returns the findings that a person sees.
func shown(r doctor.Report) (all []doctor.Entry) {
	for _, e := range r.Findings {
		if e.IsOpen() && e.Severity != doctor.Fine && !e.Usual {
			all = append(all, e)
		}
	}
	return all
}

// list returns findings as text.
func list(all []doctor.Entry) string {
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%s %s: %s | run: %s | %s | left: %s\n", e.Severity, e.Check, e.Found, e.Run, e.Ask, e.Left)
	}
	return b.String()
}

// paste runs a command as a person would who pastes it.
func (b *bench) paste(command string) {
	b.t.Helper()
	c := exec.Command("sh", "-c", command)
	c.Dir = b.home
	for name, value := range b.env {
		if name != "PATH" {
			c.Env = append(c.Env, name+"="+value)
		}
	}
	c.Env = append(c.Env, "PATH="+os.Getenv("PATH"), "EDITOR="+b.path("bin/editor"))
	if out, err := c.CombinedOutput(); err != nil {
		b.t.Errorf("pasted: %s\n%v\n%s", command, err, out)
	}
}
