package iam

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where Go does not read the variables of OpenSSL itself, what they name is added.
func TestOpenSSLVariablesCountEverywhere(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Join(dir, "a.pem"), filepath.Join(dir, "b.pem"), filepath.Join(other, "c.pem")} {
		if err := os.WriteFile(path, []byte(filepath.Base(path)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars := map[string]string{
		"SSL_CERT_FILE": filepath.Join(other, "c.pem"),
		"SSL_CERT_DIR":  dir + string(filepath.ListSeparator) + filepath.Join(dir, "missing"),
	}
	for goos, want := range map[string]string{"linux": "", "darwin": "c.pem|a.pem\nb.pem\n|", "windows": "c.pem|a.pem\nb.pem\n|"} {
		var got strings.Builder
		for _, pem := range openSSLRoots(goos, func(name string) string { return vars[name] }) {
			got.WriteString(string(pem) + "|")
		}
		if got.String() != want {
			t.Errorf("%s: got %q, want %q", goos, got.String(), want)
		}
	}
}
