package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/state"
)

// printedError is an error as keyd printed it, with the hint below it.
type printedError struct{ text, hint string }

var messageLine = regexp.MustCompile(`(?m)^keyd: (error|hint|note): `)

// readErrors returns the errors in what keyd printed to standard error.
func readErrors(stderr string) (all []printedError) {
	marks := messageLine.FindAllStringSubmatchIndex(stderr, -1)
	for i, m := range marks {
		end := len(stderr)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		text := strings.TrimSpace(stderr[m[1]:end])
		switch kind := stderr[m[2]:m[3]]; {
		case kind == "error":
			all = append(all, printedError{text: text})
		case kind == "hint" && i > 0 && stderr[marks[i-1][2]:marks[i-1][3]] == "error":
			all[len(all)-1].hint = strings.TrimSpace(strings.SplitN(text, "\n", 2)[0])
		}
	}
	return all
}

// hintEnd matches where a command ends in a hint: at the next clause.
var (
	hintEnd   = regexp.MustCompile(`; |, |\? |\?$|: | \(| > | (?:shows?|lists|asks|without|or|if|when|until|and|in|made|writes) `)
	hintWords = regexp.MustCompile(`'((?:[^']|'\\'')*)'|"([^"]*)"|(\S+)`)
)

// readCommands returns the commands of keyd that a hint names, as a shell would split them.
func readCommands(hint string) (all [][]string) {
	for _, at := range ownCommand().FindAllStringSubmatchIndex(hint, -1) {
		text := hint[at[3]:]
		if end := hintEnd.FindStringIndex(text); end != nil {
			text = text[:end[0]]
		}
		var args []string
		for _, m := range hintWords.FindAllStringSubmatch(text, -1)[1:] {
			args = append(args, strings.ReplaceAll(m[1], `'\''`, "'")+m[2]+m[3])
		}
		all = append(all, args)
	}
	return all
}

// checkCommandLine returns why keyd would refuse a command line, "" if it would not.
func checkCommandLine(args []string) string {
	root := newRootCommand(newApp(process{in: strings.NewReader(""), out: io.Discard, err: io.Discard, getenv: func(string) string { return "" }}), nil)
	cmd, rest, err := root.Find(args)
	if err == nil && cmd == root && !slices.Contains(rest, "-h") {
		err = fmt.Errorf("no command %q", args)
	}
	if err == nil && !slices.Contains(rest, "-h") {
		if err = cmd.ParseFlags(rest); err == nil {
			rest = cmd.Flags().Args()
			err = cmd.ValidateArgs(rest)
		}
	}
	placeholder := func(word string) bool {
		return slices.Contains([]string{"PROFILE", "FILE", "NAME", "USER", "KEY-ID"}, strings.Trim(word, "[].|"))
	}
	switch {
	case err != nil:
		return err.Error()
	case slices.ContainsFunc(rest, placeholder):
		return "it has a placeholder, and does not paste"
	}
	return ""
}

// startingWord matches how a hint begins: with a command, or with a verb or a condition in
// lower case. A sentence about the state of things is an error's, not a hint's.
var notAdvice = regexp.MustCompile(`^(the|there|a|an|no|it|this|that) `)

// hintProblems gathers what is wrong with hints, so that one run shows all of it.
var hintProblems struct {
	sync.Mutex
	texts []string
}

func hintProblem(ts *testscript.TestScript, format string, args ...any) {
	hintProblems.Lock()
	defer hintProblems.Unlock()
	text := fmt.Sprintf(format, args...)
	ts.Logf("%s", text)
	if !slices.Contains(hintProblems.texts, text) {
		hintProblems.texts = append(hintProblems.texts, text)
	}
}

// checkHints demands that each error has a hint, and that the commands in it paste. It runs
// keyd's own in the state in which they were printed, on a copy of AWS and of the home.
func checkHints(ts *testscript.TestScript, stderr string) {
	for _, e := range readErrors(stderr) {
		switch {
		case e.hint == "":
			hintProblem(ts, "no hint follows the error: %s", e.text)
		case notAdvice.MatchString(e.hint):
			hintProblem(ts, "the hint %q of the error %q does not say what to do", e.hint, e.text)
		}
		for _, args := range readCommands(e.hint) {
			if why := checkCommandLine(args); why != "" {
				hintProblem(ts, "the hint %q names keyd %q, which is refused: %s", e.hint, args, why)
			} else if mayTry(ts, args) {
				tryCommand(ts, e.hint, args)
			}
		}
	}
}

// neverTried are commands that a test does not run because of a hint: they do not end, or
// change the machine that runs the test.
var neverTried = []string{"run", "install", "uninstall", "start", "stop", "restart", "logs", "demo", "completion", "credentials"}

// triedHints holds the hints that were tried, without what differs from story to story.
var triedHints sync.Map

var keyIDs = regexp.MustCompile(`AKIA[A-Z0-9]{8,}|AKIA\.\.\w{4}`)

func mayTry(ts *testscript.TestScript, args []string) bool {
	if slices.Contains(neverTried, args[0]) || slices.Contains(args, "CODE") || !needsNoProcess(ts) || state.DaemonRunning(ts.Getenv("KEYD_STATE_DIR")) || ts.Getenv("KEYD_TEST_BUSY") != "" {
		return false
	}
	_, tried := triedHints.LoadOrStore(keyIDs.ReplaceAllString(strings.Join(args, " "), "ID"), true)
	return !tried
}

// tryCommand runs a command as a person would who pastes the hint, and who says yes where it
// asks. Home and AWS are as before afterwards.
func tryCommand(ts *testscript.TestScript, hint string, args []string) {
	w := worldOf(ts)
	home := ts.Getenv("HOME")
	kept := home + ".kept"
	ts.Check(os.Rename(home, kept))
	ts.Check(copyTree(kept, home))
	cloud, users := w.cloud, w.users
	w.cloud, w.users = forkCloud(cloud, users)
	defer func() {
		w.cloud, w.users = cloud, users
		ts.Check(os.RemoveAll(home))
		ts.Check(os.Rename(kept, home))
	}()
	shown, accepted := keysShown(ts), w.activeKeys()
	code, _, stderr := runHere(ts.Getenv, args)
	if code == exitUsage && strings.Contains(stderr, "add --yes to agree") {
		words := 1
		if args[0] == "hook" {
			words = 2
		}
		code, _, stderr = runHere(ts.Getenv, slices.Insert(slices.Clone(args), words, "--yes"))
	}
	if code == exitUsage {
		hintProblem(ts, "the hint %q is refused when it is pasted:\n%s", hint, stderr)
	}
	now := w.activeKeys()
	for profile, id := range shown {
		after := keysShown(ts)[profile]
		if accepted[id] && !now[after] && args[0] != "retire" {
			hintProblem(ts, "the hint %q does harm: profile %s shows %s, which no longer works", hint, profile, after)
		}
	}
	for id, active := range accepted {
		named := slices.Contains(args, id) || slices.Contains(args, "--delete-now") || slices.Contains(args, "--retire-now") || args[0] == "retire"
		if foreign := w.names[id] != "" && !isShown(shown, id); foreign && active && !now[id] && !named && len(w.journals(ts)) == 0 {
			hintProblem(ts, "the hint %q does harm: it ended %s, which it does not name", hint, id)
		}
	}
}

// journals returns the rotations in progress: a key that they are about may end.
func (w *world) journals(ts *testscript.TestScript) []string {
	files, _ := filepath.Glob(filepath.Join(ts.Getenv("KEYD_STATE_DIR"), "rotations", "*"))
	return files
}

// activeKeys returns the ids of the keys that are active.
func (w *world) activeKeys() map[string]bool {
	active := map[string]bool{}
	for _, user := range w.users {
		for _, k := range w.cloud.Keys(user) {
			active[k.ID] = k.Status == "Active"
		}
	}
	return active
}

// keysShown returns the id that each profile of the credentials file shows.
func keysShown(ts *testscript.TestScript) map[string]string {
	shown := map[string]string{}
	name := filepath.Join(ts.Getenv("HOME"), ".aws", "credentials")
	if file := ts.Getenv("AWS_SHARED_CREDENTIALS_FILE"); file != "" {
		name = file
	}
	data, err := os.ReadFile(name)
	if err != nil || len(data) > 1<<20 {
		return shown
	}
	for line := range bytes.Lines(data) {
		if header := strings.TrimSpace(string(line)); strings.HasPrefix(header, "[") {
			profile := strings.Trim(header, "[]")
			if k, err := credfile.ReadPair(data, credfile.Credentials, profile); err == nil {
				shown[profile] = k.ID
			}
		}
	}
	return shown
}

func isShown(shown map[string]string, id string) bool {
	for _, other := range shown {
		if other == id {
			return true
		}
	}
	return false
}

// copyTree copies a folder with modes, times and links.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.Mkdir(target, info.Mode().Perm()|0o700)
		case d.Type()&os.ModeSymlink != 0:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, info.Mode().Perm()); err != nil {
			return err
		}
		return os.Chtimes(target, info.ModTime(), info.ModTime())
	})
}

// forkCloud returns a copy of an AWS that nobody is asking, and of its users: what happens to
// the copy does not happen to the other.
func forkCloud(c *awssim.Cloud, users map[string]*awssim.User) (*awssim.Cloud, map[string]*awssim.User) {
	copies := map[unsafe.Pointer]reflect.Value{}
	return deepCopy(reflect.ValueOf(c), copies).Interface().(*awssim.Cloud), deepCopy(reflect.ValueOf(users), copies).Interface().(map[string]*awssim.User)
}

func deepCopy(v reflect.Value, copies map[unsafe.Pointer]reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Type().Elem().PkgPath() == "time" {
			return v
		}
		if known, ok := copies[v.UnsafePointer()]; ok {
			return known
		}
		out := reflect.New(v.Type().Elem())
		copies[v.UnsafePointer()] = out
		out.Elem().Set(deepCopy(v.Elem(), copies))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		if v.Type().PkgPath() == "time" || v.Type().PkgPath() == "sync" {
			return out
		}
		for i := range v.NumField() {
			field := out.Field(i)
			field = reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
			field.Set(deepCopy(field, copies))
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(deepCopy(v.Index(i), copies))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for at := v.MapRange(); at.Next(); {
			out.SetMapIndex(at.Key(), deepCopy(at.Value(), copies))
		}
		return out
	}
	return v
}

// TestHintsAreRead tries the parts of the check on hints that a person might write.
func TestHintsAreRead(t *testing.T) {
	got := readErrors("keyd: note: x\nkeyd: error: a\n    b\nkeyd: hint: keyd status\nkeyd: error: c\n")
	if want := []printedError{{"a\n    b", "keyd status"}, {"c", ""}}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for hint, want := range map[string][][]string{
		"keyd prune 'my prod' AKIAX; if another machine uses it, keyd status": {{"prune", "my prod", "AKIAX"}, {"status"}},
		"if nobody needs it: keyd prune -- --yes AKIAX":                       {{"prune", "--", "--yes", "AKIAX"}},
		"write it in keyd.ini, or ask keyd for it":                            nil,
		"keyd status shows when it ends":                                      {{"status"}},
	} {
		if got := readCommands(hint); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", hint, got, want)
		}
	}
	for line, refused := range map[string]bool{
		"status work": false, "prune work AKIAX": false, "prune -- --yes AKIAX": false, "-h": false, "logs -h": false,
		"prune": true, "prune PROFILE [KEY-ID]": true, "nosuch": true, "status --nosuch": true, "rotate --force --retire-now work": false,
	} {
		if why := checkCommandLine(strings.Fields(line)); (why != "") != refused {
			t.Errorf("keyd %s: %q", line, why)
		}
	}
	c := awssim.New(awssim.Options{Seed: 1})
	alice := c.AddUser(account, "/", "alice")
	alice.CreateKey()
	fork, users := forkCloud(c, map[string]*awssim.User{"alice": alice})
	users["alice"].CreateKey()
	if len(c.Keys(alice)) != 1 || len(fork.Keys(users["alice"])) != 2 {
		t.Error("a copy of AWS is not one of its own")
	}
}
