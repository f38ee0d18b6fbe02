package shadow

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// chunk is how many bytes of an environment are in memory at once.
const chunk = 64 << 10

// held is what the environment of a process holds.
type held struct {
	ids  map[string][]string // the variables that hold each id
	sets map[string]string   // for AWS_ACCESS_KEY_ID and its like: the id to which it is set, or ""
}

// scanEnviron reads an environment, NAME=value pairs that end with a NUL, and finds the
// ids in it. It keeps no value, and of a variable that is longer than chunk it sees its
// parts.
func scanEnviron(r io.Reader, ids []string) (held, error) {
	h := held{ids: map[string][]string{}, sets: map[string]string{}}
	buffer := make([]byte, chunk)
	defer clear(buffer) // it has held secrets
	filled, name := 0, ""
	for {
		n, err := r.Read(buffer[filled:])
		filled += n
		rest := buffer[:filled]
		for {
			i := bytes.IndexByte(rest, 0)
			if i < 0 {
				break
			}
			h.note(&name, rest[:i], ids)
			name, rest = "", rest[i+1:]
		}
		if len(rest) == len(buffer) { // a long variable: keep as much as an id could need
			h.note(&name, rest, ids)
			rest = rest[len(rest)-256:]
		}
		if err != nil {
			h.note(&name, rest, ids)
			if err == io.EOF {
				err = nil
			}
			return h, err
		}
		filled = copy(buffer, rest)
	}
}

// note notes what one variable, or a part of it, holds. name is "" at its beginning.
func (h *held) note(name *string, text []byte, ids []string) {
	value := text
	if *name == "" {
		before, after, ok := bytes.Cut(text, []byte("="))
		if !ok {
			return
		}
		*name, value = printable(string(before)), after
		if slices.Contains(variables, *name) && len(value) > 0 {
			h.sets[*name] = idIn(string(value))
		}
	}
	for _, id := range ids {
		if id != "" && bytes.Contains(value, []byte(id)) && !slices.Contains(h.ids[id], *name) {
			h.ids[id] = append(h.ids[id], *name)
		}
	}
}

// printable replaces what is not printable ASCII: a process chooses its own name.
func printable(name string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, name)
}
