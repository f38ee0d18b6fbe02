package rotate_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/rotate"
)

// rank is where a fate stands for others of its kind, so that all that is left
// is few enough for go test. With -explore.every each one stands for itself.
type rank int

const (
	inEvery   rank = iota
	inSingles      // of one fault
	inPairs        // of one, two and more
)

// kind is what can go wrong with an effect.
type kind int

const (
	query      kind = iota // a call to AWS that changes nothing
	order                  // one that does
	diskRead               // of the disk
	diskChange             // of the disk
)

// effect is one call to AWS or to the disk.
type effect struct {
	what       string // as in "rename credentials"
	kind       kind
	ofUserFile bool // it concerns the user's files
	isMinor    bool // it is of a file that is found out again, or the first of several to one temporary file
}

// mattersAt reports whether it makes a difference to keyd what somebody does just
// before e: to the files, when keyd is about to read or replace them; to keys,
// when it is about to list or change them. Of the faults of a disk that come
// after others it leaves out those that end as their neighbours do.
func (f *fate) mattersAt(e effect, rank rank) bool {
	switch {
	case f.act == nil:
		return f.disk == nil || rank < inPairs || !e.isMinor
	case f.inFiles:
		return e.what == "open credentials" || e.what == "rename credentials" || e.what == "exchange credentials"
	}
	return e.kind == order || e.what == "ListAccessKeys"
}

// fate is what happens at an effect.
type fate struct {
	name    string
	kinds   []kind
	cloud   awssim.Fault                                          // of a call to AWS
	disk    error                                                 // of a call to the disk
	lasts   bool                                                  // and to every later one of this pass
	act     func(*scene)                                          // somebody else acts before it
	command func(*take, context.Context) ([]rotate.Result, error) // a person runs this in the place of the pass
	inFiles bool                                                  // in the files, not at AWS
	rank    rank                                                  // for others of its kind, where all would be too many
}

// fates are all of them; a crash is none, because it costs no run: every
// instant of every run is one at which it is tried, see moment.
var fates = slices.Concat([]fate{
	{name: "refused", kinds: []kind{order}, cloud: awssim.Fault{Kind: awssim.Refused}, rank: inPairs},
	{name: "question refused", kinds: []kind{query}, cloud: awssim.Fault{Kind: awssim.Refused}},
	{name: "lost", kinds: []kind{query, order}, cloud: awssim.Fault{Kind: awssim.Reset}},
	{name: "done+lost", kinds: []kind{order}, cloud: awssim.Fault{Kind: awssim.Close, When: awssim.After}, rank: inPairs},
	{name: "late", kinds: []kind{order}, cloud: awssim.Fault{Kind: awssim.Close, Late: 10 * time.Second}, rank: inPairs},
	{name: "cut", kinds: []kind{query, order}, cloud: awssim.Fault{Kind: awssim.Truncated, When: awssim.After}},
	{name: "500", kinds: []kind{query, order}, cloud: awssim.Fault{Kind: awssim.Status500}},
	{name: "offline", kinds: []kind{query, order}, cloud: awssim.Fault{Kind: awssim.DNS}, lasts: true, rank: inPairs},
	{name: "done+offline", kinds: []kind{order}, cloud: awssim.Fault{Kind: awssim.Reset, When: awssim.After}, lasts: true},
}, diskFates(), persons, commands)

func diskFates() []fate {
	var all []fate
	for _, e := range []struct {
		name           string
		errno          syscall.Errno
		alone, forGood rank
	}{
		{"ENOSPC", syscall.ENOSPC, inPairs, inEvery}, {"EIO", syscall.EIO, inEvery, inEvery},
		{"EROFS", syscall.EROFS, inEvery, inSingles}, {"EDQUOT", syscall.EDQUOT, inEvery, inEvery},
	} {
		of := []kind{diskChange}
		if e.errno == syscall.EIO {
			of = append(of, diskRead)
		}
		all = append(all,
			fate{name: e.name, kinds: of, disk: e.errno, rank: e.alone},
			fate{name: e.name + "!", kinds: of, disk: e.errno, lasts: true, rank: e.forGood})
	}
	return all
}

// fault is a fate at one effect of a pass.
type fault struct {
	at   int // from 1
	fate *fate
}

// canHappenAt reports whether f can happen at e.
func (f *fate) canHappenAt(e effect) bool {
	if f.act != nil {
		return e.ofUserFile || e.kind == query || e.kind == order
	}
	return slices.Contains(f.kinds, e.kind)
}

// step is one pass in a trace: its faults, and how it ended.
type step struct {
	faults []fault
	crash  int    // the effect after which the process died; 0: it did not
	how    string // "killed", or how the power failed
}

// trace is how a scene came about. Its text repeats it: see parseTrace.
type trace []step

func (t trace) with(s step) trace { return append(t[:len(t):len(t)], s) }

func (t trace) String() string {
	var steps []string
	for _, s := range t {
		var parts []string
		for _, f := range s.faults {
			parts = append(parts, fmt.Sprintf("%d %s", f.at, f.fate.name))
		}
		if s.crash > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", s.crash, s.how))
		}
		steps = append(steps, strings.Join(parts, " & "))
	}
	return strings.Join(steps, "; ")
}

// parseTrace reads what String writes.
func parseTrace(text string) (trace, error) {
	var t trace
	for part := range strings.SplitSeq(text, ";") {
		var s step
		for one := range strings.SplitSeq(part, "&") {
			number, name, ok := strings.Cut(strings.TrimSpace(one), " ")
			if !ok {
				continue
			}
			at, err := strconv.Atoi(number)
			if err != nil {
				return nil, fmt.Errorf("%q is not the number of an effect", number)
			}
			if i := slices.IndexFunc(fates, func(f fate) bool { return f.name == name }); i >= 0 {
				s.faults = append(s.faults, fault{at, &fates[i]})
				continue
			}
			s.crash, s.how = at, name
		}
		t = append(t, s)
	}
	return t, nil
}
