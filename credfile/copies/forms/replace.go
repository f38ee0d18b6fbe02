package forms

import "bytes"

// Replace returns data with next in every place of old, and those places in the new bytes.
// Every place changes or none, and no other byte. The result has been read by ReadBack.
// The error is a *Refusal when the file cannot be kept up to date.
func Replace(path string, data []byte, f Form, old, next Pair) ([]byte, []Place, error) {
	if err := checkPairs(old, next); err != nil {
		return nil, nil, err
	}
	if _, err := Find(path, data, f, old); err != nil {
		return nil, nil, err
	}
	out := bytes.ReplaceAll(data, []byte(old.ID), []byte(next.ID))
	out = bytes.ReplaceAll(out, []byte(old.Secret), []byte(next.Secret))
	if err := ReadBack(path, out, f, next); err != nil {
		return nil, nil, err
	}
	places, err := Find(path, out, f, next)
	return out, places, err
}
