package rotate_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

const (
	envText  = "# mine\nAWS_ACCESS_KEY_ID=<ID>\nexport AWS_SECRET_ACCESS_KEY=\"<SECRET>\"\n"
	jsonText = "{\r\n  \"accessKey\": \"<ID>\",\r\n  \"secretKey\": \"<SECRET>\"\r\n}"
)

// newLabWithLinks returns a lab with two linked files.
func newLabWithLinks(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.NewInMemory(t, time.Now) // the age of a file counts, and a real disk has a clock of its own
	l.SetUp(awssim.RealLag(), 70*settings.Day)
	l.Link("env", envText)
	l.Link("mc.json", jsonText)
	return l
}

// requireLinks checks that both linked files show a pair.
func requireLinks(t *testing.T, l *lab.Lab, k credfile.Key) {
	t.Helper()
	for name, text := range map[string]string{"env": envText, "mc.json": jsonText} {
		if got := l.ReadFile(name); got != lab.Fill(text, k) {
			t.Errorf("%s shows %q, want %s", name, got, k)
		}
	}
}

// advance returns a lab whose rotation has come to a state.
func advance(l *lab.Lab, state decide.State) rotate.Result {
	return l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == state })
}

// TestLinkedFilesChangeWithTheFiles: from the first pass to the deletion of the old key, and
// when a backup of one of them comes back.
func TestLinkedFilesChangeWithTheFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabWithLinks(t)
		r := advance(l, decide.StateOverlap)
		fresh := l.ShownPair()
		requireLinks(t, l, fresh)
		if links := loadRotation(t, l.Rotator).Links; len(links) != 2 || !strings.HasSuffix(links[0].Path, "env") || len(r.Links) != 2 {
			t.Errorf("the journal has %+v, the status %q", links, r.Links)
		}
		if !strings.Contains(strings.Join(l.Events, "\n"), "mc.json (8 values in 2 profiles)") {
			t.Errorf("%q", l.Events)
		}
		for _, state := range []decide.State{decide.StateOverlap, decide.StateQuarantine} {
			advance(l, state)
			l.WriteFile("env", lab.Fill(envText, l.OldKey))
			if r := l.Pass(rotate.Request{}); r.State != state {
				t.Errorf("%s: %s", r.State, r.Why)
			}
			requireLinks(t, l, fresh)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		requireLinks(t, l, fresh)
		l.CheckOneKey()
		l.CheckPromises()
	})
}

// TestAstrayLinkBlocksNewKey: before a key exists, a linked file that may hold the old pair
// and cannot be changed is in the way. To unlink it is a way out, and to put it back another.
func TestAstrayLinkBlocksNewKey(t *testing.T) {
	for name, spoil := range map[string]func(*lab.Lab){
		"missing":     func(l *lab.Lab) { l.RemoveFile("env") },
		"half":        func(l *lab.Lab) { l.WriteFile("env", "AWS_ACCESS_KEY_ID="+l.OldKey.ID+"\n") },
		"another key": func(l *lab.Lab) { l.WriteFile("env", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLabWithLinks(t)
				spoil(l)
				r := l.PassOnce(rotate.Request{})
				if name != "missing" && (r.State != decide.StateWaiting || r.NeedsPerson) { // perhaps an editor is still writing it
					t.Errorf("%s: %s", r.State, r.Why)
				}
				time.Sleep(3 * time.Minute)
				calls := len(l.Cloud.Calls())
				r = l.PassOnce(rotate.Request{})
				if r.State != decide.StateBlocked || !strings.Contains(r.Why, "env, a linked file, ") || !strings.HasSuffix(r.Hint, hint.Command("keyd unlink", filepath.Join(l.Home, "env"))) || len(l.Cloud.Keys(l.User)) != 1 {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				if rehearsed, err := l.Rotator.Rehearse(t.Context()); err != nil || rehearsed[0].Ready || !rehearsed[0].NeedsPerson {
					t.Errorf("%+v, %v", rehearsed, err)
				}
				for range 10 {
					time.Sleep(15 * time.Minute)
					l.PassOnce(rotate.Request{})
				}
				if n := len(l.Cloud.Calls()) - calls; n > 8 {
					t.Errorf("%d calls while it waits", n)
				}
				if name == "half" {
					l.WriteFile("env", lab.Fill(envText, l.OldKey))
					advance(l, decide.StateOverlap)
					requireLinks(t, l, l.ShownPair())
					return
				}
				left := l.ReadFile("env")
				l.Rotator.Settings.Links = l.Rotator.Settings.Links[1:]
				advance(l, decide.StateOverlap)
				if l.ReadFile("env") != left || l.ReadFile("mc.json") != lab.Fill(jsonText, l.ShownPair()) {
					t.Errorf("%q, %q", l.ReadFile("env"), l.ReadFile("mc.json"))
				}
			})
		})
	}
}

// TestAstrayLinkKeepsOldKeyActive: a linked file disappears between the creation and the
// swap. The others change. The old key stays Active until the file shows the new pair, or
// until a person unlinks it.
func TestAstrayLinkKeepsOldKeyActive(t *testing.T) {
	for _, way := range []string{"put back", "unlinked", "unlinked by hand"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLabWithLinks(t)
				created := func() bool { return strings.Contains(strings.Join(l.Events, "\n"), "created ") }
				on := l.Rotator.OnEvent
				l.Rotator.OnEvent = func(e rotate.Event) {
					on(e)
					if e.Verb == rotate.VerbCreated {
						l.RemoveFile("env")
					}
				}
				advance(l, decide.StateOverlap)
				if fresh := l.ShownPair(); !created() || l.ReadFile("mc.json") != lab.Fill(jsonText, fresh) || l.ReadFile("env") != "" {
					t.Fatalf("%q, %q", l.ReadFile("mc.json"), l.Events)
				}
				r := l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateBlocked })
				if !strings.Contains(r.Why, "is not there") || !strings.Contains(r.Hint, "keyd unlink") {
					t.Errorf("%s; %s", r.Why, r.Hint)
				}
				if r := l.PassOnce(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); r.State != decide.StateBlocked {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				for range 30 {
					time.Sleep(settings.Day)
					l.Pass(rotate.Request{})
				}
				if keys := l.Cloud.Keys(l.User); len(keys) != 2 || keys[0].Status != "Active" {
					t.Errorf("%+v", keys)
				}
				ini := settings.File{Path: filepath.Join(t.TempDir(), "keyd.ini"), Sys: atomicfile.OS{}}
				gone := filepath.Join(l.Home, "env")
				switch way {
				case "put back":
					l.WriteFile("env", lab.Fill(envText, l.OldKey))
				case "unlinked by hand": // an edit of keyd.ini is no answer to the question
					l.Rotator.Settings.Links = l.Rotator.Settings.Links[1:]
					time.Sleep(time.Hour)
					if r := l.Pass(rotate.Request{}); r.State != decide.StateBlocked {
						t.Errorf("%s: %s", r.State, r.Why)
					}
					fallthrough
				case "unlinked":
					if results, err := l.Rotator.Unlink(t.Context(), []string{gone}, ini); err != nil || !results[0].Dropped || results[0].Before != (way == "unlinked by hand") {
						t.Errorf("%+v, %v", results, err)
					}
					l.Rotator.Settings.Links = []settings.Link{{Path: filepath.Join(l.Home, "mc.json")}}
				}
				l.RunUntil(20*settings.Day, lab.Settled)
				l.CheckOneKey()
				l.CheckPromises()
				if way == "put back" {
					requireLinks(t, l, l.ShownPair())
				}
			})
		})
	}
}

// TestRotationKeepsItsLinks: keyd.ini loses its links, or is broken, in the middle of a
// rotation. The files that the rotation has still change, and are repaired.
func TestRotationKeepsItsLinks(t *testing.T) {
	for name, lose := range map[string]func(*settings.Settings){
		"removed": func(s *settings.Settings) { s.Links = nil },
		"broken":  func(s *settings.Settings) { *s = settings.Default(); s.Unknown = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLabWithLinks(t)
				good := l.Rotator.Settings
				on := l.Rotator.OnEvent
				l.Rotator.OnEvent = func(e rotate.Event) {
					if on(e); e.Verb == rotate.VerbCreated {
						lose(&l.Rotator.Settings)
					}
				}
				for range 4 {
					l.PassOnce(rotate.Request{})
					time.Sleep(6 * time.Minute)
				}
				fresh := l.ShownPair()
				if fresh.ID == l.OldKey.ID {
					t.Fatal("nothing was swapped")
				}
				requireLinks(t, l, fresh)
				l.WriteFile("env", lab.Fill(envText, l.OldKey))
				l.PassOnce(rotate.Request{})
				requireLinks(t, l, fresh)
				l.Rotator.Settings = good
				l.Rotator.Settings.Links = nil
				l.RunUntil(20*settings.Day, lab.Settled)
				requireLinks(t, l, fresh)
				l.CheckOneKey()
			})
		})
	}
}

// TestFileLinkedInOverlapChangesAtOnce: and the journal has it from then on.
func TestFileLinkedInOverlapChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		advance(l, decide.StateOverlap)
		time.Sleep(time.Hour)
		l.Link("env", envText)
		l.Pass(rotate.Request{})
		if r := loadRotation(t, l.Rotator); l.ReadFile("env") != lab.Fill(envText, l.ShownPair()) || len(r.Links) != 1 {
			t.Errorf("%q, %+v", l.ReadFile("env"), r.Links)
		}
	})
}

// TestHoldPutsOldPairIntoLinkedFiles: someone deletes the new key, and a person holds.
func TestHoldPutsOldPairIntoLinkedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabWithLinks(t)
		advance(l, decide.StateOverlap)
		time.Sleep(time.Hour)
		if err := l.User.DeleteKey(l.ShownID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if r, err := l.Rotator.Hold(t.Context(), "default"); err != nil || r.State != decide.StateHeld {
			t.Fatalf("%s: %s, %v", r.State, r.Why, err)
		}
		requireLinks(t, l, l.OldKey)
		if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		requireLinks(t, l, l.OldKey)
		if rotations, _ := l.Rotator.JournalDir().Load(t.Context()); len(rotations) > 0 {
			t.Errorf("%+v", rotations[0])
		}
	})
}

// TestLinksContinueWithoutProfiles: a person puts a third key into the profiles and resumes.
// The linked files still show the new key: it is not deleted, and the rotation ends in them.
func TestLinksContinueWithoutProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabWithLinks(t)
		advance(l, decide.StateOverlap)
		time.Sleep(time.Hour)
		fresh := l.ShownPair()
		other := awssim.New(awssim.Options{Seed: 9}).AddUser(lab.Account, "/", "other")
		id, secret := other.AddKey(settings.Day)
		l.Rotator.OnEvent, l.Rotator.HTTP = nil, l.Cloud
		l.WriteFile("credentials", "[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
		if results, err := l.Rotator.Pass(t.Context(), rotate.Request{}); err != nil || results[0].State != decide.StateBlocked {
			t.Fatalf("%+v, %v", results, err)
		}
		if r, err := l.Rotator.Resume(t.Context(), "default"); err != nil || r.Rotation == nil || r.Rotation.GiveUpReason != "" || len(r.Rotation.Places) > 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		l.WriteFile("env", lab.Fill(envText, l.OldKey)) // and a backup comes back
		for range 30 {
			time.Sleep(12 * time.Hour)
			if _, err := l.Rotator.Pass(t.Context(), rotate.Request{}); err != nil {
				t.Fatal(err)
			}
		}
		requireLinks(t, l, fresh)
		if keys := l.Cloud.Keys(l.User); len(keys) != 1 || keys[0].ID != fresh.ID || keys[0].Status != "Active" {
			t.Errorf("%+v", keys)
		}
		if left, errs := l.Rotator.JournalDir().Load(t.Context()); len(left)+len(errs) > 0 {
			t.Errorf("%+v, %v", left, errs)
		}
	})
}

// TestStrayLinkBlocksOnlyItsKey: the file was seen with one of two keys, and is gone now.
func TestStrayLinkBlocksOnlyItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabWithLinks(t)
		l.User.DenyAction("CreateAccessKey", awssim.NotAllowed)
		l.Pass(rotate.Request{}) // the status knows whose file it is
		l.AddProfile("bob", 70*settings.Day)
		l.RemoveFile("env")
		time.Sleep(time.Hour)
		for _, r := range l.PassAll(rotate.Request{Options: decide.Options{Manual: true}}) {
			if blocked := strings.Contains(r.Why, "a linked file"); blocked != (r.Profiles[0] == "default") {
				t.Errorf("%s: %s %s", r.Profiles, r.State, r.Why)
			}
		}
	})
}

// TestLinkAndUnlink writes keyd.ini only for files that a rotation can change.
func TestLinkAndUnlink(t *testing.T) {
	l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
	l.WriteFile("env", lab.Fill(envText, l.OldKey))
	l.WriteFile("none", "nothing\n")
	time.Sleep(20 * time.Millisecond) // files that were written just now are not believed
	env, none := filepath.Join(l.Home, "env"), filepath.Join(l.Home, "none")
	ini := settings.File{Path: filepath.Join(l.Home, "keyd.ini"), Sys: atomicfile.OS{}, Home: l.Home}
	reload := func() {
		s, err := ini.Read()
		lab.Must(t, err)
		l.Rotator.Settings.Links = s.Links
	}
	if _, err := l.Rotator.Link(t.Context(), []settings.Link{{Path: env}, {Path: none}}, ini); err == nil || !strings.Contains(err.Error(), "none shows none of the keys") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(ini.Path); err == nil {
		t.Error("one of two files was linked")
	}
	results, err := l.Rotator.Link(t.Context(), []settings.Link{{Path: env}, {Path: env}}, ini)
	if err != nil || len(results) != 2 || results[0].Before || !results[1].Before || results[0].KeyIDs[0] != l.OldKey.ID || strings.Join(results[0].Profiles, " ") != "default work" {
		t.Errorf("%+v, %v", results, err)
	}
	reload()
	if results, err = l.Rotator.Link(t.Context(), []settings.Link{{Path: env}}, ini); err != nil || !results[0].Before || len(l.Rotator.Settings.Links) != 1 {
		t.Errorf("%+v, %v", results, err)
	}
	if results, err = l.Rotator.Unlink(t.Context(), []string{env, none}, ini); err != nil || results[0].Before || !results[1].Before {
		t.Errorf("%+v, %v", results, err)
	}
	if reload(); len(l.Rotator.Settings.Links) != 0 {
		t.Errorf("%+v", l.Rotator.Settings.Links)
	}
}

// TestUnlinkedFileStaysInRotation: until it ends, so that nothing that the rotation does
// takes away the key which the file shows.
func TestUnlinkedFileStaysInRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabWithLinks(t)
		advance(l, decide.StateOverlap)
		env, ini := filepath.Join(l.Home, "env"), settings.File{Path: filepath.Join(t.TempDir(), "keyd.ini"), Sys: atomicfile.OS{}}
		l.Rotator.Settings.Links = nil
		results, err := l.Rotator.Unlink(t.Context(), []string{env}, ini)
		if err != nil || results[0].Rotation == nil || results[0].Dropped || len(results[0].KeyIDs) != 1 || results[0].KeyIDs[0] != l.ShownID() {
			t.Errorf("%+v, %v", results, err)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		requireLinks(t, l, l.ShownPair())
	})
}

// TestSMTPPasswordIsRotated: the password of SES is derived from the secret and the region.
func TestSMTPPasswordIsRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		text := func(k credfile.Key) string {
			return "[email-smtp.eu-west-1.amazonaws.com]:587 " + k.ID + ":" + smtpPassword(k.Secret.Reveal(), "eu-west-1") + "\n"
		}
		l.Link("sasl_passwd", text(l.OldKey))
		form, err := forms.ParseForm("ses-smtp eu-west-1")
		lab.Must(t, err)
		l.Rotator.Settings.Links[0].Form = form
		advance(l, decide.StateOverlap)
		fresh := l.ShownPair()
		if got := l.ReadFile("sasl_passwd"); fresh.ID == l.OldKey.ID || got != text(fresh) {
			t.Errorf("%q, want %q", got, text(fresh))
		}
		if links := loadRotation(t, l.Rotator).Links; len(links) != 1 || links[0].Form != "ses-smtp eu-west-1" {
			t.Errorf("%+v", links)
		}
		l.Rotator.Settings.Links = nil // the journal has the form
		l.WriteFile("sasl_passwd", text(l.OldKey))
		time.Sleep(time.Hour)
		l.Pass(rotate.Request{})
		if got := l.ReadFile("sasl_passwd"); got != text(fresh) {
			t.Errorf("%q, want %q", got, text(fresh))
		}
	})
}

// smtpPassword computes the SMTP password of SES.
// Source: SES developer guide, "Obtaining SES SMTP credentials by converting AWS credentials".
func smtpPassword(secret, region string) string {
	signature := []byte("AWS4" + secret)
	for _, message := range []string{"11111111", region, "ses", "aws4_request", "SendRawEmail"} {
		h := hmac.New(sha256.New, signature)
		h.Write([]byte(message))
		signature = h.Sum(nil)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{4}, signature...))
}

// TestUnwritableLinkHasAWayOut: a linked file gets a second name, before the key is created or
// after that. No file changes, and both the remedy and keyd unlink help.
func TestUnwritableLinkHasAWayOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows says in another way why a file can only be written in place")
	}
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
				l.Link("env", envText)
				env, twin := filepath.Join(l.Home, "env"), filepath.Join(l.Home, "twin")
				spoil := func() { lab.Must(t, os.Link(env, twin)) }
				on := l.Rotator.OnEvent
				if when == "before" {
					spoil()
				} else {
					l.Rotator.OnEvent = func(e rotate.Event) {
						if on(e); e.Verb == rotate.VerbCreated {
							spoil()
						}
					}
				}
				r := l.Pass(rotate.Request{})
				if !r.NeedsPerson || !strings.Contains(r.Why, "env: has 2 names") || !strings.HasSuffix(r.Hint, "; or, if it no longer needs the key: keyd unlink "+env) || !strings.HasPrefix(r.Hint, "replace the other names") {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				if l.RecordShown(); l.ShownID() != l.OldKey.ID || l.ReadFile("env") != lab.Fill(envText, l.OldKey) || len(l.Cloud.Keys(l.User)) != map[string]int{"before": 1, "after": 2}[when] {
					t.Errorf("%q, %+v", l.ReadFile("env"), l.Cloud.Keys(l.User))
				}
				ini := settings.File{Path: filepath.Join(t.TempDir(), "keyd.ini"), Sys: atomicfile.OS{}}
				if results, err := l.Rotator.Unlink(t.Context(), []string{env}, ini); err != nil || results[0].Dropped != (when == "after") {
					t.Errorf("%+v, %v", results, err)
				}
				l.Rotator.Settings.Links = nil
				if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true}}); r.State != decide.StateOverlap || l.ReadFile("env") != lab.Fill(envText, l.OldKey) {
					t.Errorf("%s: %s", r.State, r.Why)
				}
			})
		})
	}
}

// TestFileWithTwoKeysFollowsBoth: each rotation replaces its own pair, side by side, and
// neither takes the other for an edit.
func TestFileWithTwoKeysFollowsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		bob := l.AddProfile("bob", 70*settings.Day)
		text := func(a, b credfile.Key) string {
			return lab.Fill("[s3]\nkey = <ID>\nsecret = <SECRET>\n", a) + lab.Fill("[bobs]\nkey = <ID>\nsecret = <SECRET>\n", b)
		}
		l.Link("two.conf", text(l.OldKey, credfile.Key{ID: bob, Secret: credfile.NewSecret(l.Cloud.Secrets()[bob])}))
		for range 12 {
			l.PassAll(rotate.Request{})
			time.Sleep(6 * time.Minute)
		}
		l.RecordShown()
		shown, err := credfile.ReadPair([]byte(l.ReadCredentials()), credfile.Credentials, "bob")
		if got := l.ReadFile("two.conf"); err != nil || shown.ID == bob || l.ShownID() == l.OldKey.ID || got != text(l.ShownPair(), shown) {
			t.Errorf("%s, %v", got, err)
		}
	})
}
