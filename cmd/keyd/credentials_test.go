package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// noHTTP is a network that must not be used.
type noHTTP struct{ t *testing.T }

func (n noHTTP) Do(r *http.Request) (*http.Response, error) {
	n.t.Errorf("a request was sent: %s %s", r.Method, r.URL)
	return nil, errors.New("no network")
}

// markedKey is a pair whose secret is searched for.
var markedKey = credfile.Key{ID: "AKIAMARKEDMARKEDMARK", Secret: credfile.NewSecret("marked/marked+marked/marked+marked/marke")}

// handoutHome is a home folder with every kind of profile.
func handoutHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	writeFile(t, filepath.Join(home, ".aws", "credentials"), strings.NewReplacer("ID", "aws_access_key_id = "+markedKey.ID, "SECRET", "aws_secret_access_key = "+markedKey.Secret.Reveal()).Replace(
		"# a comment\n[work-key]\nID\nSECRET\n"+
			"[temporary]\naws_access_key_id = ASIAMARKEDMARKEDMARK\nSECRET\naws_session_token = t\n"+
			"[token]\naws_access_key_id = AKIAOTHEROTHEROTHERO\nSECRET\naws_session_token = t\n"+
			"[half]\naws_access_key_id = AKIAHALFHALFHALFHALF\n"+
			"[exchanged]\naws_access_key_id = "+markedKey.Secret.Reveal()+"\naws_secret_access_key = AKIAEXCHANGEDEXCHANG\n"+
			"[example]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\nSECRET\n"+
			"[ceph]\naws_access_key_id = AKIACEPHCEPHCEPHCEPH\nSECRET\nendpoint_url = http://127.0.0.1:9000\n"))
	writeFile(t, filepath.Join(home, ".aws", "config"),
		"[profile work]\ncredential_process = /usr/bin/keyd credentials work-key\n[profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = work-key\n[profile sso]\nsso_session = s\n[profile empty]\nregion = eu-west-1\n")
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"credentials", "config"} {
		if err := os.Chtimes(filepath.Join(home, ".aws", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// demandHandout demands that keyd credentials hands out the key with this id for a profile,
// or with ! another one: handout PROFILE ID. What it prints is a secret, so no story sees it.
func demandHandout(ts *testscript.TestScript, neg bool, args []string) {
	exit, out, errs := runHere(ts.Getenv, []string{"credentials", args[0]})
	var pair struct {
		ID     string `json:"AccessKeyId"`
		Secret string `json:"SecretAccessKey"`
	}
	if err := json.Unmarshal([]byte(out), &pair); exit != exitDone || err != nil || len(pair.Secret) != 40 || errs != "" {
		ts.Fatalf("exit code %d, %v\n%s", exit, err, errs)
	}
	if (pair.ID == args[1]) == neg {
		ts.Fatalf("handed out %s", pair.ID)
	}
}

// handoutTime is the time at which keyd hands out keys in these tests.
var handoutTime = time.Date(2026, 11, 30, 23, 50, 0, 999, time.FixedZone("", 3600))

// handoutProcess returns keyd's process in a home folder, without a network, and its
// standard output and standard error.
func handoutProcess(t *testing.T, home string) (p process, out, errs *bytes.Buffer) {
	t.Helper()
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	return process{in: strings.NewReader(""), out: out, err: errs, goos: runtime.GOOS, http: noHTTP{t}, now: func() time.Time { return handoutTime },
		getenv: func(name string) string {
			return map[string]string{"HOME": home, "USERPROFILE": home, "KEYD_STATE_DIR": filepath.Join(home, "state"), "KEYD_SETTINGS": filepath.Join(home, "keyd.ini")}[name]
		}}, out, errs
}

// describeTree returns every name below a folder, with mode, time and contents.
func describeTree(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			data, _ := os.ReadFile(path)
			b.Write(data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCredentialsPrintsThePairAndNothingElse also holds that it sends no request and that
// no file, name, mode or time changes.
func TestCredentialsPrintsThePairAndNothingElse(t *testing.T) {
	home := handoutHome(t)
	p, out, errs := handoutProcess(t, home)
	before := describeTree(t, home)
	if exit := executeKeyd([]string{"credentials", "work-key"}, p); exit != exitDone || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s", exit, errs)
	}
	if want := fmt.Sprintf(`{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s","Expiration":"2026-11-30T23:10:00Z"}`+"\n", markedKey.ID, markedKey.Secret.Reveal()); out.String() != want {
		t.Errorf("printed\n%swant\n%s", out, want)
	}
	if after := describeTree(t, home); after != before {
		t.Errorf("a file has changed:\n%s", after)
	}
	out.Reset()
	if exit := executeKeyd([]string{"credentials", "ceph"}, p); exit != exitDone || !json.Valid(out.Bytes()) || !strings.Contains(out.String(), "AKIACEPH") {
		t.Errorf("the key of another store: exit code %d, %s", exit, errs)
	}
}

// TestCredentialsRefuses prints nothing to standard output, so that SDKs show the reason.
func TestCredentialsRefuses(t *testing.T) {
	home := handoutHome(t)
	before := describeTree(t, home)
	for _, test := range []struct{ profile, why, hint string }{
		{"temporary", `profile temporary holds no key that could be handed out: temporary credentials: there is nothing to rotate`, "keyd status"},
		{"token", `session token next to the pair`, "keyd status"},
		{"half", `credentials:14: .*no key was handed out`, "remove the line with the id"},
		{"exchanged", `id and secret are the wrong way round: no key was handed out`, "exchange the two values"},
		{"example", `a key of AWS's documentation`, ""},
		{"work", `profile work holds no key that could be handed out: `, "keyd status"},
		{"role", `assumes a role`, ""},
		{"sso", `IAM Identity Center`, ""},
		{"empty", `settings only`, ""},
		{"work-kye", `no profile "work-kye" in `, `did you mean work-key\?`},
	} {
		p, out, errs := handoutProcess(t, home)
		if exit := executeKeyd([]string{"credentials", test.profile}, p); exit == exitDone || out.Len() > 0 {
			t.Errorf("%s: exit code %d, printed %d bytes", test.profile, exit, out.Len())
		}
		if !regexp.MustCompile(`(?m)^keyd: error: .*`+test.why).MatchString(errs.String()) || !regexp.MustCompile(`(?m)^keyd: hint: .*`+test.hint).MatchString(errs.String()) {
			t.Errorf("%s: %s", test.profile, errs)
		}
		if found := marksIn(errs.Bytes(), marksOf(map[string]string{markedKey.ID: markedKey.Secret.Reveal()})); len(found) > 0 {
			t.Errorf("%s: standard error shows the secret", test.profile)
		}
	}
	if after := describeTree(t, home); after != before {
		t.Errorf("a file has changed:\n%s", after)
	}
}

// TestCredentialsRefusesATornPair has a journal of which the file shows half of each key.
func TestCredentialsRefusesATornPair(t *testing.T) {
	home := handoutHome(t)
	p, out, errs := handoutProcess(t, home)
	folders, err := state.FindFolders(p.getenv, p.goos)
	if err != nil {
		t.Fatal(err)
	}
	old := credfile.Key{ID: markedKey.ID, Secret: credfile.NewSecret(strings.Repeat("o", 40))}
	next := credfile.Key{ID: "AKIANEWNEWNEWNEWNEWN", Secret: markedKey.Secret}
	a := newApp(p)
	dir := journal.Dir{Path: state.JournalsPath(folders.StateDir), Sys: a.fileSys()}
	if err := errors.Join(os.MkdirAll(folders.StateDir, 0o700), dir.Save(&journal.Rotation{Old: old, New: next, IDsBefore: []string{old.ID}, Created: handoutTime, CreateSent: handoutTime})); err != nil {
		t.Fatal(err)
	}
	if exit := executeKeyd([]string{"credentials", "work-key"}, p); exit == exitDone || out.Len() > 0 || !strings.Contains(errs.String(), "half of the old key") {
		t.Errorf("exit code %d, %d bytes: %s", exit, out.Len(), errs)
	}
	next.Secret = credfile.NewSecret(strings.Repeat("n", 40))
	if err := dir.Save(&journal.Rotation{Old: old, New: next, IDsBefore: []string{old.ID}, Created: handoutTime, CreateSent: handoutTime}); err != nil {
		t.Fatal(err)
	}
	if exit := executeKeyd([]string{"credentials", "work-key"}, p); exit != exitDone {
		t.Errorf("a third key: exit code %d: %s", exit, errs)
	}
}

// TestCredentialsRefusesAFile keeps a secret out of places where it stays.
func TestCredentialsRefusesAFile(t *testing.T) {
	home := handoutHome(t)
	p, _, errs := handoutProcess(t, home)
	file, err := os.Create(filepath.Join(t.TempDir(), "copy"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p.out = file
	if exit := executeKeyd([]string{"credentials", "work-key"}, p); exit != exitUsage || !strings.Contains(errs.String(), "standard output is a file") {
		t.Errorf("exit code %d: %s", exit, errs)
	}
	if info, err := file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

// TestCredentialsReportsAFailedWrite holds that a reader of half an answer learns of it.
func TestCredentialsReportsAFailedWrite(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	defer write.Close()
	p, _, errs := handoutProcess(t, handoutHome(t))
	p.out = write
	if exit := executeKeyd([]string{"credentials", "work-key"}, p); exit != exitFailed {
		t.Errorf("exit code %d: %s", exit, errs)
	}
}

// TestHandoutOutlastsEveryMargin holds the two bounds of handoutLife: an SDK that asked
// before each call would start a process each time, and an overlap that ended earlier would
// end under a running program.
func TestHandoutOutlastsEveryMargin(t *testing.T) {
	const botocoreAsks = 15 * time.Minute // _DEFAULT_ADVISORY_REFRESH_TIMEOUT, the longest margin
	if handoutLife <= botocoreAsks || handoutLife > time.Hour {
		t.Errorf("handoutLife is %s", handoutLife)
	}
}
