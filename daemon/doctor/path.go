package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"keyd/credfile/atomicfile"
	"keyd/credfile/shell"
)

// pathChecks look at the programs that a command would start.
var pathChecks = []Check{
	{Name: "other-keyd", Group: GroupService, Why: "a command that keyd prints would start the other program; a keyboard remapper has the same name", Find: findOtherKeyd},
	{Name: "not-in-path", Group: GroupService, Why: "a command that keyd prints cannot be pasted", Find: findNotInPath},
}

// programNames returns the file names under which a shell finds this program.
func (p *Patient) programNames() []string {
	name := cmp.Or(p.Name, "keyd")
	if p.GOOS == "windows" {
		return []string{name + ".exe", name + ".cmd", name + ".bat"}
	}
	return []string{name}
}

// inPath returns the programs called keyd in PATH, first the one that a shell starts.
func (p *Patient) inPath() (found []string) {
	for _, dir := range filepath.SplitList(p.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, name := range p.programNames() {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if err == nil && info.Mode().IsRegular() && (p.GOOS == "windows" || info.Mode().Perm()&0o111 != 0) {
				found = append(found, path)
			}
		}
	}
	return found
}

// isThisProgram reports whether a path leads to the running program.
func (p *Patient) isThisProgram(path string) bool {
	a, err := os.Stat(path)
	if err != nil {
		return false
	}
	b, err := os.Stat(p.Program)
	return err == nil && os.SameFile(a, b)
}

// findOtherKeyd looks for another program that a shell starts in place of this one.
func findOtherKeyd(_ context.Context, p *Patient) []Finding {
	found := p.inPath()
	if p.Program == "" || len(found) == 0 || p.isThisProgram(found[0]) {
		return nil
	}
	what := "another program"
	if isRemapper(found[0]) {
		what = "the keyboard remapper of the same name"
	}
	f := wrong(fmt.Sprintf("in this shell, %s starts %s, %s, and not %s", cmp.Or(p.Name, "keyd"), found[0], what, p.Program), "", "")
	f.Run, f.Ask = p.pathCommand()
	return []Finding{f}
}

// findNotInPath looks for a program that a shell does not find.
func findNotInPath(_ context.Context, p *Patient) []Finding {
	if p.Program == "" || len(p.inPath()) > 0 || p.getenv("PATH") == "" {
		return nil
	}
	f := note(fmt.Sprintf("%s is in no folder of PATH", p.Program), "", "")
	f.Run, f.Ask = p.pathCommand()
	return []Finding{f}
}

// pathCommand returns what makes a shell find this program.
func (p *Patient) pathCommand() (run, ask string) {
	dir := filepath.Dir(p.Program)
	if base := filepath.Base(p.Program); p.GOOS != "windows" && base != cmp.Or(p.Name, "keyd") { // a package calls it keyd-aws
		return "alias keyd=" + shell.Quote(p.Program), "and put that line into the start file of your shell; or write " + base + " in place of keyd"
	}
	if p.GOOS == "windows" {
		return "", "put " + dir + " first into Path, in the environment variables of your account"
	}
	return "export PATH=" + shell.Quote(dir) + ":\"$PATH\"", "and put that line into the start file of your shell"
}

// isRemapper reports whether a program is https://github.com/rvaiya/keyd, by what stands in
// it.
func isRemapper(path string) bool {
	data, err := atomicfile.Peek(atomicfile.OS{}, path)
	if err != nil {
		return false
	}
	text := string(data)
	return strings.Contains(text, "/dev/uinput") || strings.Contains(text, "/etc/keyd")
}

// lookPath finds a program as a shell does.
func (p *Patient) lookPath(program string) (string, error) {
	if p.LookPath != nil {
		return p.LookPath(program)
	}
	if strings.ContainsRune(program, filepath.Separator) {
		return exec.LookPath(program)
	}
	for _, dir := range filepath.SplitList(p.getenv("PATH")) {
		if found, err := exec.LookPath(filepath.Join(dir, program)); err == nil && filepath.IsAbs(dir) {
			return found, nil
		}
	}
	return "", exec.ErrNotFound
}
