package forms

import (
	"fmt"
)

// Replace returns data with next in every place of old, and those places in the new bytes.
// Every place changes or none, and no other byte. Each new value is written in the
// encoding of the old one. The result has been read by ReadBack.
//
// The error wraps a *Refusal when the file cannot be kept up to date.
func Replace(path string, data []byte, f Form, old, next Pair) ([]byte, []Place, error) {
	if err := checkPairs(old, next); err != nil {
		return nil, nil, err
	}
	d, err := open(path, data, f, old)
	if err != nil {
		return nil, nil, err
	}
	values := map[Value]string{ID: next.ID, Secret: next.Secret}
	if f.region != "" {
		values[SMTPPassword] = smtpPassword(next.Secret, f.region)
	}
	text, refusal := d.top.rewrite(values)
	if refusal != nil {
		refusal.Path = path
		return nil, nil, fmt.Errorf("forms: %w", refusal)
	}
	out := d.charset.encode(text)
	places, err := verify(path, data, out, f, old, next, d.places)
	if err != nil {
		return nil, nil, err
	}
	return out, places, nil
}

// counted matches what PHP writes before a text of so many bytes: s:40:"
var counted = CompileLater(`\bs:[0-9]+:"$`)

// rewrite returns the bytes of the layer with other values.
func (l *layer) rewrite(values map[Value]string) ([]byte, *Refusal) {
	var out []byte
	from := 0
	refuse := func(start int, h hit, why string) *Refusal {
		return &Refusal{"", lineAt(newlines(l.view.raw), start), fmt.Sprintf("the %s stands here, and %s", h.value, why), remedyHook}
	}
	for _, h := range l.hits {
		if h.alone {
			continue
		}
		start, end := l.view.start(h.start), l.view.start(h.end)
		written, err := "", error(nil)
		if h.blob == nil {
			written, err = h.style.write(values[h.value])
		} else {
			inner, refusal := h.blob.inner.rewrite(values)
			if refusal != nil {
				return nil, refusal
			}
			written, err = h.blob.write(inner)
		}
		if err != nil {
			return nil, refuse(start, h, err.Error())
		}
		if len(written) != end-start && counted().Match(l.view.text[max(0, h.start-12):h.start]) {
			return nil, refuse(start, h, "a program counts its bytes")
		}
		out = append(append(out, l.view.raw[from:start]...), written...)
		from = end
	}
	return append(out, l.view.raw[from:]...), nil
}

// verify returns the places of next in the result when everything is as it was promised: a
// place of the new key for each of the old one, the old key gone, and the second reader agrees.
func verify(path string, data, out []byte, f Form, old, next Pair, before []Place) ([]Place, error) {
	after, err := Find(path, out, f, next)
	if err != nil {
		return nil, fmt.Errorf("forms: what would be written is not understood again: %w", err)
	}
	changed, found := map[Value]int{}, map[Value]int{}
	for _, place := range before {
		changed[place.Value]++
	}
	for _, place := range after {
		found[place.Value]++
	}
	for value, n := range changed {
		if found[value] < n || Shows(out, f, old.ID) {
			return nil, fmt.Errorf("forms: %w", &Refusal{path, 0, "what would be written does not show the new key in the places of the old one", remedyHook})
		}
	}
	return after, confirm(path, data, out, f, old, next, changed)
}
