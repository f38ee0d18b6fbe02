//go:build !windows

package install

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// ownHost returns a host of the user who runs the test, with accounts of its own: the
// group of the user's files in a folder is the user's alone, and group 4242 has other
// members.
func ownHost(t *testing.T, folder string) Host {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := ownerOf(info)
	h := newHost(t, "linux")
	h.UID, h.accounts = strconv.Itoa(os.Getuid()), t.TempDir()
	writeAccounts(t, h.accounts, "me:x:"+o.gid+":\ndevs:x:4242:me,bob\n", "me:x:"+h.UID+":"+o.gid+"::/:\nbob:x:4001:4001::/:\n", "group: files\npasswd: files systemd # both\n")
	return h
}

func writeAccounts(t *testing.T, dir, group, passwd, nsswitch string) {
	t.Helper()
	for name, text := range map[string]string{"group": group, "passwd": passwd, "nsswitch.conf": nsswitch} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProgramThatOthersMayReplaceIsRefused changes rights on the way to a program, one
// for each row.
func TestProgramThatOthersMayReplaceIsRefused(t *testing.T) {
	const all = os.ModePerm
	for _, test := range []struct {
		name  string
		mode  map[string]os.FileMode
		chown map[string][2]int // needs root
		bad   string            // the path that is refused; "" when the program is accepted
		hint  string
	}{
		{name: "nothing", mode: nil},
		{name: "a program that everybody may write", mode: map[string]os.FileMode{"opt/tool/keyd": all}, bad: "opt/tool/keyd", hint: "chmod o-w "},
		{name: "a folder that everybody may write", mode: map[string]os.FileMode{"opt/tool": all}, bad: "opt/tool", hint: "chmod o-w "},
		{name: "such a folder with the sticky bit", mode: map[string]os.FileMode{"opt/tool": all | os.ModeSticky}, bad: "opt/tool", hint: "chmod o-w "},
		{name: "a folder above", mode: map[string]os.FileMode{"opt": all}, bad: "opt", hint: "chmod o-w "},
		{name: "a folder above with the sticky bit", mode: map[string]os.FileMode{"opt": all | os.ModeSticky}},
		{name: "the folder of the link", mode: map[string]os.FileMode{"bin": all}, bad: "bin", hint: "chmod o-w "},
		{name: "the folder of the link with the sticky bit", mode: map[string]os.FileMode{"bin": all | os.ModeSticky}, bad: "bin", hint: "chmod o-w "},
		{name: "the folder of a link on the way", mode: map[string]os.FileMode{"links": all}, bad: "links", hint: "chmod o-w "},
		{name: "the user's own group", mode: map[string]os.FileMode{"opt/tool": 0o775, "opt/tool/keyd": 0o775, "bin": 0o775}},
		{name: "a group with other members", mode: map[string]os.FileMode{"opt/tool": 0o775}, chown: map[string][2]int{"opt/tool": {-1, 4242}}, bad: "opt/tool", hint: "chmod g-w "},
		{name: "a group that is not known", mode: map[string]os.FileMode{"opt/tool/keyd": 0o777}, chown: map[string][2]int{"opt/tool/keyd": {-1, 4999}}, bad: "opt/tool/keyd", hint: "chmod go-w "},
		{name: "a program of another user", chown: map[string][2]int{"opt/tool/keyd": {4001, -1}}, bad: "opt/tool/keyd", hint: "mkdir -p "},
		{name: "a folder of another user", chown: map[string][2]int{"opt": {4001, -1}}, bad: "opt", hint: "mkdir -p "},
		{name: "a folder of another user in a folder with the sticky bit", mode: map[string]os.FileMode{"opt": all | os.ModeSticky}, chown: map[string][2]int{"opt/tool": {4001, -1}}, bad: "opt/tool", hint: "mkdir -p "},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.chown != nil && os.Getuid() != 0 {
				t.Skip("only root may give files away")
			}
			home := makeLastingFolder(t)
			h := ownHost(t, home).withEnv(map[string]string{"PATH": filepath.Join(home, "bin")})
			if err := h.checkWriters(home); err != nil {
				t.Skipf("others may write the source code itself: %v", err)
			}
			putProgram(t, home, "opt/tool/keyd", "links/keyd")
			if err := errors.Join(os.Mkdir(filepath.Join(home, "bin"), 0o700), os.Symlink("../links/keyd", filepath.Join(home, "bin", "keyd"))); err != nil {
				t.Fatal(err)
			}
			for path, ids := range test.chown {
				if err := os.Chown(filepath.Join(home, path), ids[0], ids[1]); err != nil {
					t.Fatal(err)
				}
			}
			for path, mode := range test.mode {
				if err := os.Chmod(filepath.Join(home, path), mode); err != nil {
					t.Fatal(err)
				}
			}
			h.Executable, h.Home = filepath.Join(home, "opt", "tool", "keyd"), home
			got, err := h.Program()
			if test.bad == "" {
				if err != nil || got != filepath.Join(home, "bin", "keyd") {
					t.Errorf("program %s, %v; want it accepted", got, err)
				}
				return
			}
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || !strings.HasPrefix(refused.Text, filepath.Join(home, test.bad)) || !strings.Contains(refused.Text, "owner ") || !strings.Contains(refused.Text, "mode ") {
				t.Fatalf("error %v, want a refusal of %s with owner and mode", err, test.bad)
			}
			if !strings.HasPrefix(refused.Instead, test.hint) || strings.HasPrefix(test.hint, "chmod") && refused.Instead != test.hint+filepath.Join(home, test.bad) {
				t.Errorf("hint %q, want one with %q", refused.Instead, test.hint)
			}
		})
	}
}

// TestGroupIsPrivateOnlyIfNobodyElseIsInIt reads accounts as they are on several systems.
func TestGroupIsPrivateOnlyIfNobodyElseIsInIt(t *testing.T) {
	const me = "me:x:501:501::/:\n"
	for _, test := range []struct {
		name, group, passwd, nsswitch string
		want                          bool
	}{
		{"a group of one's own", "me:x:501:\n", me, "", true},
		{"a group with members root and oneself", "me:x:501:root,me\n", me, "passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\n", true},
		{"a group without members", "root:x:0:\nstaff:x:501:\n", me, "", true},
		{"another member", "me:x:501:me,bob\n", me, "", false},
		{"the main group of another user", "users:x:501:\n", me + "bob:x:502:501::/:\n", "", false},
		{"a second name for the group has a member", "me:x:501:\nyou:x:501:bob\n", me, "", false},
		{"an unknown group", "root:x:0:\n", me, "", false},
		{"members from a directory service", "me:x:501:\n", me, "group: files sss\n", false},
		{"users from a directory service", "me:x:501:\n", me, "passwd: files ldap\n", false},
		{"accounts from NIS", "me:x:501:\n+:::\n", me, "group: compat\n", false},
		{"a file that keyd does not understand", "me:x:501\n", me, "", false},
	} {
		h := Host{GOOS: "linux", UID: "501", accounts: t.TempDir()}
		writeAccounts(t, h.accounts, test.group, test.passwd, test.nsswitch)
		if got := h.isPrivateGroup("501"); got != test.want {
			t.Errorf("%s: private is %v, want %v", test.name, got, test.want)
		}
	}
	if mac := (Host{GOOS: "darwin", UID: "501"}); !mac.isPrivateGroup("80") || mac.isPrivateGroup("20") {
		t.Error("on macOS group admin, which Homebrew uses, must count as root, and group staff must not")
	}
}

func TestHintTakesRightsFromEveryoneElse(t *testing.T) {
	h := Host{GOOS: "linux", UID: "501", accounts: "/nonexistent"}
	for _, test := range []struct {
		o    owner
		want string
	}{
		{owner{uid: "501", gid: "7", mode: 0o777}, "chmod go-w '/a b/keyd'"},
		{owner{uid: "0", gid: "7", mode: 0o775}, "sudo chmod g-w '/a b/keyd'"},
		{owner{uid: "501", gid: "7", mode: 0o755, writers: []string{"u:1001"}}, "setfacl -x u:1001 '/a b/keyd'"},
		{owner{uid: "4001", gid: "7", mode: 0o775}, ""},
	} {
		if got := h.chmodCommand("/a b/keyd", test.o); got != test.want {
			t.Errorf("%+v: hint %q, want %q", test.o, got, test.want)
		}
	}
}
