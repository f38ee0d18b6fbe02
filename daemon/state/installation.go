package state

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"keyd/credfile/atomicfile"
)

// installationBytes is the length of the random part of an installation id.
const installationBytes = 16

// InstallationID returns the id of this installation of keyd: 12 hex digits that
// differ between any two state folders, and between two machines that share one
// state folder or hold copies of it. The id says nothing about the machine or its
// user, so AWS's records may show it.
//
// It is a hash of random bytes, which the first call writes into the state folder
// with mode 0600, and of the machine's own id, if the system has one. Without that, as
// in some containers, a copied folder has the id of the original. The host name is not
// part of it: laptops change theirs with the network.
//
// The error is that of the file. The state folder must exist.
func InstallationID(sys atomicfile.Sys, stateDir string) (string, error) {
	if id, err := FindInstallationID(sys, stateDir); id != "" || err != nil {
		return id, err
	}
	random := make([]byte, installationBytes)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	if err := atomicfile.Write(sys, InstallationPath(stateDir), []byte(hex.EncodeToString(random)+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("daemon: the installation id: %w", err)
	}
	return FindInstallationID(sys, stateDir) // another process may have written its own meanwhile
}

// FindInstallationID is InstallationID without the first write: it returns "" while
// the state folder has no installation id.
func FindInstallationID(sys atomicfile.Sys, stateDir string) (string, error) {
	data, err := atomicfile.Tail(sys, InstallationPath(stateDir), 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("daemon: the installation id: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if random, err := hex.DecodeString(text); err != nil || len(random) != installationBytes {
		return "", nil // damaged: another one is as good
	}
	sum := sha256.Sum256([]byte(text + "\x00" + machineID(sys)))
	return hex.EncodeToString(sum[:6]), nil
}
