package awssim_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyd/credfile"
)

// checkKeyd runs checkRotation with the program that $KEYD_CONTRACT_KEYD names.
func (w *world) checkKeyd() {
	keyd := os.Getenv("KEYD_CONTRACT_KEYD")
	if keyd == "" {
		return
	}
	w.t.Run("keyd rotates a key", func(t *testing.T) {
		own := *w
		own.t = t
		own.checkRotation(keyd)
		w.key = own.key
	})
}

// checkRotation has the program keyd replace the key of the contract's user at the
// endpoint, from the first look to the deletion of the old key.
func (w *world) checkRotation(keyd string) {
	home := w.t.TempDir()
	path := filepath.Join(home, "credentials")
	key := credfile.Key{ID: w.key.id, Secret: credfile.NewSecret(w.key.secret)}
	if err := os.WriteFile(path, []byte("[default]\naws_access_key_id = "+key.ID+"\naws_secret_access_key = "+key.Secret.Reveal()+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	for _, args := range [][]string{{"rotate", "--force", "--yes"}, {"rotate", "--retire-now", "--delete-now", "--yes"}} {
		command := exec.CommandContext(w.t.Context(), keyd, args...)
		command.Env = []string{
			"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + w.key.base,
			"AWS_SHARED_CREDENTIALS_FILE=" + path, "KEYD_STATE_DIR=" + filepath.Join(home, "state"),
		}
		out, err := command.CombinedOutput()
		w.t.Logf("keyd %s\n%s", strings.Join(args, " "), out)
		if err != nil {
			w.t.Fatalf("keyd %s: %v", strings.Join(args, " "), err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	next, err := credfile.ReadPair(data, credfile.Credentials, "default")
	if err != nil {
		w.t.Fatal(err)
	}
	listed := w.must(w.with(w.key.with(next.ID, next.Secret.Reveal()), "ListAccessKeys")).Keys
	if len(listed) != 1 || listed[0].AccessKeyId != next.ID || listed[0].Status != "Active" || next.ID == key.ID {
		w.t.Errorf("the file shows %s, and the user has %+v", next.ID, listed)
	}
	if old := w.call("GetCallerIdentity"); accepted(old) == nil {
		w.t.Errorf("the old key still works")
	}
	w.key = w.key.with(next.ID, next.Secret.Reveal()) // the other user is removed with it
}
