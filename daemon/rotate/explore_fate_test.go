package rotate_test

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
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

// persons are the others who have a hand in the files and at AWS.
var persons = []fate{
	{name: "stale copy", inFiles: true, act: func(w *scene) { w.revertFiles(false) }, rank: inPairs},
	{name: "old file restored", inFiles: true, act: func(w *scene) { w.revertFiles(true) }},
	{name: "third key", inFiles: true, act: func(w *scene) {
		id, secret := w.addStranger()
		w.editCredentials(func(text string) string {
			shown, _ := w.shownKey(credentials)
			if shown == "" {
				return text
			}
			return strings.NewReplacer(shown, id, w.cloud.Secrets()[shown], secret).Replace(text)
		})
	}, rank: inSingles},
	{name: "profile removed", inFiles: true, act: func(w *scene) {
		w.editCredentials(func(string) string { return "# mine\r\n[other]\r\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\r\n" })
		w.ghost.shape = w.filesShape()
	}},
	{name: "second laptop", act: func(w *scene) { w.user().CreateKey() }, rank: inPairs},
	{name: "console: newest off", act: func(w *scene) { _ = w.user().SetStatus(w.newestKey(), "Inactive") }},
	{name: "console: newest deleted", act: func(w *scene) { _ = w.user().DeleteKey(w.newestKey()) }, rank: inSingles},
	{name: "console: old off", act: func(w *scene) { _ = w.user().SetStatus(w.ghost.firstKey.ID, "Inactive") }},
	{name: "console: old on", act: func(w *scene) { _ = w.user().SetStatus(w.ghost.firstKey.ID, "Active") }},
	{name: "policy: no delete", act: func(w *scene) { w.denyAction("DeleteAccessKey") }, rank: inSingles},
	{name: "policy: no change", act: func(w *scene) { w.denyAction("UpdateAccessKey") }},
	{name: "policy: nothing", act: func(w *scene) { w.denyAction("*") }},
	{name: "console: user renamed", act: func(w *scene) { w.user().Rename("/", "alice-2") }, rank: inSingles},
	{name: "console: user moved", act: func(w *scene) { w.user().Rename("/staff/", "alice") }},
	{name: "console: old deleted", act: func(w *scene) { _ = w.user().DeleteKey(w.ghost.firstKey.ID) }},
}

// revertFiles writes the first pair back, as aws configure does with a text that it
// read before, or a dotfile manager with a file of its own.
func (w *scene) revertFiles(replace bool) {
	first := w.ghost.firstKey
	for _, path := range []string{credentials, configFile} {
		shown, _ := w.shownKey(path)
		if shown != "" && shown != first.ID {
			text := strings.NewReplacer(shown, first.ID, w.cloud.Secrets()[shown], first.Secret.Reveal()).Replace(string(w.disk.Data(path)))
			w.disk.Put(path, []byte(text), replace)
		}
	}
}

func (w *scene) editCredentials(change func(string) string) {
	w.disk.Put(credentials, []byte(change(string(w.disk.Data(credentials)))), true)
}

// addStranger is a working key of somebody else.
func (w *scene) addStranger() (id, secret string) {
	bob := w.cloud.FindUser(lab.Account, "bob")
	if bob == nil {
		bob = w.cloud.AddUser(lab.Account, "/", "bob")
	}
	return bob.AddKey(0)
}

// newestKey is the user's last key.
func (w *scene) newestKey() string {
	keys := w.cloud.Keys(w.user())
	if len(keys) == 0 {
		return ""
	}
	return keys[len(keys)-1].ID
}

// denyAction is an administrator, for good.
func (w *scene) denyAction(action string) {
	w.user().DenyAction(action, awssim.NotAllowed)
	w.ghost.denied += action
}
