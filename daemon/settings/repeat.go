package settings

import (
	"bytes"
	"fmt"
	"strings"
)

// checkRepeats refuses a section or a setting that is there twice: the reader would take the
// last one in silence, and a person who finds the first one would believe it.
func (p *parser) checkRepeats() {
	section, lines, number := "", map[[2]string]int{}, 0
	p.at = lines
	for line := range bytes.Lines(p.data) {
		number++
		text, name, what := strings.TrimSpace(string(line)), "", ""
		if header, ok := sectionHeader(line); ok {
			section, what = header, "["+header+"]"
		} else if key, _, found := strings.Cut(text, "="); found && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, ";") {
			name = strings.TrimSpace(key)
			what = name
		} else {
			continue
		}
		if before := lines[[2]string{section, name}]; before > 0 && p.err == nil {
			p.err = &Error{Path: p.path, Line: number, Text: fmt.Sprintf("%s is there twice, in lines %d and %d", what, before, number), Fix: "keep one of them"}
		}
		lines[[2]string{section, name}] = number
	}
}
