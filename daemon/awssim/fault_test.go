package awssim_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// mode is one way to lose or spoil the answer of CreateAccessKey.
type mode struct {
	kind  awssim.Kind
	lost  func(error) bool // checks the error of Do; nil: there is an answer
	wire  bool             // a listener can show it too
	reply func(reply, error) bool
}

func as[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func answers(status int, code, part string) func(reply, error) bool {
	return func(r reply, err error) bool {
		return err == nil && r.status == status && r.Code == code && strings.Contains(r.body, part) && !strings.Contains(r.body, "</SecretAccessKey>")
	}
}

func modes() []mode {
	return []mode{
		{kind: awssim.Close, wire: true, lost: is(io.EOF)},
		{kind: awssim.Reset, wire: true, lost: func(err error) bool { return is(syscall.ECONNRESET)(err) || is(wsaReset)(err) }},
		{kind: awssim.Hang, wire: true, lost: is(context.DeadlineExceeded)},
		{kind: awssim.Timeout, lost: is(os.ErrDeadlineExceeded)},
		{kind: awssim.DNS, lost: as[*net.DNSError]},
		{kind: awssim.Dial, lost: is(syscall.ECONNREFUSED)},
		{kind: awssim.TLS, lost: as[*tls.CertificateVerificationError]},
		{kind: awssim.Status500, wire: true, reply: answers(500, "ServiceFailure", "<Type>Receiver</Type>")},
		{kind: awssim.Status503, wire: true, reply: answers(503, "ServiceUnavailable", "<Type>Receiver</Type>")},
		{kind: awssim.Throttle, wire: true, reply: answers(400, "Throttling", "Rate exceeded")},
		{kind: awssim.ReplicationLimit, wire: true, reply: answers(409, "LimitExceeded", "updates awaiting replication")},
		{kind: awssim.Truncated, wire: true, reply: answers(200, "", "<CreateAccessKeyResponse")},
		{kind: awssim.Empty, wire: true, reply: func(r reply, err error) bool { return err == nil && r.status == 200 && r.body == "" }},
		{kind: awssim.HTML, wire: true, reply: answers(200, "", "<html>")},
		{kind: awssim.NoSecret, wire: true, reply: answers(200, "", "</CreateAccessKeyResponse>")},
		{kind: awssim.ShortLength, wire: true, reply: func(r reply, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && r.status == 200 && !strings.Contains(r.body, "</SecretAccessKey>")
		}},
	}
}

// wsaReset is WSAECONNRESET, the error of a reset socket on Windows.
const wsaReset = syscall.Errno(10054)

// check sends one CreateAccessKey into the fault. It checks the answer and what
// really happened.
func (m mode) check(t *testing.T, c *awssim.Cloud, u *awssim.User, old client, when awssim.When, ctx context.Context) {
	c.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: m.kind, When: when, Times: 1})
	old.ctx = ctx
	r, err := old.try(t, "CreateAccessKey")
	if m.lost != nil && !m.lost(err) || m.reply != nil && !m.reply(r, err) {
		t.Errorf("answer %d %q %q, error %v", r.status, r.Code, r.body, err)
	}
	unreached := m.kind == awssim.DNS || m.kind == awssim.Dial || m.kind == awssim.TLS
	want := when == awssim.After && !unreached
	keys, calls, orphans := c.Keys(u), c.Calls(), c.Orphans()
	call := calls[len(calls)-1]
	if got := len(keys) == 2; got != want || call.Effect != want || call.Fault != m.kind || call.Delivered {
		t.Errorf("%d keys, call %+v, want the effect %t", len(keys), call, want)
	}
	if (len(orphans) == 1) != want || want && (orphans[0] != keys[1].ID || keys[1].Delivered) {
		t.Errorf("orphans %v", orphans)
	}
	old.ctx = nil
	if r := old.call(t, "ListAccessKeys"); r.status != 200 {
		t.Errorf("the next request: %s", r.body)
	}
}

func sides(t *testing.T, name string, test func(*testing.T, awssim.When)) {
	t.Run(name+" before the effect", func(t *testing.T) { test(t, awssim.Before) })
	t.Run(name+" after the effect", func(t *testing.T) { test(t, awssim.After) })
}

func TestFaultsInProcess(t *testing.T) {
	for _, m := range modes() {
		sides(t, string(m.kind), func(t *testing.T, when awssim.When) {
			bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				m.check(t, c, u, old, when, ctx)
			})
		})
	}
}

func TestFaultsOnLoopback(t *testing.T) {
	for _, m := range modes() {
		if !m.wire {
			continue // the connection exists already: nothing is left to resolve, dial or shake hands with
		}
		sides(t, string(m.kind), func(t *testing.T, when awssim.When) {
			c := awssim.New(awssim.Options{Seed: 3})
			u := c.AddUser(account, "/", "alice")
			id, secret := u.AddKey(time.Hour)
			s := httptest.NewServer(c)
			defer s.Close()
			old := client{doer: s.Client(), base: s.URL, id: id, secret: secret}
			ctx := t.Context()
			if m.kind == awssim.Hang {
				m.lost = is(context.Canceled)
				ctx = whenCalled(t, c)
			}
			m.check(t, c, u, old, when, ctx)
		})
	}
}

// whenCalled returns a context that ends as soon as the cloud has received a call.
// No fixed time would be long enough on every busy machine.
func whenCalled(t *testing.T, c *awssim.Cloud) context.Context {
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		defer giveUp()
		for len(c.Calls()) == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	return ctx
}

func TestFaultsMatchSkipAndCount(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		id, secret := c.AddUser(account, "/", "bob").AddKey(0)
		bob := old.with(id, secret)
		c.Inject(awssim.Fault{Action: "GetCallerIdentity", User: "alice", Region: "eu-west-1", Skip: 1, Times: 2, Kind: awssim.Throttle})
		var codes []string
		for _, k := range []client{old, bob, old.in("eu-west-1"), bob.in("eu-west-1"), old.in("eu-west-1"), old, old.in("eu-west-1"), old.in("eu-west-1")} {
			codes = append(codes, k.call(t, "GetCallerIdentity").Code)
		}
		if got := strings.Join(codes, ","); got != ",,,,Throttling,,Throttling," {
			t.Errorf("codes %s", got)
		}
		c.Inject(awssim.Fault{Kind: awssim.Status503})
		for range 3 {
			if r := bob.call(t, "ListAccessKeys"); r.status != 503 {
				t.Errorf("fault without a limit: %d", r.status)
			}
		}
		c.ClearFaults()
		if r := bob.call(t, "ListAccessKeys"); r.status != 200 {
			t.Errorf("after ClearFaults: %d", r.status)
		}
	})
}

func TestLatencyDelaysTheAnswerOnly(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		c.Inject(awssim.Fault{Action: "CreateAccessKey", Latency: 5 * time.Second, Times: 1})
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			if n := len(c.Keys(u)); n != 2 {
				t.Errorf("%d keys while the answer is under way, want 2", n)
			}
		}()
		old.create(t)
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("answered after %v", d)
		}
		if o := c.Orphans(); len(o) != 0 {
			t.Errorf("orphans %v", o)
		}
	})
}

func TestLateRequestTakesEffectAfterTheClientLeft(t *testing.T) {
	for _, tc := range []struct {
		name    string
		kind    awssim.Kind
		timeout time.Duration
		lost    bool
	}{
		{"answer lost at once", awssim.Close, time.Hour, true},
		{"client gives up", "", 10 * time.Second, true},
		{"client waits", "", time.Hour, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
				c.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: tc.kind, Late: 20 * time.Second, Times: 1})
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tc.timeout)
				defer cancel()
				late := old
				late.ctx = ctx
				if _, err := late.try(t, "CreateAccessKey"); (err != nil) != tc.lost {
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Until(start.Add(20*time.Second - 1)))
				if n := len(c.Keys(u)); tc.lost && n != 1 {
					t.Errorf("%d keys before the request is due", n)
				}
				time.Sleep(time.Until(start.Add(30 * time.Second)))
				keys := c.Keys(u)
				if len(keys) != 2 || !keys[1].Created.Equal(start.Add(20*time.Second)) || keys[1].Delivered == tc.lost {
					t.Errorf("keys %+v", keys)
				}
				if calls := c.Calls(); !calls[0].Effect || len(calls) != 1 {
					t.Errorf("calls %+v", calls)
				}
			})
		})
	}
}

func TestLateEffectKeepsTheFailure(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		c.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Status500, Late: time.Second, Latency: 2 * time.Second, Times: 1})
		if r := old.call(t, "CreateAccessKey"); r.status != 500 || len(c.Keys(u)) != 2 {
			t.Errorf("answer %d, keys %+v", r.status, c.Keys(u))
		}
	})
}

func TestLateEffectHappensOnceWhenTheClockStandsStill(t *testing.T) {
	now := time.Now()
	c := awssim.New(awssim.Options{Now: func() time.Time { return now }})
	u := c.AddUser(account, "/", "alice")
	id, secret := u.AddKey(0)
	c.Inject(awssim.Fault{Late: time.Millisecond, Times: 1})
	fresh := newClient(c, id, secret).create(t)
	if err := u.DeleteKey(fresh.id); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if keys := c.Keys(u); len(keys) != 1 {
		t.Errorf("keys %+v", keys)
	}
}

func TestSDKAttemptsAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := awssim.New(awssim.Options{})
		id, secret := c.AddUser(account, "/", "alice").AddKey(0)
		k := newClient(c, id, secret)
		k.edit = func(r *http.Request) { r.Header.Set("Amz-Sdk-Request", "attempt=2; max=3") }
		k.call(t, "ListAccessKeys")
		call := c.Calls()[0]
		if call.Attempt != 2 || call.Max != 3 || call.View != "iam" || call.KeyID != id || call.User != "alice" || call.Status != 200 || !call.Delivered {
			t.Errorf("call %+v", call)
		}
	})
}
