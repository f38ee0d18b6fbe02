package rotate_test

import (
	"bytes"
	"path/filepath"
	"slices"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
)

// alice and bob number the users whose keys are rotated. Bob has a key in some settings
// only.
const (
	alice = iota
	bob
)

// users are the numbers of the users.
var users = [2]int{alice, bob}

// place is where a file shows a key of a user.
type place struct {
	path, section string // an empty section stands for the whole file
	user          int
}

// places are all places. The default place is the only one that is never left out.
var places = [5]place{{credentials, "[default]", alice}, {configFile, "", alice}, {credentials, "[bob]", bob}, {envFile, "", alice}, {jsonFile, "", alice}}

// defaultPlace is where the profile "default" shows its key.
var defaultPlace = places[0]

// placeOf returns the first place of a user.
func placeOf(user int) place {
	return places[slices.IndexFunc(places[:], func(p place) bool { return p.user == user })]
}

// placeText returns the part of a file that belongs to a place.
func (w *scene) placeText(p place) []byte {
	text := w.disk.Data(p.path)
	if p.section == "" {
		return text
	}
	_, text, _ = bytes.Cut(text, []byte(p.section+"\r\n"))
	text, _, _ = bytes.Cut(text, []byte("\n["))
	return text
}

// String names the place in a message.
func (p place) String() string { return filepath.Base(p.path) + p.section }

// has reports whether the scene has this user.
func (w *scene) has(user int) bool { return !w.ghost.of[user].firstKey.IsZero() }

// keysOf returns the keys that a user really has.
func (w *scene) keysOf(user int) []awssim.KeyState {
	if u := w.userAt(user); u != nil {
		return w.cloud.Keys(u)
	}
	return nil
}

// historyOf returns all keys that a user ever had.
func (w *scene) historyOf(user int) []awssim.KeyState {
	if u := w.userAt(user); u != nil {
		return w.cloud.History(u)
	}
	return nil
}

// userOf returns the number of the user to whom a key belongs or belonged, or -1.
func (w *scene) userOf(id string) int {
	return slices.IndexFunc(users[:], func(user int) bool {
		return slices.ContainsFunc(w.historyOf(user), func(k awssim.KeyState) bool { return k.ID == id })
	})
}

// userAt returns the user with a number, or nil.
func (w *scene) userAt(user int) *awssim.User {
	switch {
	case user == alice:
		return w.user()
	case w.has(user):
		return w.cloud.FindUser(lab.Account, "bob")
	}
	return nil
}

// user returns alice, whatever her name is now.
func (w *scene) user() *awssim.User {
	if u := w.cloud.FindUser(lab.Account, "alice"); u != nil {
		return u
	}
	return w.cloud.FindUser(lab.Account, "alice-2")
}
