//go:build !windows

package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/hint"
)

const (
	me, bob  = 1000, 1234
	everyone = fs.FileMode(0o777)
	sticky   = fs.ModeSticky | everyone
)

// homeOf returns a disk with a home folder and a file of keyd in it.
func homeOf(t *testing.T) *atomicfiletest.Owned {
	t.Helper()
	disk := atomicfiletest.NewDisk(time.Now, "/home/alice")
	for _, dir := range []string{"/home/alice/state", "/srv", "/srv/keyd"} {
		if err := disk.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	disk.Put("/home/alice/state/status.json", []byte("{}"), false)
	disk.Put("/home/alice/state/it's", []byte("{}"), false)
	return &atomicfiletest.Owned{Sys: disk, Me: me, Private: []int{me}, Owners: map[string]atomicfiletest.Owner{
		"/": {}, "/home": {}, "/srv": {},
	}}
}

// TestTrustFollowsSSH: what others own or may write is named, with the command that ends
// it, and what root owns or nobody else may write is taken.
func TestTrustFollowsSSH(t *testing.T) {
	for name, tc := range map[string]struct {
		path   string // status.json in the home folder, unless set
		at     string
		owner  atomicfiletest.Owner
		euid   int    // me, unless set
		want   string // the path to blame; "" when nothing is
		advice string
	}{
		"own":                                 {},
		"root's file":                         {at: "/home/alice/state/status.json", owner: atomicfiletest.Owner{Mode: 0o600}},
		"another user's file":                 {at: "/home/alice/state/status.json", owner: atomicfiletest.Owner{UID: bob}, want: "/home/alice/state/status.json", advice: "if it is yours: sudo chown 1000 /home/alice/state/status.json"},
		"another user's folder":               {at: "/home/alice/state", owner: atomicfiletest.Owner{UID: bob}, want: "/home/alice/state", advice: "if everything in it is yours: sudo chown -R 1000 /home/alice/state"},
		"a file for everyone":                 {at: "/home/alice/state/status.json", owner: atomicfiletest.Owner{UID: me, Mode: 0o666}, want: "/home/alice/state/status.json", advice: "chmod go-w /home/alice/state/status.json"},
		"a quoted name":                       {path: "/home/alice/state/it's", at: "/home/alice/state/it's", owner: atomicfiletest.Owner{UID: me, Mode: 0o666}, want: "/home/alice/state/it's", advice: `chmod go-w '/home/alice/state/it'\''s'`},
		"a file for a group":                  {at: "/home/alice/state/status.json", owner: atomicfiletest.Owner{UID: me, GID: 100, Mode: 0o660}, want: "/home/alice/state/status.json", advice: "chmod go-w /home/alice/state/status.json"},
		"a file for the user's own group":     {at: "/home/alice/state/status.json", owner: atomicfiletest.Owner{UID: me, GID: me, Mode: 0o664}},
		"root's file for everyone":            {at: "/home/alice/state/status.json", owner: atomicfiletest.Owner{Mode: 0o666}, want: "/home/alice/state/status.json", advice: "sudo chmod go-w /home/alice/state/status.json"},
		"a folder for everyone":               {at: "/home/alice/state", owner: atomicfiletest.Owner{UID: me, Mode: everyone}, want: "/home/alice/state", advice: "chmod go-w /home/alice/state"},
		"a file in a sticky folder":           {at: "/home/alice/state", owner: atomicfiletest.Owner{UID: me, Mode: sticky}},
		"keyd's folder is a sticky one":       {path: "/home/alice/state", at: "/home/alice/state", owner: atomicfiletest.Owner{UID: me, Mode: sticky}, want: "/home/alice/state", advice: "let keyd use a folder of your own"},
		"a home for everyone":                 {at: "/home/alice", owner: atomicfiletest.Owner{UID: me, Mode: everyone}, want: "/home/alice", advice: "chmod go-w /home/alice"},
		"another user's home":                 {at: "/home/alice", owner: atomicfiletest.Owner{UID: bob}, want: "/home/alice", advice: "run keyd as user 1234, or set HOME to your own home folder"},
		"root in another user's home":         {at: "/home/alice", owner: atomicfiletest.Owner{UID: bob}, euid: -2, want: "/home/alice", advice: "run keyd as user 1234, or set HOME to your own home folder"},
		"above the home folder":               {at: "/home", owner: atomicfiletest.Owner{Mode: everyone}},
		"keyd's folder is above home":         {path: "/home", at: "/home", owner: atomicfiletest.Owner{Mode: sticky}, want: "/home", advice: "let keyd use a folder of your own"},
		"outside, above keyd's folder":        {path: "/srv/keyd", at: "/srv", owner: atomicfiletest.Owner{Mode: everyone}, want: "/srv", advice: "let keyd use a folder of your own, or: sudo chmod +t /srv"},
		"outside, a sticky folder":            {path: "/srv/keyd", at: "/srv", owner: atomicfiletest.Owner{Mode: sticky}},
		"outside, another user's folder":      {path: "/srv/keyd", at: "/srv/keyd", owner: atomicfiletest.Owner{UID: bob}, want: "/srv/keyd", advice: "run keyd as user 1234, or let keyd use a folder of your own"},
		"missing, in a folder for everyone":   {path: "/srv/new/deep", at: "/srv", owner: atomicfiletest.Owner{Mode: everyone}, want: "/srv", advice: "let keyd use a folder of your own, or: sudo chmod +t /srv"},
		"missing, in a sticky folder":         {path: "/srv/new/deep", at: "/srv", owner: atomicfiletest.Owner{Mode: sticky}},
		"missing, in another user's folder":   {path: "/srv/keyd/new", at: "/srv/keyd", owner: atomicfiletest.Owner{UID: bob}, want: "/srv/keyd", advice: "run keyd as user 1234, or let keyd use a folder of your own"},
		"an owner that a namespace hides":     {at: "/home/alice/state", owner: atomicfiletest.Owner{UID: -1, Mode: 0o755}},
		"no numeric owners, as under Windows": {at: "/home/alice/state", owner: atomicfiletest.Owner{UID: bob, Mode: everyone}, euid: -1},
	} {
		t.Run(name, func(t *testing.T) {
			sys := homeOf(t)
			if tc.path == "" {
				tc.path = "/home/alice/state/status.json"
			}
			switch tc.euid {
			case -1:
				sys.Me = -1
			case -2:
				sys.Me = 0
			}
			if tc.at != "" {
				sys.Owners[tc.at] = tc.owner
			}
			err := atomicfile.CheckTrust(sys, tc.path, "/home/alice")
			u, untrusted := errors.AsType[*atomicfile.Untrusted](err)
			switch {
			case tc.want == "" && err != nil, tc.want != "" && !untrusted:
				t.Fatalf("%v, want %q", err, tc.want)
			case tc.want == "":
				return
			}
			if u.Path != tc.want || hint.Hint(err) != tc.advice {
				t.Errorf("blames %s, want %s: %v\nadvises %s\nwant    %s", u.Path, tc.want, err, hint.Hint(err), tc.advice)
			}
			if !strings.Contains(err.Error(), "mode 0") && !strings.Contains(err.Error(), "mode 1") {
				t.Errorf("the mode is missing: %v", err)
			}
		})
	}
}

// TestTrustJudgesLinksAndTheirTargets: a link of another user leads wherever that user
// likes, and a good link may lead to a bad place.
func TestTrustJudgesLinksAndTheirTargets(t *testing.T) {
	dir := tempDir(t)
	home, elsewhere := filepath.Join(dir, "home"), filepath.Join(dir, "elsewhere")
	for _, d := range []string{home, elsewhere, filepath.Join(elsewhere, "state")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(home, "state")
	if err := os.Symlink(filepath.Join(elsewhere, "state"), link); err != nil {
		t.Skip(err)
	}
	for name, tc := range map[string]struct {
		at    string
		owner atomicfiletest.Owner
		want  bool
	}{
		"all own":                       {},
		"the link is another's":         {link, atomicfiletest.Owner{UID: bob}, true},
		"the target is another's":       {filepath.Join(elsewhere, "state"), atomicfiletest.Owner{UID: bob}, true},
		"others may write the target":   {filepath.Join(elsewhere, "state"), atomicfiletest.Owner{UID: me, Mode: everyone}, true},
		"others may replace the target": {elsewhere, atomicfiletest.Owner{UID: me, Mode: everyone}, true},
	} {
		sys := &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: me, Owners: map[string]atomicfiletest.Owner{tc.at: tc.owner}}
		_, untrusted := errors.AsType[*atomicfile.Untrusted](atomicfile.CheckTrust(sys, link, home))
		if untrusted != tc.want {
			t.Errorf("%s: refused: %v", name, untrusted)
		}
	}
}

// TestOwnFilesOfOthersAreNotRead: the file was opened before it is judged, so that nobody
// can exchange it in between.
func TestOwnFilesOfOthersAreNotRead(t *testing.T) {
	sys := homeOf(t)
	const path = "/home/alice/state/status.json"
	if _, err := atomicfile.Tail(sys, path, atomicfile.MaxSize); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []atomicfiletest.Owner{{UID: bob, Mode: 0o600}, {UID: me, Mode: 0o606}} {
		sys.Owners[path] = owner
		_, err := atomicfile.Tail(sys, path, atomicfile.MaxSize)
		if _, ok := errors.AsType[*atomicfile.Untrusted](err); !ok {
			t.Errorf("%+v: %v", owner, err)
		}
	}
}
