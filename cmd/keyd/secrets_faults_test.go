package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

// everyFault makes TestNoSecretWhateverFails try every fault at every call, which
// takes a night.
var everyFault = flag.Bool("every-fault", false, "TestNoSecretWhateverFails tries each kind of fault before and after each call")

// desk is a home in which keyd runs inside this process, with an AWS that needs no
// socket, so that it fits into a synctest bubble.
type desk struct {
	*world
	t    *testing.T
	id   string // of the key in the file at the start
	said bytes.Buffer
	asks bool // the last pass ended with a key that needs a person
}

func newDesk(t *testing.T, credentials string) *desk {
	t.Helper()
	d := &desk{world: newWorld(), t: t}
	d.home = deeptest.Folder(t)
	d.ears.home = d.home
	d.own = []string{filepath.Join(d.home, ".aws", "credentials"), filepath.Join(d.home, ".aws", "config")}
	id, secret := d.cloud.AddUser(account, "/", "alice").AddKey(70 * day)
	d.id = id
	text := strings.NewReplacer("ID", id, "SECRET", secret, "HALF1", secret[:20], "HALF2", secret[20:]).Replace(credentials)
	if err := errors.Join(os.Mkdir(filepath.Join(d.home, ".aws"), 0o700), os.WriteFile(d.own[0], []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return d
}

// Do makes the desk an httpClient: keyd sends its requests to it.
func (d *desk) Do(r *http.Request) (*http.Response, error) {
	d.ears.record(d.cloud, r)
	return d.cloud.Do(r)
}

func (d *desk) newApp() *app {
	env := map[string]string{"HOME": d.home, "KEYD_STATE_DIR": d.state(), "KEYD_SETTINGS": filepath.Join(d.home, "keyd.ini"), "TZ": "UTC"}
	return newApp(process{in: strings.NewReader(""), out: &d.said, err: &d.said, goos: "linux", now: time.Now, http: d,
		getenv: func(name string) string { return env[name] }})
}

func (d *desk) state() string { return filepath.Join(d.home, "state") }

// runKeyd runs one command as main does, without the signals.
func (d *desk) runKeyd(args ...string) int {
	u := d.newApp()
	root := newRootCommand(u, args)
	root.SetArgs(args)
	return u.reportError(root.ExecuteContext(d.t.Context()))
}

// runPass runs one pass, and prints everything about it in every way that code could.
func (d *desk) runPass(ctx context.Context) {
	keyd, _, err := d.newApp().openDaemon("run")
	if err != nil {
		fmt.Fprintln(&d.said, err)
		return
	}
	options := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	keyd.Log = slog.New(slog.NewMultiHandler(slog.NewTextHandler(&d.said, options), slog.NewJSONHandler(&d.said, options)))
	keyd.OnEvent = func(e rotate.Event) {
		keyd.Log.Info("event", "event", e, "err", e.Err)
		fmt.Fprintf(&d.said, "%v %+v %#v\n", e, e, e)
	}
	results, err := keyd.Pass(ctx, rotate.Request{Options: decide.Options{RetireNow: true, DeleteNow: true}})
	for _, r := range results {
		d.asks = r.NeedsPerson
		text, failed := json.Marshal(r)
		fmt.Fprintf(&d.said, "%v %+v %#v %s %v\n", r, r, r, text, failed)
		fmt.Fprintf(&d.said, "%v %+v %#v\n", r.Rotation, r.Rotation, r.Rotation)
		keyd.Log.Info("result", "result", r, "rotation", r.Rotation, "err", r.Err)
	}
	fmt.Fprintf(&d.said, "%v %+v %#v\n", err, err, err)
}

// runReadOnly runs the commands that change nothing.
func (d *desk) runReadOnly() {
	for _, args := range []string{"status", "status --json", "history", "history --json", "rotate --dry-run --force", "__complete rotate "} {
		d.runKeyd(strings.Split(args, " ")...)
	}
}

// isOver reports whether a rotation is over: there is no journal, and the file shows
// another key or a person is needed.
func (d *desk) isOver() bool {
	journals, _ := filepath.Glob(filepath.Join(d.state(), "rotations", "*"))
	text, err := os.ReadFile(d.own[0])
	return err == nil && len(journals) == 0 && (!bytes.Contains(text, []byte(d.id)) || d.asks)
}

// demandNoSecret demands that no secret has leaked so far. open says that a rotation is in
// progress, so that there may be a journal.
func (d *desk) demandNoSecret(what string, open bool) {
	d.t.Helper()
	secrets := d.cloud.Secrets()
	marks := marksOf(secrets)
	for _, m := range marksIn(d.said.Bytes(), marks) {
		d.t.Errorf("%s: %s was printed", what, m)
	}
	for _, found := range append(findSecrets(d.home, marks, d.secretPlaces(open)), d.ears.findWrong(secrets)...) {
		d.t.Errorf("%s: %s", what, found)
	}
}

const tidy = "[default]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n"

// TestMisplaced puts a secret where a person, or a bad paste, may have put it in the
// file. keyd reports what is wrong without printing the secret. (It prints the name of a
// profile or of a region, whatever that name is.)
func TestMisplaced(t *testing.T) {
	misplaced := map[string]string{
		"exchanged":                "[default]\naws_access_key_id = SECRET\naws_secret_access_key = ID\n",
		"twice":                    "[default]\naws_access_key_id = SECRET\naws_secret_access_key = SECRET\n",
		"as the id, alone":         "[default]\naws_access_key_id = SECRET\n",
		"without an equals sign":   "[default]\naws_access_key_id = ID\naws_secret_access_key SECRET\n",
		"alone in a line":          "[default]\naws_access_key_id = ID\nSECRET\n",
		"broken in two":            "[default]\naws_access_key_id = ID\naws_secret_access_key = HALF1\nHALF2\n",
		"broken and indented":      "[default]\naws_access_key_id = ID\naws_secret_access_key = HALF1\n  HALF2\n",
		"in front of the header":   "SECRET\n" + tidy,
		"as a name":                tidy + "SECRET = aws_secret_access_key\n",
		"as two names":             tidy + "SECRET = a\nSECRET = b\n",
		"two of them":              tidy + "aws_secret_access_key = SECRET\n",
		"quoted":                   "[default]\naws_access_key_id = \"ID\"\naws_secret_access_key = \"SECRET\"\n",
		"with the id":              "[default]\naws_access_key_id = ID:SECRET\naws_secret_access_key = SECRET\n",
		"as a comment":             "# SECRET\n" + tidy + "; SECRET\n",
		"behind a comment sign":    "[default]\naws_access_key_id = ID # SECRET\naws_secret_access_key = SECRET # SECRET\n",
		"in the colon form":        "[default]\naws_access_key_id: ID\naws_secret_access_key: SECRET\n",
		"with a byte order mark":   "\ufeff" + tidy,
		"behind an open header":    "[default\naws_access_key_id = ID\naws_secret_access_key = SECRET\n",
		"as an export":             "[default]\nexport AWS_SECRET_ACCESS_KEY=SECRET\nexport AWS_ACCESS_KEY_ID=ID\n",
		"as the token":             "[default]\naws_access_key_id = ID\naws_session_token = SECRET\naws_secret_access_key = SECRET\n",
		"in an endpoint":           tidy + "endpoint_url = https://ID:SECRET@example.com\n",
		"in an endpoint's query":   tidy + "endpoint_url = https://example.com/?secret=SECRET\n",
		"as an endpoint":           tidy + "endpoint_url = SECRET\n",
		"as a bundle":              tidy + "ca_bundle = SECRET\n",
		"in a credential process":  "[default]\ncredential_process = echo SECRET\n",
		"as one of JSON":           "{\"AccessKeyId\": \"ID\", \"SecretAccessKey\": \"SECRET\"}\n",
		"as the console's CSV":     "Access key ID,Secret access key\nID,SECRET\n",
		"with a NUL":               "[default]\naws_access_key_id = ID\naws_secret_access_key = SECRET\x00\n",
		"in a line without an end": "[default]\naws_access_key_id = ID\naws_secret_access_key = SECRET",
		"in carriage returns":      "[default]\raws_access_key_id = ID\raws_secret_access_key = SECRET\r",
	}
	for _, name := range deeptest.Sample(slices.Sorted(maps.Keys(misplaced)), 5) {
		text := misplaced[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, text)
				d.runReadOnly()
				d.runKeyd("rotate")
				d.runKeyd("rotate", "--force", "default")
				d.runReadOnly()
				d.runPass(t.Context())
				d.demandNoSecret(name, true)
				if t.Failed() {
					t.Log(d.said.String())
				}
			})
		})
	}
}

// TestNoSecretWhateverFails lets each call of a rotation fail, one per rotation, in
// every way, and searches everything that keyd prints and keeps, both then and after keyd
// has recovered. Without -every-fault it tries each kind of fault at CreateAccessKey, whose
// answer holds the secret, and one kind at every other call. Unless the tests are deep, it
// runs one in nine of these.
func TestNoSecretWhateverFails(t *testing.T) {
	calls := rotateOnce(t, awssim.Fault{Times: -1})
	faults := faultsOf("CreateAccessKey", 0)
	for n := range calls {
		if all := faultsOf("", n); *everyFault {
			faults = append(faults, all...)
		} else {
			faults = append(faults, all[n*5%len(all)])
		}
	}
	t.Logf("%d faults in a rotation of %d calls", len(faults), calls)
	for _, f := range deeptest.Sample(faults, 9) {
		t.Run(fmt.Sprintf("%s %d", f, f.Skip), func(t *testing.T) {
			t.Parallel()
			rotateOnce(t, f)
		})
	}
}

// faultsOf returns every kind of fault at one call, before and after its effect.
func faultsOf(action string, skip int) (faults []awssim.Fault) {
	for _, kind := range []awssim.Kind{awssim.Close, awssim.Reset, awssim.Timeout, awssim.Status500, awssim.Status503,
		awssim.Throttle, awssim.ReplicationLimit, awssim.Truncated, awssim.ShortLength, awssim.Empty, awssim.HTML,
		awssim.NoSecret, awssim.DNS, awssim.Dial, awssim.TLS} {
		for _, when := range []awssim.When{awssim.Before, awssim.After} {
			faults = append(faults, awssim.Fault{Action: action, Skip: skip, Times: 1, Kind: kind, When: when})
		}
	}
	return faults
}

// rotateOnce runs a whole rotation with this fault in it until it is over, and the
// commands with which a person looks at it meanwhile. It returns the number of calls
// of the first keyd rotate.
func rotateOnce(t *testing.T, f awssim.Fault) (calls int) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, tidy)
		d.cloud.Inject(f)
		d.runKeyd("rotate", "--force", "--delete-now", "--yes")
		calls = len(d.cloud.Calls())
		d.runReadOnly()
		d.demandNoSecret("after the fault", true)
		d.cloud.ClearFaults()
		for pass := 0; pass < 5 && !d.isOver(); pass++ {
			time.Sleep(8 * day) // a key whose secret was lost waits for the quarantine
			d.runPass(t.Context())
		}
		d.runReadOnly()
		if !d.isOver() {
			t.Error("the rotation is not over")
		}
		d.demandNoSecret("after the rotation", false)
		if text, _ := os.ReadFile(d.own[0]); len(marksIn(text, marksOf(d.cloud.Secrets()))) != 1 {
			t.Error("the search does not find the secret in the credentials file")
		}
		if t.Failed() {
			t.Log(d.said.String())
		}
	})
	return calls
}

// TestJournalKeepsBothSecrets reads the journal of a rotation in its overlap. It holds
// the new secret, with which keyd can mend the file, and the old one, which is the way
// back if someone makes the new key Inactive. The test then shows that a request signed
// with the old key would be noticed.
func TestJournalKeepsBothSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, tidy)
		d.runKeyd("rotate", "--force", "default")
		journals, _ := filepath.Glob(filepath.Join(d.state(), "rotations", "*"))
		if len(journals) != 1 {
			t.Fatalf("no overlap: %q\n%s", journals, d.said.String())
		}
		text, err := os.ReadFile(journals[0])
		if err != nil {
			t.Fatal(err)
		}
		if found := marksIn(text, marksOf(d.cloud.Secrets())); len(found) != 2 || found[0].key == found[1].key {
			t.Errorf("the journal holds %v", found)
		}
		d.demandNoSecret("in the overlap", true)
		if len(findSecrets(d.state(), marksOf(d.cloud.Secrets()), d.secretPlaces(false))) != 2 {
			t.Error("a journal that should be gone is not found")
		}
		d.ears.record(d.cloud, newRequest(t, "/", "Authorization", "AWS4-HMAC-SHA256 Credential="+d.id+"/20260101/us-east-1/iam/aws4_request"))
		if len(d.ears.findWrong(nil)) != 1 {
			t.Error("a request that the old key signs after the swap is not noticed")
		}
	})
}

// demandSilentDemo searches the output of the demo, and its state folders, for the secrets
// that are in its files at the end.
func demandSilentDemo(t *testing.T, home string, out []byte) {
	secrets, own := map[string]string{}, []string(nil)
	err := filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "credentials" {
			return err
		}
		own = append(own, path)
		text, err := os.ReadFile(path)
		for i, secret := range secretsIn(text) {
			secrets[fmt.Sprint("number ", i+1)] = secret
		}
		return err
	})
	if err != nil || len(secrets) < 3 {
		t.Fatalf("the demo left %d secrets: %v", len(secrets), err)
	}
	for _, m := range marksIn(out, marksOf(secrets)) {
		t.Errorf("%s was printed", m)
	}
	searchSecrets(t, home, secrets, places{own: own})
}
