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

// stands is where a fate stands for others of its kind, so that all that is left
// is few enough for go test. With -explore.every each one stands for itself.
type stands int

const (
	forNone   stands = iota
	inSingles        // of one fault
	inPairs          // of one, two and more
)

// kind is what can go wrong with an effect.
type kind int

const (
	asks    kind = iota // a call to AWS that changes nothing
	orders              // one that does
	reads               // of the disk
	changes             // of the disk
)

// effect is one call to AWS or to the disk.
type effect struct {
	what string // as in "rename credentials"
	kind kind
	file bool // it concerns the user's files
	slim bool // it is of a file that is found out again, or the first of several to one temporary file
}

// apt reports whether it makes a difference to keyd what somebody does just
// before e: to the files, when keyd is about to read or replace them; to keys,
// when it is about to list or change them. Of the faults of a disk that come
// after others it leaves out those that end as their neighbours do.
func (f *fate) apt(e effect, rank stands) bool {
	switch {
	case f.person == nil:
		return f.disk == nil || rank < inPairs || !e.slim
	case f.files:
		return e.what == "open credentials" || e.what == "rename credentials" || e.what == "exchange credentials"
	}
	return e.kind == orders || e.what == "ListAccessKeys"
}

// fate is what happens at an effect.
type fate struct {
	name    string
	of      []kind
	cloud   awssim.Fault                                          // of a call to AWS
	disk    error                                                 // of a call to the disk
	forGood bool                                                  // and to every later one of this pass
	person  func(*scene)                                          // somebody else acts before it
	command func(*take, context.Context) ([]rotate.Result, error) // a person runs this in the place of the pass
	files   bool                                                  // in the files, not at AWS
	stands  stands                                                // for others of its kind, where all would be too many
}

// fates are all of them; a crash is none, because it costs no run: every
// instant of every run is one at which it is tried, see moment.
var fates = slices.Concat([]fate{
	{name: "refused", of: []kind{orders}, cloud: awssim.Fault{Kind: awssim.Refused}, stands: inPairs},
	{name: "question refused", of: []kind{asks}, cloud: awssim.Fault{Kind: awssim.Refused}},
	{name: "lost", of: []kind{asks, orders}, cloud: awssim.Fault{Kind: awssim.Reset}},
	{name: "done+lost", of: []kind{orders}, cloud: awssim.Fault{Kind: awssim.Close, When: awssim.After}, stands: inPairs},
	{name: "late", of: []kind{orders}, cloud: awssim.Fault{Kind: awssim.Close, Late: 10 * time.Second}, stands: inPairs},
	{name: "cut", of: []kind{asks, orders}, cloud: awssim.Fault{Kind: awssim.Truncated, When: awssim.After}},
	{name: "500", of: []kind{asks, orders}, cloud: awssim.Fault{Kind: awssim.Status500}},
	{name: "offline", of: []kind{asks, orders}, cloud: awssim.Fault{Kind: awssim.DNS}, forGood: true, stands: inPairs},
	{name: "done+offline", of: []kind{orders}, cloud: awssim.Fault{Kind: awssim.Reset, When: awssim.After}, forGood: true},
}, diskFates(), persons, commands)

func diskFates() []fate {
	var all []fate
	for _, e := range []struct {
		name           string
		errno          syscall.Errno
		alone, forGood stands
	}{
		{"ENOSPC", syscall.ENOSPC, inPairs, forNone}, {"EIO", syscall.EIO, forNone, forNone},
		{"EROFS", syscall.EROFS, forNone, inSingles}, {"EDQUOT", syscall.EDQUOT, forNone, forNone},
	} {
		of := []kind{changes}
		if e.errno == syscall.EIO {
			of = append(of, reads)
		}
		all = append(all,
			fate{name: e.name, of: of, disk: e.errno, stands: e.alone},
			fate{name: e.name + "!", of: of, disk: e.errno, forGood: true, stands: e.forGood})
	}
	return all
}

// fault is a fate at one effect of a pass.
type fault struct {
	at   int // from 1
	fate *fate
}

// fit reports whether f can happen at e.
func (f *fate) fit(e effect) bool {
	if f.person != nil {
		return e.file || e.kind == asks || e.kind == orders
	}
	return slices.Contains(f.of, e.kind)
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
