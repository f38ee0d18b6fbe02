package forms

import (
	"bytes"
)

// Find returns every place of p in data, in the order of the file, or a *Refusal when the
// file cannot be kept up to date. Path is only for messages.
func Find(path string, data []byte, f Form, p Pair) ([]Place, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var places []Place
	for value, text := range map[Value]string{ID: p.ID, Secret: p.Secret} {
		for _, at := range indexAll(data, text) {
			places = append(places, Place{Line: 1 + bytes.Count(data[:at], []byte("\n")), Start: at, End: at + len(text), Value: value, Encoding: "plain"})
		}
	}
	if len(places) < 2 {
		return nil, &Refusal{path, 0, "the pair of " + short(p.ID) + " does not stand in this file", "write it there, or remove the link"}
	}
	return places, nil
}

func indexAll(data []byte, text string) []int {
	var all []int
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(text))
		if i < 0 {
			return all
		}
		all = append(all, from+i)
		from += i + len(text)
	}
}

// Shows reports whether the id stands in data in any form that Find knows, as a whole word
// and outside comments.
func Shows(data []byte, f Form, id string) bool { return bytes.Contains(data, []byte(id)) }
