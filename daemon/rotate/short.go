package rotate

import (
	"errors"
	"path/filepath"
	"strconv"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

// shortReason says what went wrong for one cell of a table; "" when only the whole sentence
// can. Like hint.Hint it takes what the error itself knows.
func shortReason(err error) string {
	if e, ok := errors.AsType[*iam.Error](err); ok {
		return e.Short()
	}
	if r, ok := errors.AsType[*credfile.Refusal](err); ok {
		place := filepath.Base(r.Path)
		if r.Line > 0 {
			place += ":" + strconv.Itoa(r.Line)
		}
		return "mistake in " + place
	}
	if r, ok := errors.AsType[*atomicfile.Refused](err); ok {
		if name := filepath.Base(r.Path); len(name)+len(r.Why) < decide.ShortLimit {
			return name + " " + r.Why
		}
		return "cannot write " + filepath.Base(r.Path)
	}
	switch {
	case isType[*ElsewhereError](err):
		return "rotating in other files"
	case isType[*OriginError](err):
		return "began at another endpoint"
	case isType[*iam.ConflictError](err):
		return "wrong endpoint setting"
	}
	return ""
}
