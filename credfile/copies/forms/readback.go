package forms

import (
	"fmt"
	"strings"
)

// ReadBack is a second reader that shares no code with Find. It returns nil when data shows
// p completely, id and secret, and an error that names the path otherwise.
func ReadBack(path string, data []byte, f Form, p Pair) error {
	text := string(data)
	if !strings.Contains(text, p.ID) || !strings.Contains(text, p.Secret) {
		return fmt.Errorf("%s: reading back does not find the key %s", path, p)
	}
	return nil
}
