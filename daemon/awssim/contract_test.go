package awssim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

// world is an endpoint with a user who may do everything and another user who has
// a key.
type world struct {
	t        *testing.T
	key      client // the user's first pair, which no clause changes
	name     string
	other    string        // key id of another user
	patience time.Duration // how long a change may take to show; 0 where it shows at once
}

func TestContractInProcess(t *testing.T) {
	c, w := simulated(t)
	w.key.doer, w.key.base = c, "http://127.0.0.1:4566"
	w.check(nil)
}

func TestContractOnLoopback(t *testing.T) {
	c, w := simulated(t)
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	w.key.doer, w.key.base = s.Client(), s.URL
	w.check(nil)
}

func simulated(t *testing.T) (*awssim.Cloud, *world) {
	c := awssim.New(awssim.Options{Seed: 7})
	alice := c.AddUser("111122223333", "/", "alice")
	if err := alice.AllowPolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`); err != nil {
		t.Fatal(err)
	}
	id, secret := alice.AddKey(time.Hour)
	other, _ := c.AddUser("111122223333", "/", "bob").AddKey(time.Hour)
	return c, &world{t: t, name: "alice", other: other, key: client{id: id, secret: secret}}
}

// TestContractElsewhere checks the clauses at $KEYD_CONTRACT_ENDPOINT, which is
// another simulator or AWS itself. The clauses named in $KEYD_CONTRACT_EXCEPT,
// separated by commas, must fail there.
//
// It signs with $KEYD_CONTRACT_KEY_ID and $KEYD_CONTRACT_SECRET, the only key of a
// user who may do everything. Without them it makes a user, a key and a policy
// with three requests signed by the pair in $KEYD_CONTRACT_ROOT, which is ID:SECRET, or
// else by an unknown key, which a simulator may allow. A change may take a minute to show,
// or $KEYD_CONTRACT_PATIENCE. The script .ci/contract does it with moto and versitygw.
func TestContractElsewhere(t *testing.T) {
	base := strings.TrimSuffix(os.Getenv("KEYD_CONTRACT_ENDPOINT"), "/")
	if base == "" {
		t.Skip("no endpoint to test: KEYD_CONTRACT_ENDPOINT is not set")
	}
	w := &world{t: t, patience: time.Minute, key: client{doer: http.DefaultClient, base: base}}
	if s := os.Getenv("KEYD_CONTRACT_PATIENCE"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		w.patience = d
	}
	w.key.id, w.key.secret = os.Getenv("KEYD_CONTRACT_KEY_ID"), os.Getenv("KEYD_CONTRACT_SECRET")
	if w.key.id == "" {
		w.bootstrap()
	}
	arn := w.call("GetCallerIdentity").Identity.Arn
	w.name = arn[strings.LastIndex(arn, "/")+1:]
	w.addOther()
	var except []string
	if s := os.Getenv("KEYD_CONTRACT_EXCEPT"); s != "" {
		except = strings.Split(s, ",")
	}
	w.check(except)
	w.checkKeyd()
}

func (w *world) bootstrap() {
	const name = "keyd-contract"
	call := w.stranger
	if id, secret, ok := strings.Cut(os.Getenv("KEYD_CONTRACT_ROOT"), ":"); ok {
		call = func(action string, args ...string) reply { return w.with(w.key.with(id, secret), action, args...) }
	}
	w.must(call("CreateUser", "UserName", name))
	k := w.must(call("CreateAccessKey", "UserName", name)).Key
	w.must(call("PutUserPolicy", "UserName", name, "PolicyName", "all",
		"PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	w.key = w.key.with(k.AccessKeyId, k.SecretAccessKey)
}

func (w *world) addOther() {
	name := w.name + "-other"
	w.must(w.call("CreateUser", "UserName", name))
	w.other = w.must(w.call("CreateAccessKey", "UserName", name)).Key.AccessKeyId
	w.t.Cleanup(func() {
		w.key.ctx = context.Background() // the context of the test has ended
		w.call("DeleteAccessKey", "UserName", name, "AccessKeyId", w.other)
		w.call("DeleteUser", "UserName", name)
	})
}

func (w *world) must(r reply) reply {
	w.t.Helper()
	if err := accepted(r); err != nil {
		w.t.Fatalf("the endpoint cannot be prepared: %v", err)
	}
	return r
}

// check runs every clause. An excepted clause must fail, so that no exception
// outlives its reason.
func (w *world) check(except []string) {
	names := map[string]bool{}
	for _, c := range clauses() {
		names[c.name] = true
		excepted := slices.Contains(except, c.name)
		w.t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			w.clean()
			if excepted {
				w.patience = 0
			}
			err := c.holds(&w)
			w.clean()
			switch {
			case err != nil && !excepted:
				t.Error(err)
			case err == nil && excepted:
				t.Error("the clause is excepted, but it holds")
			case err != nil:
				t.Logf("differs, as declared: %v", err)
			}
		})
	}
	for _, name := range except {
		if !names[name] {
			w.t.Errorf("there is no clause %q to except", name)
		}
	}
}

// clean deletes all of the user's keys except the first.
func (w *world) clean() {
	w.t.Helper()
	for _, k := range w.must(w.call("ListAccessKeys")).Keys {
		if k.AccessKeyId != w.key.id {
			w.must(w.call("DeleteAccessKey", "AccessKeyId", k.AccessKeyId))
		}
	}
}

// second makes another key and waits until it works.
func (w *world) second() client {
	w.t.Helper()
	k := w.must(w.call("CreateAccessKey")).Key
	c := w.key.with(k.AccessKeyId, k.SecretAccessKey)
	if err := w.soon(func() error { return accepted(w.with(c, "GetCallerIdentity")) }); err != nil {
		w.t.Fatalf("the second key: %v", err)
	}
	return c
}

// soon repeats try until it succeeds or the patience ends.
func (w *world) soon(try func() error) error {
	for end := time.Now().Add(w.patience); ; time.Sleep(time.Second) {
		if err := try(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (w *world) call(action string, args ...string) reply {
	w.t.Helper()
	return w.with(w.key, action, args...)
}

// stranger signs with a pair that does not exist. An unsigned request would not do,
// because a simulator may take the service from the scope.
func (w *world) stranger(action string, args ...string) reply {
	w.t.Helper()
	return w.with(w.key.with("AKIAIOSFODNN7EXAMPLE", "nobody's"), action, args...)
}

// with makes a call. It turns a broken connection into a reply that no clause
// accepts.
func (w *world) with(c client, action string, args ...string) reply {
	w.t.Helper()
	r, err := c.try(w.t, action, args...)
	if err != nil {
		r.Code = fmt.Sprintf("no answer: %v", err)
	}
	return r
}

func (w *world) matches(pattern, s string) error {
	if !regexp.MustCompile(pattern).MatchString(s) {
		return fmt.Errorf("%q is not like %s", s, pattern)
	}
	return nil
}
