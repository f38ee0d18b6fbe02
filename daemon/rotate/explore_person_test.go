package rotate_test

import (
	"strings"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
)

// persons are the others who have a hand in the files and at AWS.
var persons = []fate{
	{name: "stale copy", files: true, person: func(w *scene) { w.revert(false) }, stands: inPairs},
	{name: "old file restored", files: true, person: func(w *scene) { w.revert(true) }},
	{name: "third key", files: true, person: func(w *scene) {
		id, secret := w.stranger()
		w.edit(func(text string) string {
			shown, _ := w.shows(credentials)
			if shown == "" {
				return text
			}
			return strings.NewReplacer(shown, id, w.cloud.Secrets()[shown], secret).Replace(text)
		})
	}, stands: inSingles},
	{name: "profile removed", files: true, person: func(w *scene) {
		w.edit(func(string) string { return "# mine\r\n[other]\r\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\r\n" })
		w.ghost.shape = w.shape()
	}},
	{name: "second laptop", person: func(w *scene) { w.user().CreateKey() }, stands: inPairs},
	{name: "console: newest off", person: func(w *scene) { _ = w.user().SetStatus(w.newest(), "Inactive") }},
	{name: "console: newest deleted", person: func(w *scene) { _ = w.user().DeleteKey(w.newest()) }, stands: inSingles},
	{name: "console: old off", person: func(w *scene) { _ = w.user().SetStatus(w.ghost.first.ID, "Inactive") }},
	{name: "console: old on", person: func(w *scene) { _ = w.user().SetStatus(w.ghost.first.ID, "Active") }},
	{name: "policy: no delete", person: func(w *scene) { w.deny("DeleteAccessKey") }, stands: inSingles},
	{name: "policy: no change", person: func(w *scene) { w.deny("UpdateAccessKey") }},
	{name: "policy: nothing", person: func(w *scene) { w.deny("*") }},
	{name: "console: user renamed", person: func(w *scene) { w.user().Rename("/", "alice-2") }, stands: inSingles},
	{name: "console: user moved", person: func(w *scene) { w.user().Rename("/staff/", "alice") }},
	{name: "console: old deleted", person: func(w *scene) { _ = w.user().DeleteKey(w.ghost.first.ID) }},
}

// revert writes the first pair back, as aws configure does with a text that it
// read before, or a dotfile manager with a file of its own.
func (w *scene) revert(replace bool) {
	first := w.ghost.first
	for _, path := range []string{credentials, configFile} {
		shown, _ := w.shows(path)
		if shown != "" && shown != first.ID {
			text := strings.NewReplacer(shown, first.ID, w.cloud.Secrets()[shown], first.Secret.Reveal()).Replace(string(w.disk.Data(path)))
			w.disk.Put(path, []byte(text), replace)
		}
	}
}

func (w *scene) edit(change func(string) string) {
	w.disk.Put(credentials, []byte(change(string(w.disk.Data(credentials)))), true)
}

// stranger is a working key of somebody else.
func (w *scene) stranger() (id, secret string) {
	bob := w.cloud.FindUser(lab.Account, "bob")
	if bob == nil {
		bob = w.cloud.AddUser(lab.Account, "/", "bob")
	}
	return bob.AddKey(0)
}

// newest is the user's last key.
func (w *scene) newest() string {
	keys := w.cloud.Keys(w.user())
	if len(keys) == 0 {
		return ""
	}
	return keys[len(keys)-1].ID
}

// deny is an administrator, for good.
func (w *scene) deny(action string) {
	w.user().DenyAction(action, awssim.NotAllowed)
	w.ghost.denied += action
}
