package settings

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/hint"
)

// root is an absolute path on this system.
var root, _ = filepath.Abs("/")

func form(t *testing.T, text string) forms.Form {
	t.Helper()
	f, err := forms.ParseForm(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParseReadsLinks(t *testing.T) {
	home := filepath.Join(root, "home", "alice")
	for text, want := range map[string]Link{
		"[link ~/.s3cfg]":                            {Path: filepath.Join(home, ".s3cfg"), Line: "keyd.ini:1"},
		"\n[link $HOME/a b/.env]\nform =\n":          {Path: filepath.Join(home, "a b", ".env"), Line: "keyd.ini:2"},
		`[ link  "${HOME}/x" ] ; mine`:               {Path: filepath.Join(home, "x"), Line: "keyd.ini:1"},
		"[link '" + root + "a/../b']\nform = # none": {Path: filepath.Join(root, "b"), Line: "keyd.ini:1"},
		"[link " + root + "it's [a]b]":               {Path: filepath.Join(root, "it's [a]b"), Line: "keyd.ini:1"},
		"[link ~/m]\nform = ses-smtp EU-west-1":      {Path: filepath.Join(home, "m"), Line: "keyd.ini:1", Form: form(t, "ses-smtp eu-west-1")},
	} {
		s, err := parse("keyd.ini", home, []byte(text))
		if err != nil || !reflect.DeepEqual(s.Links, []Link{want}) {
			t.Errorf("%q: %+v, %v", text, s.Links, err)
		}
		if texts := s.Texts()["link "+want.Path]; err == nil && !reflect.DeepEqual(texts, map[string]string{"form": want.Form.String()}) {
			t.Errorf("%q prints as %q", text, texts)
		}
	}
	for text, says := range map[string]string{
		"[link .env]":                           `keyd.ini:1: [link .env]: the path is not absolute|begin it with / or with ~/`,
		"\n[link ~]":                            `keyd.ini:2: [link ~]: that is a folder|name a file`,
		"[link ~alice/x]":                       `keyd.ini:1: [link ~alice/x]: the path is not absolute|`,
		"[link ~/x/]":                           `that is a folder|name a file`,
		"[link ~/x]\n[link $HOME/y/../x]":       `keyd.ini:2: [link $HOME/y/../x]: that file has a section already, at keyd.ini:1|keep one of the two`,
		"[link ~/x]\nfrom = ses-smtp eu-west-1": `keyd.ini:2: unknown setting "from" in [link ~/x]|did you mean form?`,
		"[link ~/x]\nform = ses-smpt eu-west-1": `keyd.ini:2: form "ses-smpt eu-west-1" is not known|`,
		"[link ~/x]\nrotate = never":            `unknown setting "rotate" in [link ~/x]|`,
		"[link]":                                "keyd.ini:1: unknown section [link]|did you mean [link FILE]?",
		"[Link ~/.env]":                         "keyd.ini:1: unknown section [Link ~/.env]|did you mean [link ~/.env]?",
		"[~/.env]":                              "unknown section [~/.env]|did you mean [link ~/.env]?",
		"[link ~/x]\nform = ses-smtp eu-west-1\nform = elsewhere": "keyd.ini:3: form is there twice, in lines 2 and 3|keep one of them",
	} {
		_, err := parse("keyd.ini", home, []byte(text))
		want, run, _ := strings.Cut(says, "|")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(hint.Hint(err), run) {
			t.Errorf("%q: %v, hint %q", text, err, hint.Hint(err))
		}
	}
	if _, err := parse("keyd.ini", "", []byte("[link ~/x]")); err == nil || hint.Hint(err) != "set HOME, or write the path in full" {
		t.Errorf("without a home: %v", err)
	}
}

// What AddLinks writes, RemoveLink takes out again, and no other byte moves.
func TestLinksAreAddedAndRemoved(t *testing.T) {
	home := t.TempDir()
	f := File{Path: filepath.Join(home, "config", "keyd.ini"), Copy: filepath.Join(home, "good"), Sys: atomicfile.OS{}, Home: home}
	added := []Link{{Path: filepath.Join(home, "my mail")}, {Path: filepath.Join(home, ".env")}}
	added[0].Form = form(t, "ses-smtp eu-west-1")
	const want = "[link ~/my mail]\nform = ses-smtp eu-west-1\n\n[link ~/.env]\n" // with / on every system
	for text, sections := range map[string]string{
		"":                                    want, // there is no keyd.ini, and no folder for it
		"rotate_after = 50d\n":                "\n" + want,
		"rotate_after = 50d\n\n":              "\n" + want,
		"rotate_after = 50d":                  "\n\n" + want,
		"; c\r\n[profile a]\r\nrotate=never ": "\r\n\r\n" + strings.ReplaceAll(want, "\n", "\r\n"),
	} {
		if writeSettings(t, f, text); text == "" {
			_ = os.RemoveAll(filepath.Dir(f.Path))
		}
		if err := f.AddLinks(t.Context(), added); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := readSettings(t, f); got != text+sections {
			t.Errorf("%q becomes %q", text, got)
		}
		if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		s, err := f.Read()
		if err != nil || len(s.Links) != 2 || s.Links[0].Path != added[0].Path || s.Links[0].Form != added[0].Form || s.FindLink(added[1].Path) == nil {
			t.Errorf("%+v, %v", s.Links, err)
		}
		for _, l := range added {
			if err := f.RemoveLink(t.Context(), l.Path); err != nil {
				t.Error(err)
			}
		}
		if got := readSettings(t, f); strings.TrimRight(got, "\r\n") != strings.TrimRight(text, "\r\n") || !strings.HasPrefix(got, text) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// A section that a person has written goes with its settings; what they wrote around it stays.
func TestRemovedLinkLeavesTheRest(t *testing.T) {
	home := t.TempDir()
	f := File{Path: filepath.Join(home, "keyd.ini"), Sys: atomicfile.OS{}, Home: home}
	const before = "overlap = 1d\n; about x\n[ link \"$HOME/x\" ] ; mine\n; about the form\nform = ses-smtp eu-west-1\n\n; about legacy\n[profile legacy]\nrotate = never\n"
	const after = "overlap = 1d\n; about x\n\n; about legacy\n[profile legacy]\nrotate = never\n"
	writeSettings(t, f, before)
	if err := f.RemoveLink(t.Context(), filepath.Join(home, "y")); err != nil || readSettings(t, f) != before {
		t.Errorf("another file: %q, %v", readSettings(t, f), err)
	}
	if err := f.RemoveLink(t.Context(), filepath.Join(home, "x")); err != nil || readSettings(t, f) != after {
		t.Errorf("%q, %v", readSettings(t, f), err)
	}
	for _, wrong := range []string{"no sense\n", "rotat_after = 1d\n"} {
		writeSettings(t, f, wrong)
		err := errors.Join(f.AddLinks(t.Context(), []Link{{Path: filepath.Join(home, "z")}}), f.RemoveLink(t.Context(), filepath.Join(home, "x")))
		if err == nil || readSettings(t, f) != wrong {
			t.Errorf("a keyd.ini with a mistake is edited: %v", err)
		}
	}
	writeSettings(t, f, after)
	for name, ok := range map[string]bool{"a]b": true, "a ": true, "ü '\"#;=": true, "a\rb": true, "a\nb": false} {
		path := filepath.Join(home, name)
		err := f.AddLinks(t.Context(), []Link{{Path: path}})
		if ok != (err == nil) || !ok && readSettings(t, f) != after {
			t.Errorf("%q: %v, %q", path, err, readSettings(t, f))
		}
		if err := f.RemoveLink(t.Context(), path); err != nil || readSettings(t, f) != after {
			t.Errorf("%q: %v, %q", path, err, readSettings(t, f))
		}
	}
}

func writeSettings(t *testing.T, f File, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(f.Path), 0o700), os.WriteFile(f.Path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func readSettings(t *testing.T, f File) string {
	t.Helper()
	data, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
