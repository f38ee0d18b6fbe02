package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kardianos/service"
)

// TestPackagedUnitIsTheInstalledOne: the unit that the packages contain is the one that
// keyd install writes for their program, on any systemd, without variables of a shell.
func TestPackagedUnitIsTheInstalledOne(t *testing.T) {
	packaged, err := os.ReadFile(filepath.Join("packaging", unitName))
	if err != nil {
		t.Fatal(err)
	}
	want := renderUnit(&service.Config{Description: description, Executable: packagedProgram, Arguments: []string{"run"}}, 0)
	if got := strings.ReplaceAll(string(packaged), "\r\n", "\n"); got != string(want) {
		t.Errorf("packaging/%s is\n%s\nwant\n%s", unitName, got, want)
	}
}

// newPackagedUnit returns a unit on a machine with a package, whose unit starts a program.
func newPackagedUnit(t *testing.T, program string) (u *unit, s *standIn, packaged string) {
	t.Helper()
	u, s = newTestUnit(t)
	packaged = filepath.Join(u.host.root, "usr/lib/systemd/user", unitName)
	writeTestFile(t, packaged, string(renderUnit(&service.Config{Executable: program, Arguments: []string{"run"}}, 0)))
	s.setFact("enabled", "disabled")
	return u, s, packaged
}

func writeTestFile(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func linkTestFile(t *testing.T, target, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
}

// thisTest returns the path of the running program, which is the one of every test host.
func thisTest(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// demandPaths demands which files exist.
func demandPaths(t *testing.T, there, gone string) {
	t.Helper()
	if _, err := os.Stat(there); err != nil {
		t.Errorf("%s is not there: %v", there, err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v", gone, err)
	}
}

// TestInstallAddsToAPackagedUnit replaces an older installation from a clone by a drop-in
// for the package's unit, puts it back if the service does not start, and goes back.
func TestInstallAddsToAPackagedUnit(t *testing.T) {
	u, s, packaged := newPackagedUnit(t, thisTest(t))
	folder := filepath.Join(u.host.Home, ".config/systemd/user")
	own, dropIn := filepath.Join(folder, unitName), filepath.Join(folder, dropInFolder, dropInName)
	const older = "[Service]\nExecStart=\"/home/alice/bin/keyd\" \"run\"\n"
	writeTestFile(t, own, older)

	if got := u.plannedPath(); got != dropIn {
		t.Errorf("the plan names %s, want %s", got, dropIn)
	}
	s.setFact("refuses restart", "Job failed.")
	if err := u.Install(); err == nil || !strings.Contains(err.Error(), "older installation is as it was") {
		t.Errorf("error %v, want one that says that the older installation is as it was", err)
	}
	if now, err := os.ReadFile(own); err != nil || string(now) != older {
		t.Errorf("the older unit was not restored: %q, %v", now, err)
	}
	demandPaths(t, own, filepath.Dir(dropIn))

	s.removeFact("refuses restart")
	s.takeCalls()
	if err := u.Install(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.takeCalls(), "daemon-reload\nreset-failed keyd-aws.service\nreenable keyd-aws.service\nrestart keyd-aws.service"; got != want {
		t.Errorf("called\n%s\nwant\n%s", got, want)
	}
	demandPaths(t, dropIn, own)
	text, err := os.ReadFile(dropIn)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\n[Service]\n", "\nRestartMaxDelaySec=300\n", "\nEnvironment=\"AWS_ENDPOINT_URL=http://127.0.0.1:4566/a&b\"\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("the drop-in lacks %q:\n%s", line, text)
		}
	}
	if strings.Contains(string(text), "ExecStart") {
		t.Errorf("the drop-in names a program, and would start it when the package is gone:\n%s", text)
	}
	state := (&Service{host: *u.host, login: u}).QuickState()
	if !state.Installed || state.File != dropIn || state.Program != thisTest(t) || state.ProgramMissing || state.OtherBuild {
		t.Errorf("the state is %+v", state)
	}
	if err := u.Uninstall(); err != nil {
		t.Fatal(err)
	}
	u.checkNothingLeft(t)
	demandPaths(t, packaged, own)
}

// TestServiceOfARemovedPackageIsMissing: what keyd install has written outlives the
// package, and another keyd says so.
func TestServiceOfARemovedPackageIsMissing(t *testing.T) {
	u, _, packaged := newPackagedUnit(t, thisTest(t))
	if err := errors.Join(u.Install(), os.Remove(packaged)); err != nil {
		t.Fatal(err)
	}
	state := (&Service{host: *u.host, login: u}).QuickState()
	if !state.Installed || !state.ProgramMissing || state.Program != u.host.root+packagedProgram {
		t.Errorf("the state is %+v, want one that misses the program", state)
	}
	if err := u.Install(); err != nil { // with the program that says so
		t.Fatal(err)
	}
	folder := filepath.Join(u.host.Home, ".config/systemd/user")
	demandPaths(t, filepath.Join(folder, unitName), filepath.Join(folder, dropInFolder))
}

// TestPackagedUnitAloneIsNoInstallation: systemd knows the unit of a package for every
// user, and that must not look like an installation.
func TestPackagedUnitAloneIsNoInstallation(t *testing.T) {
	for _, test := range []struct {
		name, link       string // below the root or the home folder
		enabled, refused bool
	}{
		{name: "nobody enabled it"},
		{name: "the user enabled it", link: "home/.config/systemd/user/default.target.wants", enabled: true},
		{name: "an administrator enabled it", link: "root/etc/systemd/user/default.target.wants", enabled: true, refused: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, s, packaged := newPackagedUnit(t, thisTest(t))
			if test.link != "" {
				inside := strings.NewReplacer("home/", u.host.Home+"/", "root/", u.host.root+"/").Replace(test.link)
				linkTestFile(t, packaged, filepath.Join(inside, unitName))
				s.setFact("enabled", "enabled")
			}
			service := &Service{host: *u.host, login: u}
			if quick, slow := service.QuickState(), service.State(); quick.Installed != test.enabled || slow.Installed != test.enabled {
				t.Errorf("installed: %v by the files, %v by systemd, want %v", quick.Installed, slow.Installed, test.enabled)
			}
			err := service.Start()
			if refused, ok := errors.AsType[*RefusedError](err); test.enabled == (err != nil) || ok && refused.Instead != "keyd install" {
				t.Errorf("start: %v", err)
			}
			installed, err := service.Uninstall()
			refused, ok := errors.AsType[*RefusedError](err)
			if installed != test.enabled || ok != test.refused || ok && refused.Instead != "systemctl --user mask keyd-aws.service" {
				t.Errorf("uninstalled: %v, %v", installed, err)
			}
			demandPaths(t, packaged, filepath.Join(u.host.Home, ".config/systemd/user", unitName))
		})
	}
}

// TestPackagedUnitOfAnotherProgramIsLeftAlone: a keyd from a clone next to a package
// writes its own unit, which counts more than the one of the package.
func TestPackagedUnitOfAnotherProgramIsLeftAlone(t *testing.T) {
	u, _, packaged := newPackagedUnit(t, "/usr/bin/env")
	if err := u.Install(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(u.host.Home, ".config/systemd/user")
	demandPaths(t, packaged, filepath.Join(folder, dropInFolder))
	demandPaths(t, filepath.Join(folder, unitName), filepath.Join(folder, dropInFolder))
}

// TestProgramIsNotAnAlternative: the link keyd of a package may be another program
// tomorrow.
func TestProgramIsNotAnAlternative(t *testing.T) {
	skipOnWindows(t)
	h := newHost(t, "linux")
	h.root = makeLastingFolder(t)
	putProgram(t, h.root, "usr/bin/keyd-aws", "etc/alternatives/keyd")
	bin := filepath.Join(h.root, "usr/bin")
	linkTestFile(t, filepath.Join(h.root, "etc/alternatives/keyd"), filepath.Join(bin, "keyd"))
	h.Executable = filepath.Join(bin, "keyd-aws")
	h = h.withEnv(map[string]string{"PATH": bin})
	for _, argv0 := range []string{"keyd", filepath.Join(bin, "keyd"), "keyd-aws"} {
		h.Argv0 = argv0
		if got, err := h.lastingPath(); err != nil || got != h.Executable {
			t.Errorf("called as %s, the service would start %s, %v; want %s", argv0, got, err, h.Executable)
		}
	}
}
