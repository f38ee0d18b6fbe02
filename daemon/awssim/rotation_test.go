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
	for name, setting := range map[string]string{"the environment": "", "the profile": "services"} {
		w.t.Run("keyd rotates a key, and "+name+" names the endpoint", func(t *testing.T) {
			own := *w
			own.t = t
			own.checkRotation(keyd, setting != "")
			w.key = own.key
		})
	}
}

// checkRotation has the program keyd replace the key of the contract's user at the
// endpoint, from the first look to the deletion of the old key. With named, the profile names
// the endpoint of its IAM, as the manual says, and otherwise the environment names one for
// everything.
func (w *world) checkRotation(keyd string, named bool) {
	home := w.t.TempDir()
	path := filepath.Join(home, "credentials")
	key := credfile.Key{ID: w.key.id, Secret: credfile.NewSecret(w.key.secret)}
	if err := os.WriteFile(path, []byte("[default]\naws_access_key_id = "+key.ID+"\naws_secret_access_key = "+key.Secret.Reveal()+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	config, endpoint := "[default]\nregion = us-east-1\n", "AWS_ENDPOINT_URL="+w.key.base
	if named {
		config += "services = own\n[services own]\niam =\n  endpoint_url = " + w.key.base + "\n"
		endpoint = "AWS_MAX_ATTEMPTS=1" // names none
	}
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
	for _, args := range [][]string{{"rotate", "--force", "--yes"}, {"rotate", "--retire-now", "--delete-now", "--yes"}} {
		command := exec.CommandContext(w.t.Context(), keyd, args...)
		command.Env = []string{
			"HOME=" + home, "PATH=" + os.Getenv("PATH"), endpoint, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
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
