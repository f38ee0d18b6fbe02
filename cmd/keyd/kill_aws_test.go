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

// killAWS is the AWS that the killed processes use: the simulator or moto.
type killAWS struct {
	http.Handler
	usable func(id, secret string) bool
	keys   func() map[string]string // the status of the user's keys by id, as they really are
	judge  func([]awssim.ShownPair) // checks what can only be checked at the end
}

// killClock is the clock that the hurried processes of a test and AWS share. It shows
// the latest time that any of them has reached.
type killClock struct{ at atomic.Int64 }

func newKillClock() *killClock {
	c := &killClock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *killClock) now() time.Time { return time.Unix(0, c.at.Load()).UTC() }

func (c *killClock) advanceTo(t time.Time) {
	for now := c.at.Load(); t.UnixNano() > now && !c.at.CompareAndSwap(now, t.UnixNano()); now = c.at.Load() {
	}
}

// simulatedAWS returns an AWS with two users who have one key each. Each of its
// endpoints is a single machine: with several, five successes in a row would not
// quite rule out an outage, and this test allows none.
func simulatedAWS(t *testing.T, now func() time.Time, lag awssim.Lag, seed uint64) (aws killAWS, pairs [2][2]string) {
	lag.Replicas = 1
	cloud := awssim.New(awssim.Options{Now: now, Seed: seed, Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}})
	alice, bob := cloud.AddUser(account, "/", "alice"), cloud.AddUser(account, "/", "bob")
	for i, user := range []*awssim.User{alice, bob} {
		pairs[i][0], pairs[i][1] = user.AddKey(70 * day)
	}
	return killAWS{
		Handler: cloud, usable: cloud.IsUsable,
		keys: func() map[string]string {
			keys := map[string]string{}
			for _, k := range cloud.Keys(alice) {
				keys[k.ID] = k.Status
			}
			return keys
		},
		judge: func(held []awssim.ShownPair) { judgeCloud(t, cloud, bob, held) },
	}, pairs
}

// judgeCloud checks the simulator's record of the whole test.
func judgeCloud(t *testing.T, cloud *awssim.Cloud, bystander *awssim.User, held []awssim.ShownPair) {
	t.Helper()
	if out := cloud.Outage(held, held[len(held)-1].At.Add(time.Minute)); out > 0 {
		t.Errorf("the pair in the file was refused for %s", out)
	}
	for _, c := range cloud.ForeignCalls() {
		t.Errorf("a foreign key was touched: %s %s, signed with %s", c.Action, c.Target, c.KeyID)
	}
	for _, c := range cloud.Calls() {
		if c.User == bystander.Name() {
			t.Errorf("%s was signed with the key of a profile that the command did not name", c.Action)
		}
	}
	if keys := cloud.Keys(bystander); len(keys) != 1 || keys[0].Status != "Active" {
		t.Errorf("the bystander's keys are %+v", keys)
	}
}

// killServer passes requests to an AWS, and calls a function of the test before and
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
	s.Config.ConnState = s.countConnections
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *killServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/settled" {
		return
	}
	if at, err := time.Parse(time.RFC3339Nano, r.Header.Get(clockHeader)); err == nil {
		s.clock.advanceTo(at)
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

func (s *killServer) countConnections(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	}
}

// awaitRequests returns once AWS has handled all requests of a process that was killed: the
// clock must not run past a request that is still in a socket.
func (s *killServer) awaitRequests(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(s.URL + "/settled") // connections are accepted in order
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for end := time.Now().Add(time.Minute); s.open.Load() > 0; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("a request of a killed process is still open")
		}
	}
}
