//go:build unix

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

// killAWS is the AWS of processes that are killed: the simulator or moto.
type killAWS struct {
	http.Handler
	usable func(id, secret string) bool
	keys   func() map[string]string // status by id: the user's, as they really are
	judge  func([]awssim.Held)      // what can be said at the end only
}

// killClock is the clock of all processes of a test, those in a hurry and AWS.
// It goes as far as the last of them says.
type killClock struct{ at atomic.Int64 }

func newKillClock() *killClock {
	c := &killClock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *killClock) now() time.Time { return time.Unix(0, c.at.Load()).UTC() }

func (c *killClock) reach(t time.Time) {
	for now := c.at.Load(); t.UnixNano() > now && !c.at.CompareAndSwap(now, t.UnixNano()); now = c.at.Load() {
	}
}

// simulatedAWS has two users with a key each, and each of its endpoints is one
// machine. With several, five successes in a row are a
// matter of chance, however likely; here the oracle demands no outage at all.
func simulatedAWS(t *testing.T, now func() time.Time, lag awssim.Lag, seed uint64) (aws killAWS, pairs [2][2]string) {
	lag.Replicas = 1
	cloud := awssim.New(awssim.Options{Now: now, Seed: seed, Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}})
	alice, bob := cloud.AddUser(account, "/", "alice"), cloud.AddUser(account, "/", "bob")
	for i, user := range []*awssim.User{alice, bob} {
		pairs[i][0], pairs[i][1] = user.AddKey(70 * day)
	}
	return killAWS{
		Handler: cloud, usable: cloud.Usable,
		keys: func() map[string]string {
			keys := map[string]string{}
			for _, k := range cloud.Keys(alice) {
				keys[k.ID] = k.Status
			}
			return keys
		},
		judge: func(held []awssim.Held) { judgeCloud(t, cloud, bob, held) },
	}, pairs
}

// judgeCloud asks the ledger about the whole of the test.
func judgeCloud(t *testing.T, cloud *awssim.Cloud, bystander *awssim.User, held []awssim.Held) {
	t.Helper()
	if out := cloud.Outage(held, held[len(held)-1].At.Add(time.Minute)); out > 0 {
		t.Errorf("the pair in the file was refused for %s", out)
	}
	for _, c := range cloud.Touched() {
		t.Errorf("a foreign key was touched: %s %s, signed with %s", c.Action, c.Target, c.KeyID)
	}
	for _, c := range cloud.Calls() {
		if c.User == bystander.Name() {
			t.Errorf("%s was signed with a key that nobody named", c.Action)
		}
	}
	if keys := cloud.Keys(bystander); len(keys) != 1 || keys[0].Status != "Active" {
		t.Errorf("the bystander's keys are %+v", keys)
	}
}

// killServer brings requests to an AWS and lets a test do something before and
// after each.
type killServer struct {
	*httptest.Server
	aws    killAWS
	clock  *killClock
	called func(action string, served bool)
	open   atomic.Int64 // connections
}

func newKillServer(t *testing.T, aws killAWS, clock *killClock, called func(action string, served bool)) *killServer {
	s := &killServer{aws: aws, clock: clock, called: called}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = s.state
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *killServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/settled" {
		return
	}
	if at, err := time.Parse(time.RFC3339Nano, r.Header.Get(clockHeader)); err == nil {
		s.clock.reach(at)
	}
	r.Header.Del(clockHeader)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // killed while it was sending
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	s.called(form.Get("Action"), false)
	s.aws.ServeHTTP(w, r)
	s.called(form.Get("Action"), true) // the answer leaves when this returns
}

func (s *killServer) state(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	}
}

// settle returns once AWS has done what it was asked by a process that is dead:
// the clock must not run past a request that is still in a socket.
func (s *killServer) settle(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(s.URL + "/settled") // connections are accepted in order
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for end := time.Now().Add(time.Minute); s.open.Load() > 0; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("a request of a dead process is still open")
		}
	}
}
