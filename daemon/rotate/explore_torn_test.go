package rotate_test

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
)

// isTorn reports whether a file shows what is half of one key and half of another.
func (w *scene) isTorn(path string) bool { return w.isMixed(w.disk.Data(path)) }

func (w *scene) isAnyTorn() bool { return w.isTorn(credentials) || w.isTorn(configFile) }

// mayBeTorn reports whether a file is torn, or was and what mends it is not on the
// disk yet.
func (w *scene) mayBeTorn() bool {
	return w.isAnyTorn() || w.isMixed(w.disk.Kept(credentials)) || w.isMixed(w.disk.Kept(configFile))
}

func (w *scene) isMixed(text []byte) bool {
	for id, secret := range w.cloud.Secrets() {
		if bytes.Contains(text, []byte(id)) != bytes.Contains(text, []byte(secret)) {
			return true
		}
	}
	return !bytes.Equal(w.healText(text), text)
}

// hasTorn reports whether a power failure has torn a file that was written in
// place, and so had no second copy: only then may a pair be torn.
func (m moment) hasTorn(o atomicfiletest.Outcome) bool {
	return strings.Contains(o.Name, "torn") && (m.disk.Overwritten(credentials) || m.disk.Overwritten(configFile))
}

// hasTornItself reports whether the disk has failed a write in place halfway, and
// then the write that was to put the old bytes back.
func (r *take) hasTornItself() bool {
	failed := 0
	for _, f := range r.faults {
		if f.fate.disk == nil || f.at > len(r.effects) {
			continue
		}
		if failed++; f.fate.lasts {
			failed++
		}
	}
	return r.hasOverwritten() && failed > 1
}

// hasOverwritten reports whether a file was written in place: because the folder
// takes no other, or has refused to for a moment.
func (r *take) hasOverwritten() bool {
	return slices.ContainsFunc(r.effects, func(e effect) bool { return e.what == "write credentials" || e.what == "write config" })
}

// healText returns a text with a whole id, or secret, in the place of each that is
// mixed of two, byte by byte.
func (w *scene) healText(text []byte) []byte {
	text = bytes.Clone(text)
	secrets := w.cloud.Secrets()
	for a, secret := range secrets {
		for b, other := range secrets {
			if a < b {
				replaceMixed(text, a, b)
				replaceMixed(text, secret, other)
			}
		}
	}
	return text
}

// replaceMixed puts a where the text has a mixture of a and b.
func replaceMixed(text []byte, a, b string) {
	for at := 0; at+len(a) <= len(text) && len(a) == len(b); at++ {
		part, i := text[at:at+len(a)], 0
		for i < len(part) && (part[i] == a[i] || part[i] == b[i]) {
			i++
		}
		if i == len(part) && string(part) != a && string(part) != b {
			copy(part, a)
		}
	}
}

// checkTorn is what must hold of a pair that a power failure has torn: the first
// pass that nothing disturbs mends it, unless it waits because an earlier one
// could not.
func (r *take) checkTorn(began time.Time) {
	waits := r.result.Failure != nil && r.result.Failure.At.Before(began)
	if r.ghost.torn && r.isAnyTorn() && len(r.faults) == 0 && r.err == nil && !waits {
		r.reportViolation("I1", "a file still shows half of one key and half of another")
	}
	r.ghost.torn = r.ghost.torn && r.mayBeTorn()
}
