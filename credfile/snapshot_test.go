package credfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadWaitsForWholeFiles(t *testing.T) {
	whole := pairText("default", oldKey) + pairText("work", thirdKey)
	for _, tt := range []struct{ name, torn string }{
		{"an empty file", ""},
		{"a file that ends before the expected key", pairText("work", thirdKey)},
		{"a file that ends in the middle of the secret", whole[:len(pairText("default", oldKey))-20]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, whole, "")
			synctest.Test(t, func(t *testing.T) {
				if err := os.WriteFile(s.Paths.Credentials, []byte(tt.torn), 0o600); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(time.Second, func() { writeOldFile(t, s.Paths.Credentials, whole) })
				snap, err := s.Read(t.Context(), oldKey.ID, thirdKey.ID)
				if err != nil || string(snap.Credentials.Data) != whole || len(snap.ProfilesHolding(oldKey.ID)) != 1 {
					t.Errorf("Read returned %v, %v", snap, err)
				}
			})
		})
	}
	t.Run("a file that is missing while an editor saves it", func(t *testing.T) {
		s := newStore(t, "", "")
		synctest.Test(t, func(t *testing.T) {
			time.AfterFunc(time.Second, func() { writeOldFile(t, s.Paths.Credentials, whole) })
			if snap, err := s.Read(t.Context(), oldKey.ID); err != nil || len(snap.ProfilesHolding(oldKey.ID)) != 1 {
				t.Errorf("Read returned %v, %v", snap, err)
			}
		})
	})
	t.Run("a key that is really gone is believed after about 10 s", func(t *testing.T) {
		s := newStore(t, pairText("work", thirdKey), "")
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			snap, err := s.Read(t.Context(), oldKey.ID)
			if err != nil || len(snap.ProfilesHolding(oldKey.ID)) != 0 || len(snap.ProfilesHolding(thirdKey.ID)) != 1 {
				t.Errorf("Read returned %v, %v", snap, err)
			}
			if d := time.Since(start); d < 5*time.Second || d > 15*time.Second {
				t.Errorf("Read believed it after %v, want about 10 s", d)
			}
		})
	})
}

func TestReadReportsMissingFiles(t *testing.T) {
	for name, config := range map[string]string{"neither": "", "settings only": "[default]\nregion = x\n"} {
		s := newStore(t, "", config)
		_, err := s.Read(t.Context())
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), s.Paths.Credentials) || !strings.Contains(err.Error(), s.Paths.Config) {
			t.Errorf("%s: got %v, want fs.ErrNotExist with both paths", name, err)
		}
	}
	s := newStore(t, "", pairText("default", oldKey))
	if snap, err := s.Read(t.Context()); err != nil || snap.Credentials != nil || len(snap.ProfilesHolding(oldKey.ID)) != 1 {
		t.Errorf("config alone: %v, %v", snap, err)
	}
}

// TestWhatIsNoFileIsLikeNone: a folder or a device in the place of one file stops nothing that
// the other file allows.
func TestWhatIsNoFileIsLikeNone(t *testing.T) {
	s := newStore(t, pairText("default", oldKey), "")
	for _, config := range []string{t.TempDir(), os.DevNull} {
		s.Paths.Config = config
		snap, err := s.Read(t.Context())
		if err != nil || len(snap.Profiles) != 1 || (len(snap.Skipped) == 1) != (config != os.DevNull) {
			t.Errorf("%s: %v, %v", config, snap, err)
		}
	}
	s = newStore(t, "", pairText("default", oldKey))
	if err := os.MkdirAll(s.Paths.Credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	if snap, err := s.Read(t.Context()); err != nil || len(snap.ProfilesHolding(oldKey.ID)) != 1 || snap.Skipped[0].Path != s.Paths.Credentials {
		t.Errorf("a folder for the credentials: %v, %v", snap, err)
	}
	if result, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
		t.Errorf("the swap in the config file: %v, %v", result, err)
	}
	s.Paths.Config = filepath.Join(t.TempDir(), "none")
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder and nothing else: %v", err)
	}
}
