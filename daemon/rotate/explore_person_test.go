package rotate_test

import (
	"strings"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
)

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
