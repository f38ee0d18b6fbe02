package doctor_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/doctor"
	"keyd/daemon/state"
)

// TestHealthyMachineIsSilent finds nothing that a person would see, online and offline, and
// changes no file.
func TestHealthyMachineIsSilent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	b := newBench(t, 10*day)
	for _, o := range []doctor.Options{{}, {Fix: true}, {Offline: true}, {Offline: true, NoSearch: true}} {
		r := b.run(o)
		if all := shown(r); len(all) > 0 || r.NeedsPerson() {
			t.Errorf("%+v:\n%s", o, list(all))
		}
		for _, c := range r.Checks {
			if (c.Skipped == "") != (c.Worst != doctor.Unknown) {
				t.Errorf("%+v: %+v", o, c)
			}
		}
	}
	for _, call := range b.cloud.Calls() {
		if call.Action == "CreateAccessKey" || call.Action == "DeleteAccessKey" {
			t.Errorf("the doctor called %s", call.Action)
		}
	}
}

// TestOfflineCallsNobody makes no connection with --offline.
func TestOfflineCallsNobody(t *testing.T) {
	b := newBench(t, 10*day)
	b.run(doctor.Options{Offline: true, NoSearch: true})
	if n := len(b.cloud.Calls()); n > 0 {
		t.Errorf("%d calls", n)
	}
}

// TestEveryCheckIsComplete holds what the screen and programs rely on.
func TestEveryCheckIsComplete(t *testing.T) {
	var names []string
	var groups []doctor.Group
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, c := range doctor.All() {
		if !name.MatchString(c.Name) || slices.Contains(names, c.Name) || c.Why == "" || c.Find == nil {
			t.Errorf("check %q is not complete, or not the only one of its name", c.Name)
		}
		if i := slices.Index(groups, c.Group); i >= 0 && i != len(groups)-1 {
			t.Errorf("check %s is apart from the rest of group %s", c.Name, c.Group)
		} else if i < 0 {
			groups = append(groups, c.Group)
		}
		names = append(names, c.Name)
	}
}

// TestUnknownIsNeverFine looks at what the report says of permissions when AWS does not
// answer, and when a call before them is denied.
func TestUnknownIsNeverFine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	for name, plant := range map[string]func(*bench){
		"no network":  func(b *bench) { b.cloud.Inject(awssim.Fault{Kind: awssim.DNS}) },
		"list denied": func(b *bench) { b.user.DenyAction("ListAccessKeys", awssim.NotAllowed) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 10*day)
			plant(b)
			r := b.run(doctor.Options{NoSearch: true})
			for _, e := range r.Findings {
				if e.Check == "may-updateaccesskey" && e.Severity == doctor.Fine {
					t.Errorf("%+v", e)
				}
			}
			if r.Count(doctor.Unknown) == 0 || !r.NeedsPerson() {
				t.Errorf("unknown %d\n%s", r.Count(doctor.Unknown), list(shown(r)))
			}
		})
	}
}

// TestKeysThatCouldNotBeLookedAtAreNotFine holds the lock of a pass, and takes the files
// away: no check of the keys may say that all is well.
func TestKeysThatCouldNotBeLookedAtAreNotFine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	for name, plant := range map[string]func(*bench){
		"another pass": func(b *bench) {
			unlock, err := b.sys.TryLock(state.PassLockPath(b.path("state")))
			must(t, err)
			t.Cleanup(unlock)
		},
		"no files": func(b *bench) {
			must(t, os.Remove(b.path(".aws/credentials")))
			must(t, os.Symlink(b.path("usb/credentials"), b.path(".aws/credentials")))
		},
		"folder of anybody": func(b *bench) { b.chmod("state", 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 10*day)
			plant(b)
			r := b.run(doctor.Options{NoSearch: true})
			for _, c := range r.Checks {
				if (c.Group == doctor.GroupKeys && c.Name != "notes" || c.Group == doctor.GroupPermissions) && c.Worst != doctor.Unknown {
					t.Errorf("%s is %s", c.Name, c.Worst)
				}
			}
			if n := len(shown(r)); n > 5 {
				t.Errorf("%d findings:\n%s", n, list(shown(r)))
			}
		})
	}
}

// TestPackageBesideTheRemapperIsFine calls the program keyd-aws, as packages do where the
// keyboard remapper has the name keyd.
func TestPackageBesideTheRemapperIsFine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	b := newBench(t, 10*day)
	must(t, os.Rename(b.path("bin/keyd"), b.path("bin/keyd-aws")))
	b.write("bin/keyd", "\x7fELF /dev/uinput")
	b.chmod("bin/keyd", 0o755)
	for name, want := range map[string]int{"keyd-aws": 0, "keyd": 1} {
		b.name = name
		p := b.patient()
		p.Program = b.path("bin/keyd-aws")
		if r := doctor.Run(t.Context(), p, doctor.Options{Offline: true, NoSearch: true}); r.Count(doctor.Wrong) != want {
			t.Errorf("%s: %s", name, list(shown(r)))
		} else if want == 1 && shown(r)[0].Run != "alias keyd="+b.path("bin/keyd-aws") {
			t.Errorf("run: %s", shown(r)[0].Run)
		}
	}
}

// TestReportIsOneObject reads the JSON back, and looks for ids that are cut and for secrets.
func TestReportIsOneObject(t *testing.T) {
	b := newBench(t, 10*day)
	r := b.run(doctor.Options{Offline: true})
	data, err := json.Marshal(r)
	must(t, err)
	var back doctor.Report
	if err := json.Unmarshal(data, &back); err != nil || back.Version != 1 || len(back.Checks) != len(doctor.All()) || strings.Contains(string(data), b.secret) {
		t.Errorf("%v\n%s", err, data)
	}
}

// TestFixRestartsNoBusyDaemon leaves an older daemon alone while a pass takes a step, and
// while nobody knows whether a key was just created.
func TestFixRestartsNoBusyDaemon(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	b := newBench(t, 10*day)
	must(t, state.DaemonInfo{Version: state.DaemonInfoVersion, PID: 1, Since: time.Now().Add(-time.Hour), Release: "keyd v1"}.Save(b.sys, b.path("state")))
	unlock, err := b.sys.TryLock(state.PassLockPath(b.path("state")))
	must(t, err)
	r := b.run(doctor.Options{Offline: true, NoSearch: true, Fix: true})
	i := slices.IndexFunc(r.Findings, func(e doctor.Entry) bool { return e.Check == "service-version" })
	if i < 0 || r.Findings[i].Left == "" || b.restarted != 0 {
		t.Fatalf("restarted %d times\n%s", b.restarted, list(r.Findings))
	}
	unlock()
	b.run(doctor.Options{Offline: true, NoSearch: true, Fix: true})
	if b.restarted != 1 {
		t.Errorf("restarted %d times", b.restarted)
	}
}

// TestFixLeavesTheFilesOfOthers does not touch what belongs to somebody else, or has another
// name.
func TestFixLeavesTheFilesOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	b := newBench(t, 10*day)
	b.chmod(".aws/credentials", 0o644)
	must(t, os.Link(b.path(".aws/credentials"), b.path("other-name")))
	r := b.run(doctor.Options{Offline: true, NoSearch: true, Fix: true})
	info, err := os.Stat(b.path(".aws/credentials"))
	must(t, err)
	i := slices.IndexFunc(r.Findings, func(e doctor.Entry) bool { return e.Check == "readable-by-others" })
	if info.Mode().Perm() != 0o644 || i < 0 || !strings.Contains(r.Findings[i].Left, "hard links") {
		t.Errorf("mode %v\n%s", info.Mode(), list(r.Findings))
	}
}

// commandsOfOthers are the first words of commands that only the system or AWS could run.
// Their syntax is tried, and their words are known.
var commandsOfOthers = []string{"aws configure set use_dualstack_endpoint true --profile work", "sudo timedatectl set-ntp true", "sudo chown ", "systemctl --user unset-environment ",
	"sudo loginctl enable-linger "}

// TestFaultsAreFound plants every fault alone. The check finds it, says what helps, --fix
// mends what is safe, and each command is pasted.
func TestFaultsAreFound(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bench has the modes and the shell of Unix")
	}
	if len(faults) < 30 {
		t.Errorf("only %d faults", len(faults))
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			age := f.age
			if age == 0 {
				age = 10 * day
			}
			b := newBench(t, age)
			f.plant(b)
			o := doctor.Options{NoSearch: !f.search, Offline: f.offline}
			found := findFault(t, b.run(o), f)
			if found == nil {
				return
			}
			if found.Fixable != f.fixed {
				t.Errorf("fixable: %v", found.Fixable)
			}
			if f.fixed {
				before := b.readAWS()
				o.Fix = true
				if r := b.run(o); findOpen(r, f) != nil {
					t.Errorf("--fix left it:\n%s", list(r.Findings))
				}
				if b.readAWS() != before {
					t.Error("--fix changed the text of an AWS file")
				}
				o.Fix = false
				if r := b.run(o); findOpen(r, f) != nil && b.restarted == 0 {
					t.Errorf("it came back:\n%s", list(r.Findings))
				}
				return
			}
			b.try(*found, f, o)
		})
	}
}

// findFault returns the finding of a fault, which must be of the right severity.
func findFault(t *testing.T, r doctor.Report, f fault) *doctor.Entry {
	t.Helper()
	found := findOpen(r, f)
	if found == nil {
		t.Errorf("%s did not find %q:\n%s", f.check, f.found, list(r.Findings))
		return nil
	}
	want := doctor.Wrong
	if f.severity != "" {
		want = f.severity
	}
	if !strings.HasPrefix(found.Run, f.run) {
		t.Errorf("%s advises %q, want %q", f.check, found.Run, f.run)
	}
	if found.Severity != want || r.NeedsPerson() != (want == doctor.Wrong) {
		t.Errorf("%s, want %s:\n%s", found.Severity, want, list(shown(r)))
	}
	if most := max(f.most, 1); len(shown(r)) > most {
		t.Errorf("one fault is told %d times:\n%s", len(shown(r)), list(shown(r)))
	}
	return found
}

// findOpen returns the open finding of a fault, or nil.
func findOpen(r doctor.Report, f fault) *doctor.Entry {
	i := slices.IndexFunc(r.Findings, func(e doctor.Entry) bool {
		return e.IsOpen() && e.Check == f.check && e.Severity != doctor.Fine && strings.Contains(e.Found, f.found)
	})
	if i < 0 {
		return nil
	}
	return &r.Findings[i]
}

// readAWS returns the text of the AWS files.
func (b *bench) readAWS() string {
	credentials, _ := os.ReadFile(b.path(".aws/credentials"))
	config, _ := os.ReadFile(b.path(".aws/config"))
	return string(credentials) + string(config)
}

// try pastes the command of a finding, if there is one, and looks whether the fault is gone
// where the command alone must mend it.
func (b *bench) try(e doctor.Entry, f fault, o doctor.Options) {
	t := b.t
	t.Helper()
	if e.Run == "" {
		if e.Ask == "" {
			t.Error("nothing says what helps")
		}
		return
	}
	if out, err := exec.Command("sh", "-n", "-c", e.Run).CombinedOutput(); err != nil {
		t.Errorf("no shell takes %s: %v %s", e.Run, err, out)
	}
	word, _, _ := strings.Cut(e.Run, " ")
	switch word {
	case "chmod", "mkdir", "ls", "df":
		b.paste(e.Run)
		if again := findOpen(b.run(o), f); (word == "chmod" || word == "mkdir") && again != nil {
			t.Errorf("%s did not help", e.Run)
		}
	case "unset":
		for _, name := range strings.Fields(e.Run)[1:] {
			b.paste(e.Run + `; test -z "$` + name + `"`)
			delete(b.env, name)
		}
		if again := findOpen(b.run(o), f); again != nil {
			t.Errorf("%s did not help", e.Run)
		}
	case "export", "alias":
		b.paste(e.Run + `; command -v keyd`)
	case "${EDITOR:-vi}":
		b.write("bin/editor", "#!/bin/sh\nfor last; do :; done\ntest -f \"$last\" || exit 1\ncase $1 in +*) expr \"$1\" : '+[0-9][0-9]*$' >/dev/null ;; esac\n")
		b.chmod("bin/editor", 0o700)
		b.paste(e.Run)
	case "keyd": // the stories of cmd/keyd paste these
		if strings.Contains(e.Run, "PROFILE") {
			t.Errorf("%s names no profile", e.Run)
		}
	default:
		if !slices.ContainsFunc(commandsOfOthers, func(known string) bool { return strings.HasPrefix(e.Run, known) }) {
			t.Errorf("nobody has tried %s", e.Run)
		}
	}
	for _, path := range regexp.MustCompile(regexp.QuoteMeta(b.home)+`[^' ":;]*`).FindAllString(e.Run, -1) {
		if _, err := os.Lstat(path); err != nil && word != "mkdir" && word != "keyd" {
			t.Errorf("%s names %s, which does not exist", e.Run, filepath.Base(path))
		}
	}
}
