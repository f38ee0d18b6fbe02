package credfile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
)

var (
	oldKey   = makeKey("AKIAIOSFODNN7OLDOLD0", "o")
	newKey   = makeKey("AKIAIOSFODNN7NEWNEW0", "n")
	thirdKey = makeKey("AKIAIOSFODNN7THIRD00", "t")
)

func makeKey(id, secret string) credfile.Key {
	return credfile.Key{ID: id, Secret: credfile.NewSecret(strings.Repeat(secret, 40))}
}

// pairText returns a section with k, below a comment that must survive.
func pairText(section string, k credfile.Key) string {
	return fmt.Sprintf("# keep\n[%s]\naws_access_key_id = %s\naws_secret_access_key=%s\r\n", section, k.ID, k.Secret.Reveal())
}

// newStore returns a store in a new directory. It creates no file for an empty text.
func newStore(t *testing.T, credentials, config string) *credfile.Store {
	t.Helper()
	dir, err := filepath.EvalSymlinks(deeptest.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &credfile.Store{
		Paths: credfile.Paths{Credentials: filepath.Join(dir, ".aws", "credentials"), Config: filepath.Join(dir, ".aws", "config")},
	}
	if err := os.Mkdir(filepath.Join(dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, s, credentials, config)
	return s
}

func writeFiles(t *testing.T, s *credfile.Store, credentials, config string) {
	t.Helper()
	for path, text := range map[string]string{s.Paths.Credentials: credentials, s.Paths.Config: config} {
		if text != "" {
			writeOldFile(t, path, text)
		}
	}
}

// writeOldFile writes a file that is old enough for Read to believe it at once, even
// in a synctest bubble.
func writeOldFile(t *testing.T, path, text string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, then, then)); err != nil {
		t.Fatal(err)
	}
}

// requireFiles fails the test unless the files hold exactly these texts and nothing
// is left next to them. An empty text means that the file must not exist.
func requireFiles(t *testing.T, s *credfile.Store, credentials, config string) {
	t.Helper()
	want := map[string]string{}
	for path, text := range map[string]string{s.Paths.Credentials: credentials, s.Paths.Config: config} {
		if text == "" {
			continue
		}
		want[filepath.Base(path)] = text
	}
	entries, err := os.ReadDir(filepath.Dir(s.Paths.Credentials))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		got, err := os.ReadFile(filepath.Join(filepath.Dir(s.Paths.Credentials), e.Name()))
		if text, ok := want[e.Name()]; !ok || err != nil || string(got) != text {
			t.Errorf("%s holds %q, want %q", e.Name(), got, text)
		}
		delete(want, e.Name())
	}
	if len(want) > 0 {
		t.Errorf("files are missing: %q", want)
	}
}

// withKey returns the two texts with k in the places of the key.
func (f fixture) withKey(k credfile.Key) (credentials, config string) {
	put := func(template string) string {
		return strings.NewReplacer("ID", k.ID, "SECRET", k.Secret.Reveal()).Replace(template)
	}
	return put(f.credentials), put(f.config)
}

// fixture is a pair of files with the words ID and SECRET in the places of a key.
type fixture struct{ name, credentials, config string }

const pairTemplate = "aws_access_key_id = ID\naws_secret_access_key = SECRET\n"

var fixtures = []fixture{
	{"one profile", "[default]\n" + pairTemplate, ""},
	{"two profiles and the config file", "[default]\n" + pairTemplate + "\n; two\n[work]\n" + pairTemplate, "[profile other]\nregion=x\n" + pairTemplate},
	{"the config file alone", "", "[default]\n" + pairTemplate + "region = eu-west-1"},
	{"a profile in both files", "[work]\n" + pairTemplate, "[profile work]\r\n" + pairTemplate},
}

func TestSwapReplacesEveryPlace(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			s := newStore(t, "", "")
			credentials, config := f.withKey(oldKey)
			writeFiles(t, s, credentials, config)
			if err := s.Check(t.Context(), oldKey); err != nil {
				t.Fatal(err)
			}
			requireFiles(t, s, credentials, config) // Check must not change anything
			swapped, err := s.Swap(t.Context(), oldKey, newKey)
			if err != nil {
				t.Fatal(err)
			}
			credentials, config = f.withKey(newKey)
			requireFiles(t, s, credentials, config)
			if want := 2 * strings.Count(f.credentials+f.config, "ID\n"); swapped.Values != want || swapped.InPlace || len(swapped.Notes) > 0 {
				t.Errorf("Swap returned %+v, want %d values", swapped, want)
			}
			snap, err := s.Read(t.Context(), newKey.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range snap.ProfilesHolding(newKey.ID) {
				if back, err := s.ReadBack(t.Context(), p); err != nil || back.ID != newKey.ID || !back.Secret.Equal(newKey.Secret) {
					t.Errorf("%s reads back as %v, %v", p.Name, back, err)
				}
				if !slices.Contains(swapped.Profiles, p.Name) || !slices.Contains(swapped.Files, p.Path) {
					t.Errorf("Swap returned %+v, which lacks %s", swapped, p.Name)
				}
			}
			if again, err := s.Swap(t.Context(), oldKey, newKey); err != nil || again.Values != 0 || len(again.Files) != 0 {
				t.Errorf("a second swap returned %+v, %v, want no change", again, err)
			}
			if _, err := s.Swap(t.Context(), newKey, oldKey); err != nil {
				t.Fatal(err)
			}
			credentials, config = f.withKey(oldKey)
			requireFiles(t, s, credentials, config) // the way back restores every byte
		})
	}
}

// Swap refuses an edit that is not safe and leaves the files alone, and so does
// Check, before a key is created.
func TestSwapAndCheckRefuseUnsafeChanges(t *testing.T) {
	whole := pairText("default", oldKey)
	otherSecret := credfile.Key{ID: oldKey.ID, Secret: thirdKey.Secret}
	for _, tt := range []struct {
		name                string
		credentials, config string
		gone                bool
	}{
		{"the secret differs", pairText("default", otherSecret), "", false},
		{"one of two places has another secret", whole + pairText("work", otherSecret), "", false},
		{"the place in the config file is half a pair", whole, "[default]\naws_access_key_id = " + oldKey.ID + "\n", false},
		{"a session token beside one of two places", whole, pairText("profile x", oldKey) + "aws_session_token = x\n", false},
		{"another id", pairText("default", thirdKey), "", true},
		{"a third id in every place", pairText("default", thirdKey), pairText("default", thirdKey), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, tt.credentials, tt.config)
			synctest.Test(t, func(t *testing.T) {
				check := s.Check(t.Context(), oldKey)
				_, swap := s.Swap(t.Context(), oldKey, newKey)
				for _, err := range []error{check, swap} {
					_, refused := errors.AsType[*credfile.Refusal](err)
					_, gone := errors.AsType[*credfile.GoneError](err)
					if refused == tt.gone || gone != tt.gone {
						t.Errorf("got %v, want gone: %t", err, tt.gone)
					}
					if err != nil && strings.Contains(err.Error(), strings.Repeat("t", 40)) {
						t.Error("the error holds a secret")
					}
				}
			})
			requireFiles(t, s, tt.credentials, tt.config)
		})
	}
	t.Run("a new pair that is no valid key", func(t *testing.T) {
		s := newStore(t, whole, "")
		for _, next := range []credfile.Key{{}, oldKey, {ID: newKey.ID}, {ID: newKey.ID, Secret: credfile.NewSecret("a b\n")}} {
			if _, err := s.Swap(t.Context(), oldKey, next); err == nil {
				t.Errorf("Swap wrote %s", next)
			}
		}
		requireFiles(t, s, whole, "")
	})
}

func TestSwapCompletesInterruptedSwap(t *testing.T) {
	for _, tt := range []struct{ name, credentials, config string }{
		{"interrupted after the first file", pairText("default", newKey), pairText("default", oldKey)},
		{"interrupted before the second of two profiles", pairText("default", newKey) + pairText("work", oldKey), pairText("default", newKey)},
		{"set back by a program that had read the file before", pairText("default", oldKey), pairText("default", newKey)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, tt.credentials, tt.config)
			if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
				t.Fatal(err)
			}
			mended := strings.NewReplacer(oldKey.ID, newKey.ID, oldKey.Secret.Reveal(), newKey.Secret.Reveal())
			requireFiles(t, s, mended.Replace(tt.credentials), mended.Replace(tt.config))
		})
	}
}

func TestSwapKeepsSymlinks(t *testing.T) {
	s := newStore(t, "", pairText("default", oldKey))
	dotfiles := filepath.Join(filepath.Dir(s.Paths.Credentials), "..", "dotfiles")
	if err := os.MkdirAll(dotfiles, 0o700); err != nil {
		t.Fatal(err)
	}
	writeOldFile(t, filepath.Join(dotfiles, "creds"), pairText("default", oldKey))
	if err := os.Symlink("../dotfiles/creds", s.Paths.Credentials); err != nil {
		t.Skip("this system does not let the test create symbolic links:", err)
	}
	if _, err := os.Lstat(s.Paths.Credentials); err != nil {
		t.Skip("this system hides the symbolic links that it makes:", err)
	}
	if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
		t.Fatal(err)
	}
	requireFiles(t, s, pairText("default", newKey), pairText("default", newKey))
	if target, err := os.Readlink(s.Paths.Credentials); err != nil || filepath.ToSlash(target) != "../dotfiles/creds" {
		t.Errorf("the link leads to %q, %v, want ../dotfiles/creds", target, err)
	}
}

// Both environment variables may name the same file.
func TestSwapWithOneFileForBothPaths(t *testing.T) {
	s := newStore(t, pairText("default", oldKey), "")
	s.Paths.Config = s.Paths.Credentials
	if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
		t.Fatal(err)
	}
	requireFiles(t, s, pairText("default", newKey), pairText("default", newKey))
}

func TestCheckRefusesUnwritableFiles(t *testing.T) {
	whole := pairText("default", oldKey)
	s := newStore(t, whole, whole)
	full := func(errno error) atomicfile.Sys {
		return &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: func(c atomicfiletest.Call) error {
			if c.Op == "Write" && strings.Contains(c.Name, ".config.keyd-") {
				return errno
			}
			return nil
		}}
	}
	for _, tt := range []struct {
		name string
		sys  atomicfile.Sys
		err  error
	}{
		{"the second file is on a read-only file system", readOnly{atomicfile.OS{}, s.Paths.Config}, syscall.EROFS},
		{"the disk is full", full(syscall.ENOSPC), syscall.ENOSPC},
		{"the quota is used up", full(syscall.EDQUOT), syscall.EDQUOT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.Sys = tt.sys
			if err := s.Check(t.Context(), oldKey); !errors.Is(err, tt.err) {
				t.Error(err)
			}
			requireFiles(t, s, whole, whole)
		})
	}
}

// readOnly is a file system that refuses to write one file and new files next to it.
type readOnly struct {
	atomicfile.Sys
	path string
}

func (r readOnly) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	if flag != os.O_RDONLY && strings.HasPrefix(strings.TrimPrefix(filepath.Base(name), "."), filepath.Base(r.path)) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EROFS}
	}
	return r.Sys.OpenFile(name, flag, perm)
}

func TestSweepRemovesTemporaryFiles(t *testing.T) {
	s := newStore(t, pairText("default", oldKey), pairText("default", oldKey))
	for _, base := range []string{".credentials", ".config"} {
		writeOldFile(t, filepath.Join(filepath.Dir(s.Paths.Config), base+".keyd-00112233445566ff"), "stale")
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	requireFiles(t, s, pairText("default", oldKey), pairText("default", oldKey))
}

// A file is the same under each of its names, and a path that leads nowhere is not
// one of the two files.
func TestHasFileKnowsEveryName(t *testing.T) {
	s := newStore(t, pairText("default", oldKey), "")
	dir := filepath.Dir(s.Paths.Credentials)
	link, other := filepath.Join(dir, "link"), filepath.Join(dir, "other")
	writeOldFile(t, other, pairText("default", oldKey))
	if err := os.Symlink(s.Paths.Credentials, link); err != nil {
		t.Skip(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Skip("this system hides the symbolic links that it makes:", err)
	}
	hard := filepath.Join(dir, "hard")
	if err := os.Link(s.Paths.Credentials, hard); err != nil {
		t.Skip(err)
	}
	for path, want := range map[string]bool{s.Paths.Credentials: true, s.Paths.Config: true, link: true, hard: true,
		filepath.Join(dir, "..", filepath.Base(dir), "credentials"): true, other: false, filepath.Join(dir, "gone"): false} {
		if got := s.HasFile(path); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}
