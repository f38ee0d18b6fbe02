//go:build unix

package main

import "path/filepath"

// silent demands that what a process printed and left, however it ended, shows
// a secret only where the design names a place for it. Searched for are the
// last pairs of the file and of the journal: the older ones are deleted, and
// were searched for in their time.
func (k *killing) silent(said []byte, killed bool) {
	k.t.Helper()
	secrets := map[string]string{}
	held := k.home.held
	for _, h := range held[max(len(held)-3, 0):] {
		secrets[h.ID] = h.Secret
	}
	for _, r := range k.home.rotations() {
		secrets[r.New.ID] = r.New.Secret.Reveal()
	}
	delete(secrets, "") // of a rotation that has no new pair yet
	for _, m := range marksIn(said, marksOf(secrets)) {
		k.t.Errorf("%s was printed", m)
	}
	config := filepath.Join(filepath.Dir(k.home.path()), "config")
	searchSecrets(k.t, k.home.dir, secrets, places{own: []string{k.home.path(), config}, state: k.home.state(), open: killed})
}
