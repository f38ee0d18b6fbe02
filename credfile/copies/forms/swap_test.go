package forms_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/copies/forms"
	"keyd/credfile/deeptest"
)

// twelve are example files of twelve formats, among them an SMTP password of SES.
var twelve = []string{"rclone.conf", "s3cfg", "envrc", "docker-compose-list.yml", "terraform.tfvars", "dot-terraform.tfstate",
	"mc-host.env", "settings.xml", "passwd-s3fs", "velero-secret.yaml", "mcp.json", "sasl_passwd"}

var oldKey, newKey = makeKey(forms.OldPair), makeKey(forms.NextPair)

func makeKey(p forms.Pair) credfile.Key {
	return credfile.Key{ID: p.ID, Secret: credfile.NewSecret(p.Secret)}
}

// linkedFile is one of the twelve, with its two texts.
type linkedFile struct {
	forms.Example
	path     string
	old, new []byte
	read     map[string]bool // texts in which the tool has found all of one key
}

// home is a home folder with a credentials file and twelve linked files.
type home struct {
	store    *credfile.Store
	old, new []byte // of the credentials file
	files    []linkedFile
}

func newHome(t *testing.T) *home {
	t.Helper()
	dir := t.TempDir()
	section := func(k credfile.Key) []byte {
		return fmt.Appendf(nil, "# mine\n[default]\naws_access_key_id=%s\naws_secret_access_key=%s\n", k.ID, k.Secret.Reveal())
	}
	h := &home{old: section(oldKey), new: section(newKey)}
	h.store = &credfile.Store{Paths: credfile.Paths{Credentials: filepath.Join(dir, "credentials")}}
	for _, name := range twelve {
		e := forms.ReadExample(t, name)
		text, _, err := forms.Replace(name, e.Text, e.Form, forms.OldPair, forms.NextPair)
		if err != nil {
			t.Fatal(err)
		}
		f := linkedFile{Example: e, path: filepath.Join(dir, name), old: e.Text, new: text, read: map[string]bool{}}
		h.files = append(h.files, f)
		h.store.Links = append(h.store.Links, credfile.Link{Path: f.path, Form: e.Form})
	}
	return h
}

// reset makes all files show the old key.
func (h *home) reset(t *testing.T) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	put := func(path string, text []byte) {
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	put(h.store.Paths.Credentials, h.old)
	for _, f := range h.files {
		put(f.path, f.old)
	}
}

// requireWhole checks that each file is all old or all new, as its own tool reads it, and
// returns how many are new.
func (h *home) requireWhole(t *testing.T) (changed int) {
	t.Helper()
	for _, f := range h.files {
		text, err := os.ReadFile(f.path)
		isNew := bytes.Equal(text, f.new)
		if err != nil || !isNew && !bytes.Equal(text, f.old) {
			t.Fatalf("%s is neither old nor new: %q, %v", f.File, text, err)
		}
		if isNew {
			changed++
		}
		if f.read[string(text)] {
			continue
		}
		want := f.Read(t, f.Text)
		if isNew {
			want = f.Swapped(t)
		}
		if got := f.Read(t, text); !maps.Equal(got, want) {
			t.Errorf("the tool of %s finds %q, want %q", f.File, got, want)
		}
		f.read[string(text)] = true
	}
	return changed
}

// crash is the value of the panic that ends the process at a system call.
type crash struct{}

// swapUntil runs a swap that is killed before its nth system call, and returns how many there
// were.
func (h *home) swapUntil(t *testing.T, n int) (calls int, err error) {
	sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true}
	sys.Ask = func(c atomicfiletest.Call) error {
		if calls++; calls == n {
			panic(crash{})
		}
		if c.Changes() && n > 0 {
			h.requireWhole(t)
		}
		return nil
	}
	h.store.Sys = sys
	defer func() {
		sys.Ask = func(atomicfiletest.Call) error { return nil }
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			sys.Die()
		}
	}()
	_, err = h.store.Swap(t.Context(), oldKey, newKey)
	return calls, err
}

// TestTwelveLinkedFilesSurviveEveryDeath kills a swap of twelve linked files at each of its
// system calls. Whatever is on the disk then, each file is all old or all new, and the next
// swap changes the rest and leaves nothing behind.
func TestTwelveLinkedFilesSurviveEveryDeath(t *testing.T) {
	h := newHome(t)
	first, step := deeptest.Steps(0, 61)
	halfway := 0
	for n, reached := first, true; reached && !t.Failed(); n += step {
		h.reset(t)
		synctest.Test(t, func(t *testing.T) {
			calls, err := h.swapUntil(t, n)
			reached = calls >= n
			if err != nil {
				t.Error(err)
			}
			if changed := h.requireWhole(t); changed > 0 && changed < len(h.files) {
				halfway++
			}
			if err := h.store.Sweep(); err != nil {
				t.Error(err)
			}
			if _, err := h.swapUntil(t, 0); err != nil {
				t.Error(err)
			}
			names, err := os.ReadDir(filepath.Dir(h.store.Paths.Credentials))
			text, failed := os.ReadFile(h.store.Paths.Credentials)
			if changed := h.requireWhole(t); changed != len(h.files) || !bytes.Equal(text, h.new) || len(names) != 1+len(h.files) || errors.Join(err, failed) != nil {
				t.Errorf("killed before call %d: then %d files are new, the credentials file is %q, there are %v", n, changed, text, names)
			}
		})
	}
	if halfway < 3 {
		t.Errorf("only %d deaths came in the middle of the files", halfway)
	}
}
