package shadow

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
)

const (
	// maxFile is how many bytes of a start file are read.
	maxFile = 1 << 20
	// maxDepth is how deep a file that a start file sources may source others.
	maxDepth = 4
)

// reader reads start files and adds what they set to a report.
type reader struct {
	report *Report
	home   string
	seen   map[string]bool // the files that were read, free of symbolic links
}

// shellState is what a shell remembers from line to line.
type shellState struct {
	allExport bool  // set -a: every variable is exported
	pending   []int // shadows that a later "export NAME" makes real: indexes in found
	found     []Shadow
	exported  []bool
}

// readFile reads a start file, and the files that it sources. A file that is missing is
// nothing to report; one that cannot be read is.
func (r *reader) readFile(path string, kind Kind, state *shellState, depth int) {
	if !r.readInto(path, kind, state, depth) || depth > 0 {
		return
	}
	for i, s := range state.found {
		if state.exported[i] {
			r.report.Shadows = append(r.report.Shadows, s)
		}
	}
}

// readInto adds what a file sets to state. It reports whether the file was read.
func (r *reader) readInto(path string, kind Kind, state *shellState, depth int) bool {
	real, err := atomicfile.Resolve(atomicfile.OS{}, path)
	if err != nil {
		if !os.IsNotExist(err) && !isDanglingLink(path) {
			r.report.Unseen = append(r.report.Unseen, path+": it cannot be read")
		}
		return false
	}
	if r.seen[real] {
		return false
	}
	r.seen[real] = true
	data, err := readStart(real)
	switch {
	case os.IsNotExist(err):
		return false
	case err != nil:
		r.report.Unseen = append(r.report.Unseen, path+": it cannot be read")
		return false
	}
	if kind == Launchd {
		for _, s := range readPlist(data) {
			s.Path = path
			state.add(s, true)
		}
		return true
	}
	text := string(data)
	for number, line := 1, ""; text != ""; number++ {
		line, text, _ = strings.Cut(text, "\n")
		r.readLine(strings.TrimSuffix(line, "\r"), path, number, kind, state, depth)
	}
	return true
}

// readLine adds what one line sets.
func (r *reader) readLine(line, path string, number int, kind Kind, state *shellState, depth int) {
	if !strings.Contains(line, "AWS_ACCESS_KEY") && !mayMatter().MatchString(line) {
		return
	}
	for _, a := range assignments(line, kind) {
		state.add(Shadow{Kind: kind, Path: path, Line: number, Variable: a.name, KeyID: idIn(a.value), Computed: a.computed}, a.exported || state.allExport)
	}
	if kind != Shell && kind != Direnv {
		return
	}
	code := withoutComment(line)
	state.noteExports(code)
	for _, file := range r.sourced(code, filepath.Dir(path), kind) {
		if depth < maxDepth {
			r.readInto(file.path, file.kind, state, depth+1)
		}
	}
}

// mayMatter matches the lines that matter although they name no variable.
var mayMatter = forms.CompileLater(`\bset\s+[-+]|\bsource\b|(?:^|[\s;&|])\.\s|\bdotenv|\bsource_env`)

// isDanglingLink reports whether path is a symbolic link: a shell finds no file there.
func isDanglingLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// add adds a place that sets a variable.
func (s *shellState) add(found Shadow, exported bool) {
	if !exported {
		s.pending = append(s.pending, len(s.found))
	}
	s.found, s.exported = append(s.found, found), append(s.exported, exported)
}

var (
	setOption  = forms.CompileLater(`(?:^|[\s;&|({])set\s+([-+])(?:[b-zA-Z]*a[a-zA-Z]*|o\s+allexport)(?:$|[\s;&|)}])`)
	exportName = forms.CompileLater(`(?:^|[\s;&|({])(?:export|(?:declare|typeset)\s+-[a-zA-Z]*x[a-zA-Z]*)\s+(?:[^;&|#]*\s)?(AWS_ACCESS_KEY(?:_ID)?)(?:$|[\s;&|)}])`)
)

// noteExports notes what a line exports that another line has set.
func (s *shellState) noteExports(code string) {
	for _, m := range setOption().FindAllStringSubmatch(code, -1) {
		s.allExport = m[1] == "-"
	}
	for _, m := range exportName().FindAllStringSubmatch(code, -1) {
		for _, i := range s.pending {
			if s.found[i].Variable == m[1] {
				s.exported[i] = true
			}
		}
	}
}

var (
	sourceLine = forms.CompileLater(`(?:^|[;&|({]\s*|\s(?:then|do|else)\s+|&&\s*|^\s+)(?:source|\.)\s+("[^"]+"|'[^']+'|[^\s;&|)}]+)`)
	dotenvLine = forms.CompileLater(`^\s*dotenv(?:_if_exists)?(?:\s+("[^"]+"|'[^']+'|[^\s;&|#]+))?\s*(?:$|[;#])`)
	sourceEnv  = forms.CompileLater(`^\s*source_env(?:_if_exists)?\s+("[^"]+"|'[^']+'|[^\s;&|#]+)`)
)

// sourced returns the files that a line sources, as far as their names are written out.
func (r *reader) sourced(code, folder string, kind Kind) (files []startFile) {
	add := func(name string, kind Kind) {
		if path := r.expand(strings.Trim(name, `"'`), folder); path != "" {
			files = append(files, startFile{path, kind})
		}
	}
	for _, m := range sourceLine().FindAllStringSubmatch(code, -1) {
		add(m[1], kind)
	}
	if kind != Direnv {
		return files
	}
	if m := dotenvLine().FindStringSubmatch(code); m != nil {
		name := m[1]
		if name == "" {
			name = ".env"
		}
		add(name, EnvFile)
	}
	if m := sourceEnv().FindStringSubmatch(code); m != nil {
		add(m[1], Direnv)
	}
	return files
}

// expand returns the path that a shell would open: ~ and $HOME are known, and any other
// variable is not.
func (r *reader) expand(name, folder string) string {
	for _, home := range []string{"~/", "$HOME/", "${HOME}/"} {
		if rest, ok := strings.CutPrefix(name, home); ok && r.home != "" {
			name = filepath.Join(r.home, rest)
		}
	}
	switch {
	case strings.ContainsAny(name, "$`*?[<("), name == "", strings.HasPrefix(name, "~"), name == "/dev/stdin":
		return ""
	case filepath.IsAbs(name):
		return filepath.Clean(name)
	}
	return filepath.Join(folder, name)
}

// readStart reads a regular file, up to maxFile bytes of it. Its path holds no link.
func readStart(real string) ([]byte, error) {
	info, err := os.Lstat(real)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a FIFO would wait, and a device could do anything
		return nil, os.ErrNotExist
	}
	f, err := atomicfile.OS{}.OpenFile(real, os.O_RDONLY, 0) // does not wait for a FIFO that took its place
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode.IsRegular() {
		return nil, os.ErrNotExist
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, maxFile))
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) { // PowerShell profiles
		data = fromUTF16(data)
	}
	return data, err
}

// fromUTF16 returns the ASCII characters of a text in UTF-16; nothing else matters here.
func fromUTF16(data []byte) []byte {
	high := 1
	if data[0] == 0xfe {
		high = 0
	}
	out := make([]byte, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		c := data[i+1-high]
		if data[i+high] != 0 || c >= 0x80 {
			c = '?'
		}
		out = append(out, c)
	}
	return out
}
