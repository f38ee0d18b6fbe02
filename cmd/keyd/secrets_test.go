package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

// places says where the design allows a secret to be.
type places struct {
	own   []string // the user's files, and files that the test itself wrote
	state string   // keyd's state folder; "" if there is none
	open  bool     // a rotation is in progress: there may be a journal, and temporary files of a killed process
}

// searchSecrets fails the test for each secret (by key id) that it finds under root, in
// any shape, in a file, a name or a link, except where the design allows it. It skips
// files that disappear meanwhile, and does not search the disk for deleted data.
func searchSecrets(t testing.TB, root string, secrets map[string]string, where places) {
	t.Helper()
	for _, found := range findSecrets(root, marksOf(secrets), where) {
		t.Error(found)
	}
}

// findSecrets returns what searchSecrets would report: the key, the shape and the place
// of each secret, and never the secret itself.
func findSecrets(root string, marks []mark, where places) (found []string) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		text, why, err := where.read(path, entry)
		if err != nil {
			return err
		}
		for _, m := range marksIn(append([]byte(filepath.ToSlash(path)+"\n"), text...), marks) {
			found = append(found, fmt.Sprintf("%s is in %s%s", m, path, why))
		}
		return nil
	})
	if err != nil {
		found = append(found, "part of the files could not be searched: "+err.Error())
	}
	return found
}

// read returns the text of one folder entry that must not contain a secret, and why the
// entry is not a place for secrets although it looks like one.
func (p places) read(path string, entry fs.DirEntry) (text []byte, why string, err error) {
	info, err := entry.Info()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case entry.Type()&fs.ModeSymlink != 0:
		target, _ := os.Readlink(path)
		return []byte(filepath.ToSlash(target)), " (a link)", nil // Windows turns the slashes of a secret into backslashes
	case !entry.Type().IsRegular() || info.Size() == 0: // reading a FIFO would never end
		return nil, "", nil
	}
	allowed, why := p.allow(path, info)
	if allowed {
		return nil, "", nil
	}
	text, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text, why, err
}

var tempName = regexp.MustCompile(`^\.(.+)\.keyd-[0-9a-f]{16}$`)

// allow reports whether a secret may be in a file. If the file looks like such a place
// but is not one, why says what is wrong with it.
func (p places) allow(path string, info fs.FileInfo) (ok bool, why string) {
	if slices.Contains(p.own, path) {
		return true, ""
	}
	target := path
	if m := tempName.FindStringSubmatch(filepath.Base(path)); m != nil {
		target = filepath.Join(filepath.Dir(path), m[1])
	}
	dir := filepath.Dir(target)
	journal := p.state != "" && dir == filepath.Join(p.state, "rotations") && filepath.Ext(target) == ".json"
	switch temp := target != path; {
	case !journal && !(temp && slices.Contains(p.own, target)):
		return false, ""
	case !p.open:
		return false, " although no rotation is in progress"
	case !journal && asNarrow(info, target): // it has the mode of the file it is to replace
		return true, ""
	case !hasMode(info, 0o600):
		return false, " with mode " + info.Mode().String()
	}
	if folder, err := os.Stat(dir); journal && (err != nil || !hasMode(folder, 0o700)) {
		return false, " in a folder that others may enter"
	}
	return true, ""
}

// asNarrow reports whether no one may read a file who may not read target.
func asNarrow(info fs.FileInfo, target string) bool {
	of, err := os.Stat(target)
	return err == nil && info.Mode().Perm()&^of.Mode().Perm() == 0
}

// hasMode reports whether a file has this mode. On Windows there are no modes, and the
// profile folder keeps other users out.
func hasMode(info fs.FileInfo, mode fs.FileMode) bool {
	return info.Mode().Perm() == mode || runtime.GOOS == "windows"
}

// mark is one half of a secret in one shape.
type mark struct {
	key   string // the id
	shape string
	text  []byte
}

func (m mark) String() string { return fmt.Sprintf("the secret of %s, %s,", m.key, m.shape) }

// marksIn returns the marks that text contains, at most one for each key.
func marksIn(text []byte, marks []mark) (found []mark) {
	for _, m := range marks {
		if bytes.Contains(text, m.text) && !slices.ContainsFunc(found, func(f mark) bool { return f.key == m.key }) {
			found = append(found, m)
		}
	}
	return found
}

// marksOf returns the halves of secrets, by key id, in all shapes. Half a secret is a
// leak too: text may be cut short.
func marksOf(secrets map[string]string) []mark {
	var marks []mark
	for _, id := range slices.Sorted(maps.Keys(secrets)) {
		of := [2]string{id, secrets[id]}
		made, ok := marksMade.Load(of)
		if !ok {
			made, _ = marksMade.LoadOrStore(of, marksOfOne(id, secrets[id]))
		}
		marks = append(marks, made.([]mark)...)
	}
	return marks
}

// marksMade holds the marks of each id and secret: a story searches for the same ones
// after every command.
var marksMade sync.Map

// marksOfOne returns the halves of one secret in all shapes, sorted by shape. It
// leaves out a shape that looks like another one: few secrets have a character to escape.
func marksOfOne(id, secret string) []mark {
	var marks []mark
	half := min(20, len(secret))
	for name, part := range map[string]string{"first": secret[:half], "last": secret[len(secret)-half:]} {
		for shape, text := range shapesOf(part) {
			marks = append(marks, mark{id, fmt.Sprintf("the %s %d characters %s", name, half, shape), []byte(text)})
		}
	}
	for shape, text := range wordsOf(secret) {
		marks = append(marks, mark{id, shape, []byte(text)})
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Compare(a.shape, b.shape) })
	seen := map[string]bool{}
	return slices.DeleteFunc(marks, func(m mark) bool {
		again := seen[string(m.text)]
		seen[string(m.text)] = true
		return again
	})
}

// shapesOf returns a text in every form in which programs write it.
func shapesOf(s string) map[string]string {
	query, digits := url.QueryEscape(s), hex.EncodeToString([]byte(s))
	shapes := map[string]string{
		"as they are":         s,
		"URL-escaped":         query,
		"URL-escaped (lower)": strings.NewReplacer("%2F", "%2f", "%2B", "%2b").Replace(query),
		"path-escaped":        url.PathEscape(s),
		"JSON-escaped":        strings.ReplaceAll(s, "/", `\/`),
		"JSON-escaped (all)":  strings.NewReplacer("/", `\u002f`, "+", `\u002b`).Replace(s),
		"JSON-escaped (plus)": strings.ReplaceAll(s, "+", `\u002b`),
		"HTML-escaped":        strings.ReplaceAll(s, "+", "&#43;"),
		"XML-escaped":         strings.NewReplacer("/", "&#x2F;", "+", "&#x2B;").Replace(s),
		"in hex":              digits,
		"in hex (upper)":      strings.ToUpper(digits),
		"in hex with blanks":  fmt.Sprintf("% x", s),
		"as a list of bytes":  strings.Trim(fmt.Sprint([]byte(s)), "[]"),
		"as a JSON list":      strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(s)), "[]"), " ", ","),
		"in UTF-16":           encodeUTF16(s),
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "URL base64": base64.RawURLEncoding} {
		for before := range 3 { // bytes in front of s shift the encoding
			text := encoding.EncodeToString([]byte(strings.Repeat("x", before) + s))
			start, end := (before*8+5)/6, (before+len(s))*8/6 // the part that depends only on s
			shapes[fmt.Sprintf("in %s (%d)", name, before)] = text[start:end]
		}
	}
	return shapes
}

// encodeUTF16 returns s in the encoding of Windows.
func encodeUTF16(s string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// wordsOf returns a secret as a stack trace would show it if it were passed by value:
// as machine words, or as the first bytes of an array.
func wordsOf(secret string) map[string]string {
	words := map[string]string{}
	for at := 0; at+8 <= len(secret); at += 8 {
		part := secret[at : at+8]
		name := fmt.Sprintf("characters %d to %d", at+1, at+8)
		words[name+" as a machine word"] = fmt.Sprintf("0x%x", binary.LittleEndian.Uint64([]byte(part)))
		words[name+" as an array"] = strings.TrimSuffix(fmt.Sprintf("0x%x, 0x%x, 0x%x, 0x%x, 0x%x,", part[0], part[1], part[2], part[3], part[4]), ",")
	}
	return words
}

// leakSecret is a program that leaks its secret, LEAK, in its environment, in the arguments
// of a child process, and in a stack trace.
func leakSecret() {
	secret := os.Getenv("LEAK")
	_ = exec.Command("sh", "-c", "sleep 0.1; true", secret).Run()
	panicWith([8]byte([]byte(secret)[:8]))
}

//go:noinline
func panicWith(secret [8]byte) { panic(fmt.Sprint(len(secret), " bytes leak")) }

const plantedID, plantedSecret = "AKIAPLANTED000000001", "abcdefGHIJ/KLMN+opqrstuvwxYZ0123456789/+"

// TestSearchFindsSecrets plants a secret in every kind of place. The search must find it
// in every shape, except where the design allows it.
func TestSearchFindsSecrets(t *testing.T) {
	planted := map[string]string{plantedID: plantedSecret}
	marks := marksOf(planted)
	search := func(t *testing.T, name string, text string, mode, dirMode fs.FileMode, open bool) []string {
		root := t.TempDir()
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), dirMode), os.WriteFile(path, []byte(text), mode),
			os.Chmod(path, mode), os.Chmod(filepath.Dir(path), dirMode)); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		home := places{own: []string{filepath.Join(root, ".aws", "credentials")}, state: filepath.Join(root, "state"), open: open}
		return findSecrets(root, marks, home)
	}
	for shape, text := range shapesOf(plantedSecret) {
		if found := search(t, "state/status.json", "{\"why\": \"x"+text+"x\"}", 0o600, 0o700, true); len(found) != 1 {
			t.Errorf("a secret %s is not found: %q", shape, found)
		}
	}
	for word, text := range wordsOf(plantedSecret) {
		if len(marksIn([]byte("main.f({"+text+", 0x1})"), marks)) != 1 {
			t.Errorf("%s are not found", word)
		}
	}
	for name, p := range plantings() {
		text := plantedSecret
		if name == "a name" {
			text = ""
		}
		if found := search(t, p.path, text, p.mode, p.dirMode, p.open); (len(found) > 0) != p.found {
			t.Errorf("%s: found %q", name, found)
		}
	}
	for _, found := range search(t, "leak", plantedSecret, 0o600, 0o700, false) {
		if len(marksIn([]byte(found), marks)) > 0 {
			t.Errorf("the report shows the secret: %s", found)
		}
	}
}

// TestSearchFindsSecretsInLinks plants a secret in the target of a link.
func TestSearchFindsSecretsInLinks(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, "link")
	if err := os.Symlink(plantedSecret, name); err != nil {
		t.Skip("this system lets the test make no symbolic links:", err)
	}
	if _, err := os.Lstat(name); err != nil {
		t.Skip("this system hides the symbolic links that it makes:", err)
	}
	if found := findSecrets(root, marksOf(map[string]string{plantedID: plantedSecret}), places{}); len(found) != 1 {
		t.Errorf("a secret in a link is not found: %q", found)
	}
}

// planting is a file with a secret in it.
type planting struct {
	path          string
	mode, dirMode fs.FileMode
	open          bool // a rotation is in progress
	found         bool // the design does not allow a secret there
}

func plantings() map[string]planting {
	const temp = ".keyd-0123456789abcdef"
	modes := runtime.GOOS != "windows"
	return map[string]planting{
		"the status":                   {"state/status.json", 0o600, 0o700, true, true},
		"its temporary file":           {"state/.status.json" + temp, 0o600, 0o700, true, true},
		"the history":                  {"state/history.jsonl", 0o600, 0o700, true, true},
		"the memory":                   {"state/memory.json", 0o600, 0o700, true, true},
		"a log that was turned":        {"state/keyd.log.1", 0o600, 0o700, true, true},
		"what on_event got":            {"told", 0o600, 0o700, true, true},
		"a name":                       {"state/" + plantedSecret[:10] + "/" + plantedSecret[11:], 0o600, 0o700, true, true},
		"a copy next to the file":      {".aws/credentials.bak", 0o600, 0o700, true, true},
		"a temporary file elsewhere":   {"tmp/.credentials" + temp, 0o600, 0o700, true, true},
		"another name for one":         {".aws/.credentials.keyd-0123", 0o600, 0o700, true, true},
		"a journal of a closed one":    {"state/rotations/A.json", 0o600, 0o700, false, true},
		"a temporary file of none":     {".aws/.credentials" + temp, 0o600, 0o700, false, true},
		"a damaged journal":            {"state/rotations/A.damaged", 0o600, 0o700, true, true},
		"the file itself":              {".aws/credentials", 0o644, 0o755, false, false},
		"a journal":                    {"state/rotations/A.json", 0o600, 0o700, true, false},
		"the journal's temporary file": {"state/rotations/.A.json" + temp, 0o600, 0o700, true, false},
		"the file's temporary file":    {".aws/.credentials" + temp, 0o600, 0o755, true, false},
		"a journal others may read":    {"state/rotations/A.json", 0o640, 0o700, true, modes},
		"a journal others may reach":   {"state/rotations/A.json", 0o600, 0o750, true, modes},
		"a temporary file of 0644":     {".aws/.credentials" + temp, 0o644, 0o755, true, modes},
	}
}
