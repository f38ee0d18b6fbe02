package doctor

import (
	"fmt"
	"strings"

	"keyd/daemon/hint"
)

// unset returns the command that takes variables out of a shell: of PowerShell on Windows.
func (p *Patient) unset(variables ...string) string {
	if p.GOOS == "windows" {
		return "Remove-Item Env:" + strings.Join(variables, ", Env:")
	}
	return "unset " + strings.Join(variables, " ")
}

// show returns the command that shows what a file is.
func (p *Patient) show(path string) string {
	if p.GOOS == "windows" {
		return hint.Command("Get-Item", path)
	}
	return hint.Command("ls -ld", path)
}

// makeFolder returns the command that creates a folder for this user alone.
func (p *Patient) makeFolder(dir string) string {
	if p.GOOS == "windows" {
		return hint.Command("mkdir", dir)
	}
	return hint.Command("mkdir -p -m 700", dir)
}

// editCommand returns a command that opens a file at a line.
func editCommand(path string, line int, goos string) string {
	if goos == "windows" {
		return hint.Command("notepad", path)
	}
	if line > 0 {
		return hint.Command(fmt.Sprintf("${EDITOR:-vi} +%d", line), path)
	}
	return hint.Command("${EDITOR:-vi}", path)
}
