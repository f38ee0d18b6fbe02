package credfile

import (
	"fmt"
	"os/user"
	"strings"
)

// expander expands the variables and the home directories in the paths that the
// environment names, as botocore does: os.path.expandvars, then os.path.expanduser.
// Source: CPython 3.11, posixpath.py and ntpath.py; botocore, configloader.py.
type expander struct {
	getenv func(string) string
	goos   string
	lookup func(name string) (home string, err error) // of another user
}

// ExpandPath returns path as the AWS tools read it from an environment variable:
// $NAME, ${NAME}, a leading ~ and a leading ~user stand for what they mean in a
// shell; on Windows also %NAME%, and %% and $$ for a single character. A variable
// that is not set, or is empty, stays as it is written. Relative paths stay
// relative. goos is a runtime.GOOS value.
//
// The error says which home directory is unknown.
func ExpandPath(path string, getenv func(string) string, goos string) (string, error) {
	e := expander{getenv, goos, lookupHome}
	return e.expand(path)
}

// lookupHome returns the home directory of a user of this machine.
func lookupHome(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.HomeDir, nil
}

func (e *expander) expand(path string) (string, error) {
	if e.goos == "windows" {
		return e.expandHome(e.expandWindows(path))
	}
	return e.expandHome(e.expandUnix(path))
}

// expandUnix replaces $NAME and ${NAME}. What a variable holds is not expanded again.
func (e *expander) expandUnix(path string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(path, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, length := variableName(rest)
		switch value := e.getenv(name); {
		case length == 0 || name == "" || value == "":
			b.WriteString("$" + rest[:length])
		default:
			b.WriteString(value)
		}
		path = rest[length:]
	}
}

// variableName returns the name at the beginning of text, which follows a "$", and
// how many bytes it takes there: NAME or {NAME}. It takes 0 bytes if text begins with
// no name.
func variableName(text string) (name string, length int) {
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		if end := strings.IndexByte(inner, '}'); end >= 0 {
			return inner[:end], end + 2
		}
		return "", 0
	}
	for length < len(text) && (isLetter(text[length]) || isDigit(text[length]) || text[length] == '_') {
		length++
	}
	return text[:length], length
}

// expandWindows replaces $NAME, ${NAME} and %NAME%. Between single quotes it replaces
// nothing, and the quotes stay. After a quote, a "%" or a "${" that nothing closes, it
// replaces nothing either.
func (e *expander) expandWindows(path string) string {
	var b strings.Builder
	for path != "" {
		c := path[0]
		path = path[1:]
		switch next, _, closed := strings.Cut(path, string(c)); {
		case c == '\'' && !closed, c == '%' && !closed, c == '$' && strings.HasPrefix(path, "{") && !strings.Contains(path, "}"):
			return b.String() + string(c) + path
		case c == '\'':
			b.WriteString("'" + next + "'")
			path = path[len(next)+1:]
		case c == '%' && strings.HasPrefix(path, "%"), c == '$' && strings.HasPrefix(path, "$"):
			b.WriteByte(c)
			path = path[1:]
		case c == '%':
			b.WriteString(e.valueOr(next, "%"+next+"%"))
			path = path[len(next)+1:]
		case c == '$':
			name, length := variableName(path)
			b.WriteString(e.valueOr(name, "$"+path[:length]))
			path = path[length:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// valueOr returns the value of a variable, or unset if it has none.
func (e *expander) valueOr(name, unset string) string {
	if name != "" {
		if value := e.getenv(name); value != "" {
			return value
		}
	}
	return unset
}

// expandHome replaces a leading ~ or ~user.
func (e *expander) expandHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok {
		return path, nil
	}
	ends := "/"
	if e.goos == "windows" {
		ends = `/\`
	}
	name, tail := rest, ""
	if i := strings.IndexAny(rest, ends); i >= 0 {
		name, tail = rest[:i], rest[i:]
	}
	home, err := e.homeOf(name)
	if err != nil {
		return "", err
	}
	if tail == "" {
		return home, nil
	}
	return joinPath(e.goos, home, tail[1:]), nil
}

// homeOf returns the home directory of a user, or of this one for "".
func (e *expander) homeOf(name string) (string, error) {
	if name == "" {
		if home := homeDir(e.getenv, e.goos); home != "" {
			return home, nil
		}
		return "", errNoHome
	}
	home, err := e.lookup(name)
	if err != nil || home == "" {
		return "", fmt.Errorf("there is no user %q whose home directory ~%s could mean: write the path in full", name, name)
	}
	return home, nil
}
