package credfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

// linkedTexts are files that show a pair, with words of their own around it.
var linkedTexts = []struct{ name, text string }{
	{"env", "# mine\nexport AWS_ACCESS_KEY_ID=\"%[1]s\"\nAWS_SECRET_ACCESS_KEY='%[2]s' \nOTHER=1\n"},
	{"conf.json", "{\r\n\t\"id\": \"%[1]s\", \"secret\": \"%[2]s\"}"},
	{"twice", "[a]\naccess_key = %[1]s\nsecret_key = %[2]s\n[b]\naccess_key = %[1]s\nsecret_key = %[2]s\n"},
}

// linkText returns the text of a linked file that shows a key.
func linkText(i int, k credfile.Key) string {
	return fmt.Sprintf(linkedTexts[i].text, k.ID, k.Secret.Reveal())
}

// newLinkedStore returns a store whose credentials file and linked files show the old key.
func newLinkedStore(t *testing.T) *credfile.Store {
	t.Helper()
	s := newStore(t, pairText("default", oldKey), "")
	dir := deeptest.Folder(t)
	for i, l := range linkedTexts {
		s.Links = append(s.Links, credfile.Link{Path: filepath.Join(dir, l.name)})
		writeOldFile(t, s.Links[i].Path, linkText(i, oldKey))
	}
	askBeforeCalls(s, failNothing)
	return s
}

// resetLinks makes all files of s show the old key again.
func resetLinks(t *testing.T, s *credfile.Store) {
	t.Helper()
	writeFiles(t, s, pairText("default", oldKey), "")
	for i, l := range s.Links {
		writeOldFile(t, l.Path, linkText(i, oldKey))
	}
}

// requireLinks checks what the linked files show.
func requireLinks(t *testing.T, s *credfile.Store, k credfile.Key) {
	t.Helper()
	for i, l := range s.Links {
		if got := readText(t, l.Path); got != linkText(i, k) {
			t.Errorf("%s shows %q, want %q", l.Path, got, linkText(i, k))
		}
	}
}

// A swap changes the linked files with the credentials file, in one result, and back.
func TestSwapChangesLinkedFiles(t *testing.T) {
	s := newLinkedStore(t)
	synctest.Test(t, func(t *testing.T) {
		if err := s.Check(t.Context(), oldKey); err != nil {
			t.Error(err)
		}
		changes, err := s.Preview(t.Context(), oldKey.ID)
		if err != nil || len(changes) != 2+2+2+4 || changes[2].Path != s.Links[0].Path || changes[2].Line != 2 {
			t.Errorf("%+v, %v", changes, err)
		}
		swapped, err := s.Swap(t.Context(), oldKey, newKey)
		if err != nil || swapped.Values != 10 || len(swapped.Files) != 4 || swapped.Files[0] != s.Paths.Credentials || len(swapped.Profiles) != 1 {
			t.Errorf("%+v, %v", swapped, err)
		}
		requireFiles(t, s, pairText("default", newKey), "")
		requireLinks(t, s, newKey)
		for _, l := range s.Links {
			if err := s.ReadBackLink(t.Context(), l, newKey); err != nil {
				t.Error(err)
			}
			if s.ReadBackLink(t.Context(), l, oldKey) == nil {
				t.Error("the old pair is read back")
			}
		}
		writeOldFile(t, s.Links[1].Path, linkText(1, oldKey)) // a backup of one file comes back
		if swapped, err = s.Restore(t.Context(), oldKey, newKey); err != nil || !slices.Equal(swapped.Files, []string{s.Links[1].Path}) {
			t.Errorf("%+v, %v", swapped, err)
		}
		if _, err = s.Swap(t.Context(), newKey, oldKey); err != nil {
			t.Error(err)
		}
		requireFiles(t, s, pairText("default", oldKey), "")
		requireLinks(t, s, oldKey)
	})
}

// A linked file that is missing, or that somebody has edited, is left alone, and the others
// change. Check refuses what it can tell: half of the pair.
func TestSwapLeavesEditedLinkedFileAlone(t *testing.T) {
	for name, text := range map[string]string{
		"missing":      "",
		"third key":    linkText(0, thirdKey),
		"half":         strings.Replace(linkText(0, oldKey), oldKey.Secret.Reveal(), "gone", 1),
		"cut":          linkText(0, oldKey)[:40],
		"other secret": strings.Replace(linkText(0, oldKey), oldKey.Secret.Reveal(), thirdKey.Secret.Reveal(), 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := newLinkedStore(t)
			synctest.Test(t, func(t *testing.T) {
				if os.Remove(s.Links[0].Path); text != "" {
					writeOldFile(t, s.Links[0].Path, text)
				}
				err := s.Check(t.Context(), oldKey)
				if halfShown := strings.Contains(text, oldKey.ID); halfShown != (err != nil) || err != nil && !strings.Contains(err.Error(), s.Links[0].Path) {
					t.Errorf("Check returns %v", err)
				}
				if swapped, err := s.Swap(t.Context(), oldKey, newKey); err != nil || len(swapped.Files) != 3 {
					t.Errorf("%+v, %v", swapped, err)
				}
				now, err := os.ReadFile(s.Links[0].Path)
				if string(now) != text || (text == "") != (err != nil) {
					t.Errorf("the file shows %q, %v", now, err)
				}
				if text == "" {
					writeOldFile(t, s.Links[0].Path, linkText(0, newKey))
				}
				for i := 1; i < len(s.Links); i++ {
					if got := readText(t, s.Links[i].Path); got != linkText(i, newKey) {
						t.Errorf("%q", got)
					}
				}
			})
		})
	}
}

// One run for each system call of a swap: the call fails, or the process dies there. Each
// file is all old or all new at every instant. After an error all are old, and after a death
// the next swap changes all of them.
func TestLinkedFilesChangeAllOrNone(t *testing.T) {
	for i, fault := range []error{syscall.ENOSPC, syscall.EIO, &atomicfiletest.ShortWrite{Err: syscall.ENOSPC}, nil} {
		t.Run(fmt.Sprint(fault), func(t *testing.T) {
			s := newLinkedStore(t)
			reached := true
			first, step := deeptest.Steps(i, 16)
			for n := first; reached && !t.Failed(); n += step {
				resetLinks(t, s)
				synctest.Test(t, func(t *testing.T) {
					calls := 0
					askBeforeCalls(s, func(atomicfiletest.Call) error {
						requireWhole(t, s)
						if calls++; calls == n && fault == nil {
							panic(crash{})
						}
						if calls == n {
							return fault
						}
						return nil
					})
					var err error
					died := runUntilCrash(s.Sys.(*atomicfiletest.Faulty), func() { _, err = s.Swap(t.Context(), oldKey, newKey) })
					reached = calls >= n
					requireWhole(t, s)
					askBeforeCalls(s, failNothing)
					if err := s.Sweep(); err != nil {
						t.Error(err)
					}
					if err != nil && !died {
						requireFiles(t, s, pairText("default", oldKey), "")
						requireLinks(t, s, oldKey)
					}
					if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
						t.Error(err)
					}
					requireFiles(t, s, pairText("default", newKey), "")
					requireLinks(t, s, newKey)
					if names, err := os.ReadDir(filepath.Dir(s.Links[0].Path)); len(names) != len(s.Links) {
						t.Errorf("%v, %v", names, err)
					}
				})
			}
		})
	}
}

// requireWhole checks that each linked file shows all of one key.
func requireWhole(t *testing.T, s *credfile.Store) {
	t.Helper()
	for i, l := range s.Links {
		if got, err := os.ReadFile(l.Path); err != nil || string(got) != linkText(i, oldKey) && string(got) != linkText(i, newKey) {
			t.Errorf("%s shows %q, %v", l.Path, got, err)
		}
	}
}

// A linked file that could only be written in place is refused by everything that might
// write it, and a swap then changes no file.
func TestLinkedFileIsNeverWrittenInPlace(t *testing.T) {
	for name, says := range map[string]string{"hard link": "2 names", "closed folder": "its folder accepts no new file"} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("a folder of Windows accepts files")
			}
			s := newLinkedStore(t)
			path := s.Links[2].Path
			if name == "hard link" {
				forceInPlace(t, path)
			} else {
				askBeforeCalls(s, func(c atomicfiletest.Call) error {
					if strings.HasPrefix(filepath.Base(c.Name), ".twice.keyd-") {
						return syscall.EACCES
					}
					return nil
				})
			}
			synctest.Test(t, func(t *testing.T) {
				_, linkErr := s.CheckLink(t.Context(), s.Links[2], []credfile.Key{oldKey})
				refusal, ok := errors.AsType[*credfile.Refusal](linkErr)
				if !ok || refusal.Path != path || !strings.Contains(refusal.Text, says) || refusal.Remedy == "" {
					t.Errorf("CheckLink returns %v", linkErr)
				}
				_, swapErr := s.Swap(t.Context(), oldKey, newKey)
				for _, err := range []error{s.Check(t.Context(), oldKey), swapErr} {
					refused, ok := errors.AsType[*atomicfile.Refused](err)
					if !ok || refused.Path != path || !strings.Contains(refused.Why, says) || refused.Remedy == "" {
						t.Errorf("got %v", err)
					}
				}
				requireFiles(t, s, pairText("default", oldKey), "")
				requireLinks(t, s, oldKey)
				_, err := s.Restore(t.Context(), oldKey, newKey) // writes what it can
				if _, ok := errors.AsType[*atomicfile.Refused](err); !ok {
					t.Error(err)
				}
				requireFiles(t, s, pairText("default", newKey), "")
				if got := readText(t, path); got != linkText(2, oldKey) {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

// A third key in the AWS files stops a swap before it changes a linked file.
func TestThirdKeyStopsSwapOfLinkedFiles(t *testing.T) {
	s := newLinkedStore(t)
	synctest.Test(t, func(t *testing.T) {
		writeFiles(t, s, pairText("default", thirdKey), "")
		_, err := s.Swap(t.Context(), oldKey, newKey)
		if gone, ok := errors.AsType[*credfile.GoneError](err); !ok || gone.Files[0] != s.Paths.Credentials {
			t.Error(err)
		}
		requireLinks(t, s, oldKey)

		s.Paths = credfile.Paths{} // a rotation that goes on in the linked files alone
		if swapped, err := s.Swap(t.Context(), oldKey, newKey); err != nil || len(swapped.Files) != 3 {
			t.Errorf("%+v, %v", swapped, err)
		}
		requireLinks(t, s, newKey)
		_, err = s.Swap(t.Context(), oldKey, thirdKey)
		if gone, ok := errors.AsType[*credfile.GoneError](err); !ok || gone.Files[0] != s.Links[0].Path {
			t.Error(err)
		}
	})
}

// A program writes a linked file at the moment in which keyd replaces it: its text survives,
// with the new pair in it, or beside the file when it shows half of a pair.
func TestLinkedFileKeepsWhatAnotherProgramWrites(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows replaces no file that another program has open")
	}
	for name, text := range map[string]string{
		"whole": linkText(0, oldKey) + "MORE=2\n",
		"half":  strings.Replace(linkText(0, oldKey), oldKey.Secret.Reveal(), "gone", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := newLinkedStore(t)
			path := s.Links[0].Path
			synctest.Test(t, func(t *testing.T) {
				late, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
				if err == nil {
					_, err = late.WriteString(linkText(0, oldKey))
				}
				if err != nil {
					t.Fatal(err)
				}
				defer late.Close()
				time.Sleep(time.Second)
				askBeforeCalls(s, func(c atomicfiletest.Call) error {
					if (c.Op == "SyncDir") && late != nil && readText(t, path) == linkText(0, newKey) {
						_ = late.Truncate(0)
						_, _ = late.WriteAt([]byte(text), 0)
						late.Close()
						late = nil
					}
					return nil
				})
				swapped, err := s.Swap(t.Context(), oldKey, newKey)
				if err != nil || late != nil {
					t.Fatalf("%v, written: %v", err, late == nil)
				}
				kept, err := s.DisplacedFiles()
				switch got := readText(t, path); {
				case err != nil:
					t.Error(err)
				case name == "whole" && (got != linkText(0, newKey)+"MORE=2\n" || len(kept) > 0):
					t.Errorf("%q, %q, %q", got, kept, swapped.Notes)
				case name == "half" && (got != linkText(0, newKey) || len(kept) != 1 || readText(t, kept[0]) != text || len(swapped.Notes) != 1):
					t.Errorf("%q, %q, %q", got, kept, swapped.Notes)
				}
			})
		})
	}
}

// CheckLink refuses everything that a swap could not keep up to date, with a reason.
func TestCheckLinkRefuses(t *testing.T) {
	s := newLinkedStore(t)
	dir := filepath.Dir(s.Links[0].Path)
	writeOldFile(t, filepath.Join(dir, "none"), "nothing here\n")
	writeOldFile(t, filepath.Join(dir, "half"), "id = "+oldKey.ID+"\n")
	writeOldFile(t, filepath.Join(dir, "secret"), "secret = "+oldKey.Secret.Reveal()+"\n")
	writeOldFile(t, filepath.Join(dir, "rclone.conf"), "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nb5WqUvJLSPO2S/1LhA==\n")
	if runtime.GOOS != "windows" {
		if err := os.Symlink(s.Paths.Credentials, filepath.Join(dir, "aws")); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for name, says := range map[string]string{
			"none": "shows none of the keys", "half": oldKey.ID[:4], "absent": "is not there", ".": "is not a regular file", "aws": "one of the AWS files",
			"rclone.conf": "encrypted by rclone", "secret": "secret:1: ",
		} {
			if name == "aws" && runtime.GOOS == "windows" {
				continue
			}
			shown, err := s.CheckLink(t.Context(), credfile.Link{Path: filepath.Join(dir, name)}, []credfile.Key{thirdKey, oldKey})
			if err == nil || !strings.Contains(err.Error(), says) || len(shown) > 0 {
				t.Errorf("%s: %v, %v", name, shown, err)
			}
		}
		if shown, err := s.CheckLink(t.Context(), s.Links[0], []credfile.Key{thirdKey, oldKey}); err != nil || len(shown) != 1 || shown[0].ID != oldKey.ID {
			t.Errorf("%v, %v", shown, err)
		}
	})
}
