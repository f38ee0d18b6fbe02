package rotate_test

import (
	"bytes"
	"path/filepath"
	"strings"
)

// wrote notes what somebody else has just written into the credentials file.
func (r *take) wrote() {
	if text := r.disk.Data(credentials); !bytes.Equal(text, r.before.texts[0]) {
		r.left = text
	}
}

// hasRead notes that keyd reads the file: what it shows is no longer unseen.
func (r *take) hasRead() {
	if bytes.Equal(r.disk.Data(credentials), r.left) {
		r.left = nil
	}
}

// checkLeft is I9 and the second promise where they are in danger: what somebody
// has written since keyd read the file, a third key above all, is not replaced.
// In the moment of a swap it may stand beside the file, until it is given back;
// at the end of a pass only under a name that nobody sweeps. Where no names are
// exchanged it may be lost.
func (r *take) checkLeft(suffix string) {
	if r.left == nil || r.noExchange || r.overwrites() || bytes.Equal(r.disk.Data(credentials), r.left) {
		return
	}
	dir, name := filepath.Split(credentials)
	for _, f := range r.disk.Files() {
		if strings.HasPrefix(f.Path, dir+"."+name+".keyd-") && strings.HasSuffix(f.Path, suffix) && bytes.Equal(f.Data, r.left) {
			return
		}
	}
	r.violated("I9", "what somebody else wrote is lost, and keyd has not read it")
	r.left = nil
}
