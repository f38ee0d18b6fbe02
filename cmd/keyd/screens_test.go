package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// shownHome is a home with an AWS file and a state, of which keyd status is shown in windows of
// different widths.
type shownHome struct {
	names []string
	keys  []state.KeyStatus // by name; a name without one is new
	ini   string
}

// screenID returns a key id for the nth key.
func screenID(n int) string { return fmt.Sprintf("AKIAQ3EGMZ2RKY%06d", n) }

// add adds a key of the profile.
func (s *shownHome) add(name string, l state.KeyStatus) {
	l.Profiles, l.KeyID = []string{name}, screenID(len(s.names))
	s.names, s.keys = append(s.names, name), append(s.keys, l)
}

// young returns a key at rest.
func young(days int) state.KeyStatus {
	return state.KeyStatus{State: decide.StateOK, Created: monday.Add(-time.Duration(days) * day), Until: monday.Add(time.Duration(60-days) * day), Why: fmt.Sprintf("%dd old, replaced at 60d", days)}
}

// failing returns a key that needs a person.
func failing(days int, short, why, run string) state.KeyStatus {
	return state.KeyStatus{State: decide.StateBlocked, Created: monday.Add(-time.Duration(days) * day), Until: monday.Add(day), Why: why, Short: short, Hint: run, NeedsPerson: true}
}

// sixtyNames is what a person has who gives long names, names in other scripts, and names with
// blanks.
func sixtyNames() *shownHome {
	s := &shownHome{}
	for i, name := range []string{
		"default", "mycompany-production-eu-central-1-administrator-breakglass-account-0001", "mycompany-production-eu-central-1-administrator-breakglass-account-0002",
		"mycompany-prod", "本番環境-管理者", "🔑-emoji-profile", "👩🏽‍💻 dev", "🇩🇪-frankfurt", "مفتاح-الإنتاج", "re\u0301sume\u0301", "my prod", "two  blanks", "한국어-계정", "עברית", "नमस्ते", "-dash", "it's", "a.b@c+d:e/f%g",
	} {
		l := young(i)
		switch i {
		case 1:
			l = failing(95, "second active key", "the user has a second active key, AKIA..JUUM, made 500d ago, last used 3d ago by s3 in eu-west-1: it may be another machine's",
				"if another machine uses it (last used 3d ago by s3 in eu-west-1), give each machine its own IAM user: keyd policy --second-user "+name+"; only if no one needs it, deactivate it: keyd prune "+name+" AKIARTX3GSDS6ZZ7JUUM")
		case 4:
			l = state.KeyStatus{State: decide.StateOverlap, Created: monday.Add(-time.Hour), Until: monday.Add(7 * day), InRotation: true, Short: "both keys work", Why: "AKIA..Z6JG works until the overlap is over, and is then deactivated"}
		case 8:
			l = failing(412, "mistake in credentials:41", "/home/me/.aws/credentials:41: there is no aws_secret_access_key", "enter it with: aws configure --profile '"+name+"'")
		case 9:
			l = young(84)
		}
		s.add(name, l)
	}
	for len(s.names) < 60 {
		s.add(fmt.Sprintf("team-%02d", len(s.names)), young(len(s.names)%50))
	}
	return s
}

// thousandKeys is a fleet of keys without a network, of which some need a person.
func thousandKeys() *shownHome {
	s := &shownHome{}
	for i := range 1000 {
		name := fmt.Sprintf("account-%04d", i)
		l := young(i % 55)
		switch {
		case i%100 == 7:
			l = failing(70+i/100, "AWS denies CreateAccessKey", fmt.Sprintf("iam: CreateAccessKey at iam.amazonaws.com: AccessDenied: User: arn:aws:iam::123456789012:user/%s is not authorized to perform: iam:CreateAccessKey; nothing was changed", name), "keyd policy "+name)
		case i%10 == 3:
			l.State, l.Until, l.Short = decide.StateWaiting, monday.Add(time.Minute), "cannot reach AWS"
			l.Why, l.Hint = "iam: GetCallerIdentity at sts.us-east-1.amazonaws.com: dial tcp: lookup sts.us-east-1.amazonaws.com: network is unreachable", "connect this machine to the network; to see what is in the way: keyd doctor"
		}
		s.add(name, l)
	}
	return s
}

// fourteenFailures is one key for each way to fail.
func fourteenFailures() *shownHome {
	s := &shownHome{ini: "rotate_after = 60d\n"}
	denied := "iam: %s at iam.amazonaws.com: AccessDenied: User: arn:aws:iam::123456789012:user/%s is not authorized to perform: iam:%[1]s"
	for _, f := range []struct{ name, short, why, run string }{
		{"captive-portal", "a portal or proxy answers", "iam: GetCallerIdentity at sts.eu-west-1.amazonaws.com: the answer is a web page (HTTP status 200)", "the answer is a web page: is there a captive portal or a proxy between this machine and AWS? sign in there with a browser"},
		{"clock", "the clock is wrong", "this machine's clock differs from AWS's by 3h: nothing was changed", "set the clock: timedatectl set-ntp true, or the date settings of your system"},
		{"scp", "the organization denies it", fmt.Sprintf(denied, "CreateAccessKey", "scp") + " with an explicit deny in a service control policy: arn:aws:organizations::999999999999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid111; nothing was changed",
			"a service control policy of the organization (arn:aws:organizations::999999999999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid111) forbids it: ask its administrator; if it depends on the network (VPN), the hour or MFA, keyd tries again by itself, or now with: keyd rotate scp"},
		{"mfa", "a policy asks for MFA", fmt.Sprintf(denied, "UpdateAccessKey", "mfa") + " with an explicit deny in an identity-based policy; nothing was changed", "a policy forbids it without MFA, and keyd has no code"},
		{"no-createaccesskey", "AWS denies CreateAccessKey", fmt.Sprintf(denied, "CreateAccessKey", "no-createaccesskey") + "; nothing was changed", "keyd policy no-createaccesskey"},
		{"no-createaccesskey-2", "AWS denies CreateAccessKey", fmt.Sprintf(denied, "CreateAccessKey", "no-createaccesskey-2") + "; nothing was changed", "keyd policy no-createaccesskey-2"},
		{"disk-full", "cannot write rotations", "daemon: the journal: /home/me/.local/state/keyd-aws/rotations: no space left on device", "make room on the disk of /home/me/.local/state/keyd-aws: df -h and df -i show how full it is"},
		{"immutable", "credentials is immutable", "credfile: /home/me/.aws/credentials: is immutable", "sudo chattr -i /home/me/.aws/credentials"},
		{"wrongsecret", "wrong secret", "iam: GetCallerIdentity at sts.us-east-1.amazonaws.com: SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.", "does the secret in the file belong to this key id?"},
		{"deleted", "AWS refuses the key", "iam: GetCallerIdentity at sts.us-east-1.amazonaws.com: InvalidClientTokenId: The security token included in the request is invalid.", "was the key deleted or made inactive? does the region of the profile belong to the partition of the key (aws; aws-cn, such as cn-north-1; aws-us-gov, such as us-gov-west-1)?"},
		{"doubled", "mistake in credentials:41", "/home/me/.aws/credentials:41: aws_access_key_id stands here for the second time", "remove one of the two lines"},
		{"two-keys", "second active key", "the user has a second active key, AKIA..JUUM, made 500d ago, last used 3d ago by s3 in eu-west-1: it may be another machine's", "if another machine uses it (last used 3d ago by s3 in eu-west-1), give each machine its own IAM user: keyd policy --second-user two-keys; only if no one needs it, deactivate it: keyd prune two-keys AKIARTX3GSDS6ZZ7JUUM"},
		{"still-used-by-a-server-that-nobody-restarts-since-the-last-release", "the old key is in use", "AKIA..Z6JG is still used by s3 in eu-west-1, 2h ago: it cannot be deactivated before it is 90d old; it stands in /home/me/.config/rclone/rclone.conf:3", "put the new key there as well; or stop waiting for that: keyd rotate --retire-now still-used-by-a-server-that-nobody-restarts-since-the-last-release"},
		{"hook", "hook github failed", "for more than 7d: hook github: failed 12 times: exit code 1: no such repository; AKIA..Z6JG stays usable until it succeeds", "correct it, then: keyd hook run github hook"},
	} {
		s.add(f.name, failing(60+3*len(s.names), f.short, f.why, f.run))
	}
	return s
}

// show runs keyd status in a window of this width; 0 is a pipe.
func (s *shownHome) show(t *testing.T, width, height int, o statusOptions) string {
	t.Helper()
	a, out := s.open(t)
	a.term.width, a.term.height = width, height
	if err := a.showStatus(t.Context(), nil, o); err != nil && err.Error() != exitError(exitPerson).Error() && err.Error() != exitError(exitSettings).Error() {
		t.Fatal(err)
	}
	return layout.StripColours(out.String())
}

// open writes the files, and returns an app in that home whose output goes into a buffer.
func (s *shownHome) open(t *testing.T) (*app, *bytes.Buffer) {
	t.Helper()
	home := t.TempDir()
	var credentials strings.Builder
	for i, name := range s.names {
		fmt.Fprintf(&credentials, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %040d\n\n", name, screenID(i), i)
	}
	replace := strings.NewReplacer("/home/me", home)
	status := state.Status{Version: state.StatusVersion, Written: monday.Add(-4 * time.Minute), Process: "run", PID: 4711}
	for _, l := range s.keys {
		l.Why, l.Hint = replace.Replace(l.Why), replace.Replace(l.Hint)
		status.Keys = append(status.Keys, l)
	}
	line, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{".aws/credentials": credentials.String(), "state/status.json": string(line), "keyd.ini": s.ini} {
		path = filepath.Join(home, filepath.FromSlash(path))
		if err := cmp.Or(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	environment := map[string]string{"HOME": home, "KEYD_STATE_DIR": filepath.Join(home, "state"), "KEYD_SETTINGS": filepath.Join(home, "keyd.ini")}
	out := &bytes.Buffer{}
	return newApp(process{in: strings.NewReader(""), out: out, err: &bytes.Buffer{}, goos: "linux", now: func() time.Time { return monday }, getenv: func(name string) string { return environment[name] }}), out
}

// demandGolden compares a text with the one in a file of testdata/screens.
func demandGolden(t *testing.T, name, got string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // its paths look otherwise
	}
	path := filepath.Join("testdata", "screens", name)
	if *updateMessages {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || strings.ReplaceAll(string(want), "\r\n", "\n") != got {
		t.Errorf("%v: %s is\n%s\nwant\n%s\nto accept it: go test ./cmd/keyd -run %s -update", err, name, got, want, t.Name())
	}
}

// TestScreens shows keyd status as a person sees it who has many keys, odd names or much
// trouble. No line is wider than the window, unless it is one that must not be broken: a
// command, which stands alone in its line, a path, an ARN or a name.
func TestScreens(t *testing.T) {
	for name, s := range map[string]*shownHome{"names": sixtyNames(), "thousand": thousandKeys(), "failing": fourteenFailures()} {
		for _, width := range []int{80, 120} {
			text := s.show(t, width, 40, statusOptions{})
			rows := 0
			for i, line := range strings.Split(text, "\n") {
				n := layout.CountColumns(line)
				if unbroken := len(strings.Fields(line)) == 1 || layout.StartsCommand(strings.TrimLeft(line, " ")); n > width && !unbroken {
					t.Errorf("%s at %d: %d columns: %s", name, width, n, line)
				}
				if at := strings.Index(line, "AKIA.."); i > 0 && rows < len(s.names) && at > 0 {
					rows++
					if want := layout.CountColumns(text[:strings.Index(text, "KEY ")]); layout.CountColumns(line[:at]) != want {
						t.Errorf("%s at %d: the key begins in column %d, want %d: %s", name, width, layout.CountColumns(line[:at]), want, line)
					}
				}
			}
			if rows != len(s.names) {
				t.Errorf("%s at %d: %d rows for %d keys", name, width, rows, len(s.names))
			}
			if name == "thousand" { // the middle of it is all alike
				lines := strings.Split(text, "\n")
				text = strings.Join(slices.Concat(lines[:14], []string{"[...]"}, lines[1000:]), "\n")
			}
			demandGolden(t, fmt.Sprintf("%s-%d.txt", name, width), text)
		}
	}
}

// TestScreenObeysNoName: anyone who writes the files chooses the names, and the reasons quote
// them.
func TestScreenObeysNoName(t *testing.T) {
	s := &shownHome{}
	evil := "a\x1b[31mb\x1b[5Gc\x1b[2Jd\u202ee\tf"
	s.add(evil, failing(70, "see "+evil, "hook "+evil+": failed", "keyd hook run "+evil))
	a, out := s.open(t)
	a.term.width, a.term.height = 80, 24
	if err := a.showStatus(t.Context(), nil, statusOptions{}); err == nil {
		t.Error("the key needs nobody")
	}
	if text := out.String(); strings.Contains(text, "\x1b[") || strings.ContainsAny(text, "\u202e\t") || strings.Count(text, `\u001b[5G`) < 3 {
		t.Errorf("%q", text)
	}
	a.term.colour = true
	r, err := a.buildReport(t.Context(), nil, state.LoadStatus)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range a.term.fitScreen(r) {
		if strings.Contains(line, "\x1b[5G") || strings.Contains(line, "a\x1b") {
			t.Errorf("%q", line)
		}
	}
}

// TestWatchFitsTheWindow: the lines take no more rows than the window has, and always say how
// many keys there are.
func TestWatchFitsTheWindow(t *testing.T) {
	for name, s := range map[string]*shownHome{"names": sixtyNames(), "thousand": thousandKeys(), "failing": fourteenFailures(), "empty": {names: []string{"a"}}} {
		a, _ := s.open(t)
		r, err := a.buildReport(t.Context(), nil, state.LoadStatus)
		if err != nil {
			t.Fatal(err)
		}
		for width := 20; width < 200; width += 19 {
			for height := 1; height < 90; height += min(height, 7) * (1 + len(r.Keys)/500) {
				a.term.width, a.term.height = width, height
				lines := a.term.fitScreen(r)
				text := strings.Join(lines, "\n")
				if rows := a.term.countRows(lines); rows > height || !strings.Contains(text, "key") {
					t.Errorf("%s, %d x %d: %d rows\n%s", name, width, height, rows, text)
				}
				if height == 28 && width >= 58 && name != "empty" && (!strings.Contains(text, "more key") || !strings.Contains(text, "need you") || !strings.Contains(text, "PROFILE")) && name != "failing" {
					t.Errorf("%s, %d x %d:\n%s", name, width, height, text)
				}
			}
		}
	}
}
