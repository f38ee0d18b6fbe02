package main

import (
	"slices"
	"testing"

	"keyd/credfile"
	"keyd/daemon/iam"
	"keyd/daemon/state"
	"keyd/install"
)

// TestServiceKeepsTheVariablesThatKeydReads: whatever decides in a shell which files keyd reads
// and which servers it asks must reach the service, or one of them rotates what the other does
// not see.
func TestServiceKeepsTheVariablesThatKeydReads(t *testing.T) {
	read := []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY"} // by the packages of Go
	getenv := func(name string) string {
		if name != "HOME" { // the service manager sets it
			read = append(read, name)
		}
		return map[string]string{"HOME": "/h"}[name]
	}
	if _, err := credfile.Locate(getenv, "linux"); err != nil {
		t.Fatal(err)
	}
	if _, err := state.FindFolders(getenv, "linux"); err != nil {
		t.Fatal(err)
	}
	if _, err := iam.ResolveEndpoints(nil, getenv); err != nil {
		t.Fatal(err)
	}
	if len(read) < 20 {
		t.Errorf("only %q are read", read)
	}
	for _, name := range read {
		env, _, err := install.Environment(func(asked string) string {
			if asked == name {
				return "https://x.example"
			}
			return ""
		})
		if err != nil || !slices.ContainsFunc(env, func(v install.Variable) bool { return v.Name == name }) {
			t.Errorf("the service does not get %s: %v", name, err)
		}
	}
}
