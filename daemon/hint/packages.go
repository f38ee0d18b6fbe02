package hint

import (
	"slices"
	"strings"
)

// StripPackages removes from each line of a text the names of the packages that an error
// passed through. They mean nothing to a person; the log keeps them.
func StripPackages(text string) string {
	if !strings.Contains(text, ": ") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		parts := strings.Split(line, ": ")
		last := len(parts) - 1
		lines[i] = strings.Join(append(slices.DeleteFunc(parts[:last:last], isPackageName), parts[last]), ": ")
	}
	return strings.Join(lines, "\n")
}

func isPackageName(word string) bool {
	return word == "credfile" || word == "iam" || word == "daemon" || word == "install"
}
