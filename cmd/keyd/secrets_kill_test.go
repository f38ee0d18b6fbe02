//go:build unix

package main

import "path/filepath"

// demandNoSecret demands that the output of a process and the files that it left, however it
// ended, hold a secret only where the design allows it. It searches for the latest
// pairs of the file and the journal: earlier calls have searched for the older ones,
// which are deleted.
func (k *killing) demandNoSecret(said []byte, killed bool) {
	k.t.Helper()
	secrets := map[string]string{}
	held := k.home.held
	for _, h := range held[max(len(held)-3, 0):] {
		secrets[h.ID] = h.Secret
	}
	for _, r := range k.home.openRotations() {
		secrets[r.New.ID] = r.New.Secret.Reveal()
	}
	delete(secrets, "") // from a rotation that has no new pair yet
	for _, m := range marksIn(said, marksOf(secrets)) {
		k.t.Errorf("%s was printed", m)
	}
	config := filepath.Join(filepath.Dir(k.home.path()), "config")
	searchSecrets(k.t, k.home.dir, secrets, places{own: []string{k.home.path(), config}, state: k.home.state(), open: killed})
}
