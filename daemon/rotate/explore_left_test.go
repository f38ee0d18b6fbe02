package rotate_test

import (
	"bytes"
	"path/filepath"
	"strings"
)

// noteUnread notes what somebody else has just written into the credentials file.
func (r *take) noteUnread() {
	if text := r.disk.Data(credentials); !bytes.Equal(text, r.lastPicture.texts[0]) {
		r.unread = text
	}
}

// noteRead notes that keyd reads the file: what it shows is no longer unseen.
func (r *take) noteRead() {
	if bytes.Equal(r.disk.Data(credentials), r.unread) {
		r.unread = nil
	}
}

// checkUnread is I9 and the second promise where they are in danger: what somebody
// has written since keyd read the file, a third key above all, is not replaced.
// In the moment of a swap it may stand beside the file, until it is given back;
// at the end of a pass only under a name that nobody sweeps. Where no names are
// exchanged it may be lost.
func (r *take) checkUnread(suffix string) {
	if r.unread == nil || r.noExchange || r.hasOverwritten() || bytes.Equal(r.disk.Data(credentials), r.unread) {
		return
	}
	dir, name := filepath.Split(credentials)
	for _, f := range r.disk.Files() {
		if strings.HasPrefix(f.Path, dir+"."+name+".keyd-") && strings.HasSuffix(f.Path, suffix) && bytes.Equal(f.Data, r.unread) {
			return
		}
	}
	r.reportViolation("I9", "what somebody else wrote is lost, and keyd has not read it")
	r.unread = nil
}
