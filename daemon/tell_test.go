package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/notify"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// A long-term key that the files do not allow to rotate is told once, and again only after it
// was mended, whatever keyd and the machine do meanwhile.
func TestUnreadableKeyIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 5*settings.Day)
		good := l.ReadCredentials()
		glued := strings.TrimRight(good, "\r\n")
		glued = strings.Replace(glued, " # shared", "", 1) + "[private]\naws_access_key_id = AKIAIOSFODNN7OTHER00\naws_secret_access_key = " + l.OldKey.Secret.Reveal() + "\n"
		told := 0
		loop := &loop{Rotator: l.Rotator, outbox: notify.StartOutbox(func(string) string { return "" }), lastLogged: map[string]string{}, needsPerson: map[string]bool{}}
		defer loop.outbox.Close()
		l.Rotator.OnEvent = func(e rotate.Event) {
			if e.Verb == rotate.VerbNeedsYou {
				told++
				if !strings.Contains(e.Text, "credentials:8: the header [private] is glued") || e.Hint == "" {
					t.Errorf("a person is told %q, %q", e.Text, e.Hint)
				}
			}
		}
		for _, step := range []struct {
			text string
			told int
		}{{good, 0}, {glued, 1}, {glued, 1}, {good, 1}, {glued, 2}} {
			l.WriteFile("credentials", step.text)
			for range 3 {
				results, err := l.Rotator.Pass(t.Context(), rotate.Request{})
				loop.reportPass(results, err)
				loop.tellNeedy()
				time.Sleep(15 * time.Minute)
			}
			if told != step.told {
				t.Errorf("a person was told %d times, want %d", told, step.told)
			}
		}
		if n := l.CountCalls("CreateAccessKey"); n != 0 {
			t.Errorf("%d keys were created", n)
		}
	})
}

// TestLogReportsOnlyChanges: each of four keys and profiles, of which nothing changes, is
// logged once and not in every pass.
func TestLogReportsOnlyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 5*settings.Day)
		l.WriteFile("credentials", l.ReadCredentials()+"\n[session]\naws_access_key_id = "+l.OldKey.ID+"\naws_secret_access_key = x\naws_session_token = y\n")
		l.WriteFile("config", "[default]\nregion = eu-west-1\n[profile sso]\nsso_session = x\nsso_account_id = 1\nsso_role_name = r\n[profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = default\n[sso-session x]\nsso_start_url = https://x\nsso_region = eu-west-1\n")
		var out bytes.Buffer
		l.Rotator.Log = slog.New(slog.NewTextHandler(&out, nil))
		loop := &loop{Rotator: l.Rotator, outbox: notify.StartOutbox(func(string) string { return "" }), lastLogged: map[string]string{}, needsPerson: map[string]bool{}}
		defer loop.outbox.Close()
		for range 10 {
			loop.reportPass(l.Rotator.Pass(t.Context(), rotate.Request{}))
			time.Sleep(15 * time.Minute)
		}
		if n := strings.Count(out.String(), "msg=key"); n != 4 {
			t.Errorf("%d lines about four keys and profiles, of which nothing changed:\n%s", n, out.String())
		}
		if strings.Contains(out.String(), "until=0001") {
			t.Errorf("a key that waits for no particular time is logged with one:\n%s", out.String())
		}
	})
}

// TestOneCauseIsToldOnce: twelve keys that need a person for one reason are one event, and
// a key with another reason is another.
func TestOneCauseIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		lab.Must(t, l.User.AllowPolicy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": "*"}]}`))
		for i := range 12 {
			name := fmt.Sprint("user", i)
			l.AddProfile(name, 70*settings.Day)
			l.Cloud.FindUser(lab.Account, name).AddKey(100 * settings.Day)
		}
		r := run(l, nil)
		r.wait(2 * time.Minute) // a second key is confirmed after a minute
		var texts []string
		for _, e := range r.eventsSoFar() {
			if e.Verb == rotate.VerbNeedsYou {
				texts = append(texts, fmt.Sprint(len(e.Profiles), " profiles: ", e.Text))
			}
		}
		if len(texts) != 1 || !strings.Contains(strings.Join(texts, "\n"), "12 profiles: 12 keys need you for the same reason") {
			t.Errorf("%d events:\n%s", len(texts), strings.Join(texts, "\n"))
		}
		r.wait(3 * settings.Day) // on the second day the denial of [default] counts as lasting
		r.stop()
		if n := strings.Count(strings.Join(r.told, "\n"), rotate.VerbNeedsYou); n != 2 {
			t.Errorf("%d events after three days", n)
		}
	})
}

// TestOneCauseAtManyHoursIsToldTogether: one policy denies the keys of many users. Each key
// is tried at hours of its own, and so needs a person at another hour of the second day.
func TestOneCauseAtManyHoursIsToldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		l.User.DenyAction("UpdateAccessKey", awssim.SCP)
		for _, name := range []string{"bob", "carol", "dave", "erin", "frank"} {
			l.AddProfile(name, 70*settings.Day)
			l.Cloud.FindUser(lab.Account, name).DenyAction("UpdateAccessKey", awssim.SCP)
		}
		r := run(l, nil)
		r.wait(4 * settings.Day)
		r.stop()
		told := map[string]int{}
		events := 0
		for _, e := range r.eventsSoFar() {
			if e.Verb != rotate.VerbNeedsYou {
				continue
			}
			events++
			for _, name := range e.Profiles {
				told[name]++
			}
		}
		if events != 2 {
			t.Errorf("%d events for one cause", events)
		}
		for _, name := range []string{"default", "work", "bob", "carol", "dave", "erin", "frank"} {
			if told[name] != 1 {
				t.Errorf("%s was told %d times", name, told[name])
			}
		}
	})
}

// TestDesktopShowsNoKeyID: a rotation that has lost its profile goes by a key id, and the
// names of profiles are anyone's. A long list is cut.
func TestDesktopShowsNoKeyID(t *testing.T) {
	for want, profiles := range map[string][]string{
		"a key without a profile: the":      {"AKIAIOSFODNN7EXAMPLE"},
		"a key without a profile, dev: the": {"x AKIAIOSFODNN7EXAMPLE", "dev"},
		"a?b?c?d: the":                      {"a\nb\x1bc\u2028d"},
		"größe: the":                        {"größe"},
		"a, b, c, d and 2 more profiles: ":  {"a", "b", "c", "d", "e", "f"},
	} {
		for _, verb := range []string{rotate.VerbNeedsYou, rotate.VerbStillUsed, rotate.VerbCopies} {
			words, _ := desktopText(rotate.Event{Verb: verb, Profiles: profiles, Text: "AKIA..MPLE\nx", Hint: "keyd status", Brief: "s3 in eu\n-west"})
			if !strings.HasPrefix(words, want) || strings.ContainsAny(words, "\n\r") || strings.Contains(words, "AKIA") {
				t.Errorf("%q: %q", profiles, words)
			}
		}
	}
	words, _ := desktopText(rotate.Event{Verb: rotate.VerbDeactivated, Do: decide.DoDeactivate, Profiles: []string{"a\nb"}, Hint: "keyd hold 'a\nb'"})
	if strings.Contains(words, "\n") {
		t.Errorf("%q", words)
	}
}

// TestMain lets the test program act as a command of on_event that keeps its input.
func TestMain(m *testing.M) {
	if os.Getenv("KEYD_TEST_PLAYS") != "keeper" {
		deeptest.Run(m)
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil || os.WriteFile(os.Args[1], text, 0o600) != nil || os.Getenv("NOTIFY_SOCKET") != "" {
		os.Exit(1)
	}
}

// keepEvent returns a command of on_event that keeps its input in a file.
func keepEvent(path string) notify.Program {
	p := onEventProgram([]string{os.Args[0], path}, rotate.Event{Time: time.Now(), Verb: rotate.VerbNeedsYou, Profiles: []string{"default"},
		KeyID: "AKIAIOSFODNN7EXAMPLE", Text: "denied", Hint: "keyd policy", About: state.About{OldKey: "AKIAIOSFODNN7EXAMPLE", NewKey: "AKIAI44QH8DHBEXAMPLE",
			User: "alice", Account: "111122223333", Files: []string{"/home/alice/.aws/credentials"}, AskedBy: state.ByDaemon}})
	p.Env, p.Limit = []string{"KEYD_TEST_PLAYS=keeper"}, time.Minute
	return p
}

func TestOnEventGetsOneLineOfJSON(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/notify") // a child must not speak for the daemon
	kept := filepath.Join(t.TempDir(), "with a blank", "event")
	lab.Must(t, os.MkdirAll(filepath.Dir(kept), 0o700))
	if err := keepEvent(kept).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(kept)
	lab.Must(t, err)
	var got map[string]any
	lab.Must(t, json.Unmarshal(text, &got))
	for name, want := range map[string]any{"version": 1.0, "event": "needs you", "text": "denied", "run": "keyd policy", "needs_person": true, "key": "AKIAIOSFODNN7EXAMPLE",
		"old_key": "AKIAIOSFODNN7EXAMPLE", "new_key": "AKIAI44QH8DHBEXAMPLE", "user": "alice", "account": "111122223333", "asked_by": "daemon"} {
		if got[name] != want {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	if !strings.HasSuffix(string(text), "}\n") || strings.Count(string(text), "\n") != 1 {
		t.Errorf("the input is not one line: %q", text)
	}
}

// TestNotificationSaysWhyAndWhatToRun: who is called learns why and which command helps, as
// far as others may see it: no key id is shown, and no command that is more than one.
func TestNotificationSaysWhyAndWhatToRun(t *testing.T) {
	for want, e := range map[string]rotate.Event{
		"work: the access key needs you: a second active key. Run: keyd prune work": {Brief: "a second active key", Hint: "keyd prune work"},
		"work: the access key needs you: a second active key. keyd status says why": {Brief: "a second active key", Hint: "is it needed? keyd prune work AKIAIOSFODNN7EXAMPLE"},
		"work: the access key needs you. keyd status says why":                      {Brief: "AKIA..MPLE is refused", Hint: "aws iam list-access-keys --profile work"},
	} {
		e.Verb, e.Profiles = rotate.VerbNeedsYou, []string{"work"}
		if words, urgent := desktopText(e); words != want || !urgent {
			t.Errorf("%q, want %q", words, want)
		}
	}
}

func TestFewEventsNotify(t *testing.T) {
	for _, c := range []struct {
		event        rotate.Event
		told, urgent bool
	}{
		{rotate.Event{Verb: rotate.VerbNeedsYou, Do: decide.DoBlock}, true, true},
		{rotate.Event{Verb: "deleted", Do: decide.DoDelete}, true, false},
		{rotate.Event{Verb: "deleted", Do: decide.DoDiscard}, true, true},
		{rotate.Event{Verb: "deleted", Do: decide.DoPrune}, false, false},
		{rotate.Event{Verb: "deactivated", Do: decide.DoDeactivate, Hint: "keyd hold default"}, true, false},
		{rotate.Event{Verb: "deactivated", Do: decide.DoDeactivate}, false, false}, // it is deleted in the same breath
		{rotate.Event{Verb: "still used", Do: decide.DoCheckUse}, true, false},
		{rotate.Event{Verb: "still used", Do: decide.DoCheckUse, Brief: "s3 in eu-west-1; it stands in 1 file"}, true, false},
		{rotate.Event{Verb: "copies", Do: decide.DoPreflight, Brief: "2 files"}, true, false},
		{rotate.Event{Verb: "unused", Do: decide.DoCreate}, true, false},
		{rotate.Event{Verb: "created", Do: decide.DoCreate}, false, false},
		{rotate.Event{Verb: "swapped", Do: decide.DoSwap}, false, false},
		{rotate.Event{Verb: "swapped", Do: decide.DoSwap, Brief: "2 running programs", Profiles: []string{"default"}}, true, false},
		{rotate.Event{Verb: "warning"}, false, false},
	} {
		c.event.KeyID, c.event.Text = "AKIAIOSFODNN7EXAMPLE", "AKIA..MPLE is refused"
		words, urgent := desktopText(c.event)
		if c.event.Hint != "" && !strings.Contains(words, c.event.Hint) {
			t.Errorf("%q does not say how to go back", words)
		}
		if strings.Contains(words, "AKIA") {
			t.Errorf("%q names a key", words)
		}
		if (words != "") != c.told || urgent != c.urgent {
			t.Errorf("%s %s: %q, urgent %v", c.event.Do, c.event.Verb, words, urgent)
		}
	}
}

// TestDesktopNamesTheProgram: the daemon of a package is keyd-aws, and keyd may be another
// program there.
func TestDesktopNamesTheProgram(t *testing.T) {
	l := &loop{options: RunOptions{Name: func(text string) string { return strings.ReplaceAll(text, "keyd ", "keyd-aws ") }}}
	event := rotate.Event{Verb: rotate.VerbNeedsYou, Profiles: []string{"work"}}
	if words, urgent := l.desktopWords(event); words != "work: the access key needs you. keyd-aws status says why" || !urgent {
		t.Errorf("%q, %v", words, urgent)
	}
}
