package credfile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
)

// writeAt writes a file that looks as if it had last been written this long ago.
func writeAt(t *testing.T, path, text string, ago time.Duration) {
	t.Helper()
	at := time.Now().Add(-ago)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

// TestReadShowingWaitsForAWriter begins with what a program that writes the file shows for a
// moment. The pair comes 1 s later.
func TestReadShowingWaitsForAWriter(t *testing.T) {
	whole := pairText("other", thirdKey) + pairText("work", oldKey)
	for _, test := range []struct{ name, before string }{
		{"empty", ""},
		{"cut off between two profiles", pairText("other", thirdKey)},
		{"cut off between id and secret", "[work]\naws_access_key_id = " + oldKey.ID + "\n"},
		{"away", "-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, "", "")
			synctest.Test(t, func(t *testing.T) {
				writeAt(t, s.Paths.Credentials, test.before, 0)
				if test.before == "-" {
					if err := os.Remove(s.Paths.Credentials); err != nil {
						t.Fatal(err)
					}
				}
				go func() {
					time.Sleep(time.Second)
					writeAt(t, s.Paths.Credentials, whole, time.Hour)
				}()
				snap, err := s.ReadShowing(t.Context(), "work")
				if err != nil {
					t.Fatal(err)
				}
				if p, ok := snap.FindProfile("work"); !ok || !p.HandsOut() || p.Key.ID != oldKey.ID || !p.Key.Secret.Equal(oldKey.Secret) {
					t.Errorf("%v %+v", ok, p)
				}
				synctest.Wait()
			})
		})
	}
}

// TestReadShowingSoonGivesUp measures how long a program waits for a pair that does not come.
func TestReadShowingSoonGivesUp(t *testing.T) {
	other := pairText("other", thirdKey)
	for _, test := range []struct {
		name, text string
		ago, most  time.Duration
		want       error
	}{
		{"an old file without the profile", other, time.Hour, 0, nil},
		{"a new file without the profile", other, 0, 3 * time.Second, nil},
		{"a file of the future", other, -time.Hour, 0, nil},
		{"a file that stays empty", "", 0, 3 * time.Second, context.DeadlineExceeded},
		{"no file", "-", 0, 3 * time.Second, fs.ErrNotExist},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, "", "")
			synctest.Test(t, func(t *testing.T) {
				writeAt(t, s.Paths.Credentials, test.text, test.ago)
				if test.text == "-" {
					_ = os.Remove(s.Paths.Credentials)
				}
				began := time.Now()
				snap, err := s.ReadShowing(t.Context(), "work")
				if !errors.Is(err, test.want) || test.want == nil && err != nil {
					t.Errorf("error %v, want %v", err, test.want)
				}
				if took := time.Since(began); took > test.most {
					t.Errorf("took %s, more than %s", took, test.most)
				}
				if test.want == nil {
					if _, ok := snap.FindProfile("other"); !ok {
						t.Error("the other profile is not there")
					}
				}
			})
		})
	}
}

func TestFindProfileTakesThePairThatReadersTake(t *testing.T) {
	credentials := credfile.Lex("credentials", credfile.Credentials, []byte("[a]\nregion = x\n[b]\naws_access_key_id = "+oldKey.ID+"\naws_secret_access_key = "+oldKey.Secret.Reveal()+"\n"))
	config := credfile.Lex("config", credfile.Config, []byte("[profile a]\naws_access_key_id = "+newKey.ID+"\naws_secret_access_key = "+newKey.Secret.Reveal()+"\n[profile b]\naws_access_key_id = "+newKey.ID+"\naws_secret_access_key = "+newKey.Secret.Reveal()+"\n"))
	snap := credfile.Snapshot{Profiles: credfile.Profiles(credentials, config)}
	for name, want := range map[string]string{"a": newKey.ID, "b": oldKey.ID} {
		if p, ok := snap.FindProfile(name); !ok || p.Key.ID != want {
			t.Errorf("profile %s: %v, want %s", name, p.Key, want)
		}
	}
}
