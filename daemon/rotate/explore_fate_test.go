package rotate_test

import (
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
)

// rank says among how many faults a fate is tried. In a light search some
// fates stand for others of their kind, which keeps it short enough for go
// test. With -explore.every each fate stands for itself.
type rank int

const (
	inEvery   rank = iota // tried with -explore.every only
	inSingles             // tried as the only fault of a trace
	inPairs               // tried with other faults as well
)

// kind says what an effect does. It decides which fates can happen there.
type kind int

const (
	query      kind = iota // a call to AWS that changes nothing
	order                  // a call to AWS that changes something
	diskRead               // a call to the disk that changes nothing
	diskChange             // a call to the disk that changes something
	gap                    // the lock is free until the next round
	codeAsk                // an MFA code is asked for
	hookRun                // a hook brings the pair to a place that is not a file
)

// effect is one call to AWS or to the disk.
type effect struct {
	what       string // such as "rename credentials" or "ListAccessKeys"
	kind       kind
	ofUserFile bool // it concerns a file in the user's folder
	isMinor    bool // it concerns a file whose content keyd can find out again, or is the first of several calls for one temporary file
}

// mattersAt reports whether it makes a difference to keyd that f happens just
// before e. A change to the files matters when keyd is about to read or
// replace them, a change to keys when it is about to list or change them.
// Among the faults of a disk that follow other faults, it leaves out those
// that end as their neighbours do.
func (f *fate) mattersAt(e effect, rank rank) bool {
	switch {
	case f.link:
		return e.what == "open env" || e.what == "rename env" || e.what == "exchange env"
	case f.act == nil:
		return f.disk == nil || rank < inPairs || !e.isMinor
	case len(f.kinds) > 0:
		return true
	case f.use:
		return e.what == "GetAccessKeyLastUsed" || e.what == "UpdateAccessKey"
	case f.inFiles:
		return e.what == "open credentials" || e.what == "rename credentials" || e.what == "exchange credentials"
	}
	return e.kind == order || e.what == "ListAccessKeys"
}

// fate is something that can happen at an effect.
type fate struct {
	name     string
	kinds    []kind
	cloud    awssim.Fault                                       // what happens to a call to AWS
	disk     error                                              // the error of a call to the disk
	lasts    bool                                               // it also happens to every later effect of the take
	act      func(*scene)                                       // another person acts before the effect
	command  command                                            // a person runs this instead of the pass
	inFiles  bool                                               // act changes the files, not AWS
	link     bool                                               // act changes the first linked file
	use      bool                                               // act uses a key, which changes no key
	beside   command                                            // a person runs this in another process, before the effect
	kills    bool                                               // the process dies after the effect, and another one lives on
	lie      func(*take, string, *http.Response) *http.Response // what the endpoint answers in place of AWS
	hook     error                                              // how the hook fails
	only     string                                             // the only effect at which it can happen; "" for any
	code     string                                             // what is given in place of an MFA code
	mfa      bool                                               // it happens only where a policy asks for MFA
	hookDone bool                                               // although it has updated its place
	rank     rank                                               // among how many faults a light search tries it
}

// fates are all fates. A crash is not among them, because it needs no take of
// its own: it is tried at every moment of every take.
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
}, diskFates(), persons, linkFates, commands, meanwhile, deaths, lies, identityLies, hookFates, mfaFates)

// diskFates returns a fate for each error of a disk, for one call and, with
// "!" in its name, for all calls from then on.
func diskFates() []fate {
	var all []fate
	for _, e := range []struct {
		name          string
		errno         syscall.Errno
		once, lasting rank
	}{
		{"ENOSPC", syscall.ENOSPC, inPairs, inEvery}, {"EIO", syscall.EIO, inEvery, inEvery},
		{"EROFS", syscall.EROFS, inEvery, inSingles}, {"EDQUOT", syscall.EDQUOT, inEvery, inEvery},
	} {
		of := []kind{diskChange}
		if e.errno == syscall.EIO {
			of = append(of, diskRead)
		}
		all = append(all,
			fate{name: e.name, kinds: of, disk: e.errno, rank: e.once},
			fate{name: e.name + "!", kinds: of, disk: e.errno, lasts: true, rank: e.lasting})
	}
	return all
}

// fault is a fate at one effect of a take.
type fault struct {
	at   int // number of the effect, from 1; see atStart
	fate *fate
}

// canHappenAt reports whether f can happen at e.
func (f *fate) canHappenAt(e effect) bool {
	if f.only != "" && e.what != f.only {
		return false
	}
	if f.link && f.act != nil {
		return e.ofUserFile && strings.HasSuffix(e.what, " env")
	}
	if f.act != nil && len(f.kinds) == 0 {
		return e.ofUserFile || e.kind == query || e.kind == order
	}
	return slices.Contains(f.kinds, e.kind)
}

// persons are the fates in which other people change the files or the keys at
// AWS.
var persons = []fate{
	{name: "stale copy", inFiles: true, act: func(w *scene) { w.revertFiles(false) }, rank: inPairs},
	{name: "old file restored", inFiles: true, act: func(w *scene) { w.revertFiles(true) }},
	{name: "third key", inFiles: true, act: func(w *scene) {
		id, secret := w.addStranger()
		w.editCredentials(func(text string) string {
			shown, _ := w.shownKey(defaultPlace)
			if shown == "" {
				return text
			}
			return strings.NewReplacer(shown, id, w.cloud.Secrets()[shown], secret).Replace(text)
		})
	}, rank: inSingles},
	{name: "secret edited", inFiles: true, act: (*scene).spoilSecret},
	{name: "profile removed", inFiles: true, act: func(w *scene) {
		w.editCredentials(func(text string) string {
			before, rest, _ := strings.Cut(text, "[default]\r\n")
			_, after, _ := strings.Cut(rest, "\n[")
			return before + "[" + after
		})
		w.ghost.shape = w.filesShape()
	}},
	{name: "second laptop", act: func(w *scene) { w.user().CreateKey() }, rank: inPairs},
	{name: "console: newest off", act: func(w *scene) { _ = w.user().SetStatus(w.newestKey(), "Inactive") }, rank: inSingles},
	{name: "console: newest deleted", act: func(w *scene) { _ = w.user().DeleteKey(w.newestKey()) }, rank: inSingles},
	{name: "console: old off", act: func(w *scene) { _ = w.user().SetStatus(w.ghost.of[alice].firstKey.ID, "Inactive") }},
	{name: "console: old on", act: func(w *scene) { _ = w.user().SetStatus(w.ghost.of[alice].firstKey.ID, "Active") }},
	{name: "policy: no delete", act: func(w *scene) { w.denyAction("DeleteAccessKey") }, rank: inSingles},
	{name: "policy: no change", act: func(w *scene) { w.denyAction("UpdateAccessKey") }},
	{name: "policy: use hidden", act: func(w *scene) { w.denyAction("GetAccessKeyLastUsed") }},
	{name: "policy: nothing", act: func(w *scene) { w.denyAction("*") }},
	{name: "console: user renamed", act: func(w *scene) { w.user().Rename("/", "alice-2") }, rank: inSingles},
	{name: "console: user moved", act: func(w *scene) { w.user().Rename("/staff/", "alice") }},
	{name: "old key used", use: true, act: func(w *scene) {
		_ = w.user().UseKey(w.ghost.of[alice].firstKey.ID, somebodysService, "eu-west-1")
	}, rank: inSingles},
	{name: "console: old deleted", act: func(w *scene) { _ = w.user().DeleteKey(w.ghost.of[alice].firstKey.ID) }},
}

// revertFiles writes the first pair back, as aws configure does with a text
// that it read before, or, with replace, as a dotfile manager does with its
// own copy of the file.
func (w *scene) revertFiles(replace bool) {
	for _, p := range places {
		first := w.ghost.of[p.user].firstKey
		shown, _ := w.shownKey(p)
		if shown != "" && shown != first.ID {
			text := strings.NewReplacer(shown, first.ID, w.cloud.Secrets()[shown], first.Secret.Reveal()).Replace(string(w.disk.Data(p.path)))
			w.disk.Put(p.path, []byte(text), replace)
		}
	}
}

// editCredentials replaces the credentials file with a changed copy, as an
// editor does.
func (w *scene) editCredentials(change func(string) string) {
	w.disk.Put(credentials, []byte(change(string(w.disk.Data(credentials)))), true)
}

// spoilSecret gives the new id in the file a secret that is not its own, while keyd has the only
// other copy of the right one.
func (w *scene) spoilSecret() {
	shown, whole := w.shownKey(defaultPlace)
	if shown == "" || !whole || shown == w.ghost.of[alice].firstKey.ID || len(w.journalsOf(alice)) == 0 {
		return
	}
	secret := w.cloud.Secrets()[shown]
	w.editCredentials(func(text string) string { return strings.ReplaceAll(text, secret, spoil(secret)) })
	w.ghost.torn = true
}

// spoil returns another secret of the same length.
func spoil(secret string) string { return "=" + secret[1:] }

// addStranger creates a working key of another user.
func (w *scene) addStranger() (id, secret string) {
	eve := w.cloud.FindUser(lab.Account, "eve")
	if eve == nil {
		eve = w.cloud.AddUser(lab.Account, "/", "eve")
	}
	return eve.AddKey(0)
}

// newestKey returns the id of the user's newest key, or "".
func (w *scene) newestKey() string {
	keys := w.cloud.Keys(w.user())
	if len(keys) == 0 {
		return ""
	}
	return keys[len(keys)-1].ID
}

// denyAction lets an administrator deny an action permanently.
func (w *scene) denyAction(action string) {
	w.user().DenyAction(action, awssim.NotAllowed)
	w.ghost.denied += action
}
