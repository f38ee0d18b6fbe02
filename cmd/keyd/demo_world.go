package main

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"keyd/daemon/awssim"
)

// demoWorld holds the demo's own home, clock and AWS.
type demoWorld struct {
	home   string
	clock  *demoClock
	cloud  *awssim.Cloud
	users  []*awssim.User // alice, bob, carol
	old    [2]string      // id and secret that default and work share at the start
	before string         // the credentials file at the start
	env    map[string]string
}

// demoClock shows the wall clock's time plus the time that was skipped.
type demoClock struct{ skipped atomic.Int64 }

func (c *demoClock) now() time.Time { return time.Now().Add(time.Duration(c.skipped.Load())) }

func (c *demoClock) skip(d time.Duration) { c.skipped.Add(int64(d)) }

func (w *demoWorld) skipped() time.Duration { return time.Duration(w.clock.skipped.Load()) }

func (w *demoWorld) getenv(name string) string { return w.env[name] }

func (w *demoWorld) state() string { return filepath.Join(w.home, "keyd") }

func (w *demoWorld) credentials() string { return filepath.Join(w.home, ".aws", "credentials") }

// newDemoWorld creates the four keys and the files that hold them. If other
// programs use the simulator, its IAM accepts signatures for any region: with a
// custom endpoint, botocore signs for the configured region.
func newDemoWorld(home string, served bool) (*demoWorld, error) {
	w := &demoWorld{home: home, clock: &demoClock{}}
	w.cloud = awssim.New(awssim.Options{Now: w.clock.now, Seed: 1, Lag: awssim.RealLag(), AnyRegion: served, Regions: []string{"eu-west-1", "us-east-1"}})
	for _, name := range []string{"alice", "bob", "carol"} {
		w.users = append(w.users, w.cloud.AddUser("111122223333", "/", name))
	}
	w.env = map[string]string{
		"HOME": home, "AWS_SHARED_CREDENTIALS_FILE": w.credentials(), "AWS_CONFIG_FILE": filepath.Join(home, ".aws", "config"),
		"KEYD_SETTINGS": filepath.Join(home, "keyd.ini"), "KEYD_STATE_DIR": w.state(),
	}
	if err := w.writeFiles(); err != nil {
		return nil, err
	}
	return w, nil
}

const demoCredentials = `# my keys
[default]
aws_access_key_id = %[1]s
aws_secret_access_key = %[2]s

[work]   ; the same key, written by someone else
aws_secret_access_key	=	%[2]s
aws_access_key_id	=	%[1]s
s3 =
  max_concurrent_requests = 20

[ci]
aws_access_key_id=%[3]s
aws_secret_access_key=%[4]s

[legacy]
aws_access_key_id = %[5]s
aws_secret_access_key = %[6]s

# from an assumed role, expires by itself
[sandbox]
aws_access_key_id = ASIA%[7]s
aws_secret_access_key = %[8]s
aws_session_token = %[9]s
`

func (w *demoWorld) writeFiles() error {
	alice, bob, carol := w.users[0], w.users[1], w.users[2]
	id, secret := alice.AddKey(75 * day)
	young, youngSecret := bob.AddKey(12 * day)
	legacy, legacySecret := carol.AddKey(412 * day)
	second, _ := carol.AddKey(500 * day)
	if err := carol.UseKeyAgo(second, "s3", "eu-west-1", 3*day); err != nil {
		return err
	}
	if err := alice.UseKeyAgo(id, "s3", "eu-west-1", time.Hour); err != nil {
		return err
	}
	w.old = [2]string{id, secret}
	w.before = fmt.Sprintf(demoCredentials, id, secret, young, youngSecret, legacy, legacySecret,
		randomText(16), randomText(40), randomText(120))
	if err := os.MkdirAll(filepath.Dir(w.credentials()), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(w.env["AWS_CONFIG_FILE"], []byte("[default]\nregion = eu-west-1\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(w.credentials(), []byte(w.before), 0o600)
}

// randomText returns n letters that look like part of a key and give access to
// nothing.
func randomText(n int) string {
	random := make([]byte, n)
	_, _ = rand.Read(random)
	return base32.StdEncoding.EncodeToString(random)[:n]
}

// environment returns the variables that make keyd and every AWS tool use this
// world.
func (w *demoWorld) environment(endpoint string) []string {
	lines := []string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1"}
	for _, name := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "KEYD_SETTINGS", "KEYD_STATE_DIR"} {
		lines = append(lines, name+"="+w.env[name])
	}
	return lines
}
