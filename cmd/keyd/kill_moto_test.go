//go:build unix

package main

import (
	"context"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/iam"
)

var killsMoto = flag.Int("kills-moto", 0, "number of processes that TestKillsMoto kills; needs python3 with moto[server]")

// TestKillsMoto is TestKills with an IAM that someone else wrote: moto, which checks
// signatures and policies. moto cannot detect outages: it accepts a new key at once,
// and Inactive keys too. So the pair in the file has to pass two checks: its signature
// must be accepted, and the key must be listed as Active.
//
// moto uses the machine's clock, so the clock of every process starts there, up to a
// minute behind the clock of the process before it, as if it had been set back.
func TestKillsMoto(t *testing.T) {
	if *killsMoto == 0 {
		t.Skip("left out: go test ./cmd/keyd -run TestKillsMoto -kills-moto 300 -v")
	}
	if out, err := exec.Command("python3", "-c", "import moto.server").CombinedOutput(); err != nil {
		t.Skipf("python3 has no moto[server]: %v\n%s", err, out)
	}
	k := newKilling(t)
	m := startMoto(t)
	k.start = time.Now
	k.measureRuns(killAWS{Handler: m.proxy, usable: m.isUsable, keys: m.aliceKeys, judge: m.checkBystander}, [2][2]string{m.alice, m.bob})
	k.killUntil(func() bool { return k.tally.killed >= *killsMoto })
	k.judgeAll()
}

// moto is a moto server with two users.
type moto struct {
	t          *testing.T
	base       string
	proxy      *httputil.ReverseProxy
	alice, bob [2]string // their first pairs
}

// startMoto starts moto and creates the users. moto accepts the requests that create
// them without a signature, and checks every signature after those.
func startMoto(t *testing.T) *moto {
	const unsigned = 6
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	server := exec.Command("python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
	server.Env = append(os.Environ(), fmt.Sprintf("INITIAL_NO_AUTH_ACTION_COUNT=%d", unsigned))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	m := &moto{t: t, base: "http://127.0.0.1:" + port}
	target, _ := url.Parse(m.base)
	m.proxy = &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.Out = r.Out.WithContext(context.WithoutCancel(r.Out.Context())) // the client may have been killed: moto handles its request now, and not later
		r.SetURL(target)
		r.Out.Host = r.In.Host // the signature covers it
	}}
	m.awaitPort("127.0.0.1:" + port)
	m.alice, m.bob = m.createUser("alice"), m.createUser("bob")
	return m
}

func (m *moto) awaitPort(address string) {
	for range 600 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatal("moto does not listen after 30 s")
}

// createUser creates a user who may do everything, and returns the user's key.
func (m *moto) createUser(name string) [2]string {
	m.t.Helper()
	var made struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	m.sendUnsigned(nil, "CreateUser", "UserName", name)
	m.sendUnsigned(nil, "PutUserPolicy", "UserName", name, "PolicyName", "all",
		"PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	m.sendUnsigned(&made, "CreateAccessKey", "UserName", name)
	return [2]string{made.ID, made.Secret}
}

// sendUnsigned sends a request without a valid signature. moto reads from the signature's
// scope which service is meant.
func (m *moto) sendUnsigned(into any, action string, args ...string) {
	m.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.base+"/", strings.NewReader(form.Encode()))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		m.t.Fatalf("moto: %s: %s", action, answer.Status)
	}
	if into != nil {
		if err := xml.NewDecoder(answer.Body).Decode(into); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *moto) newClient(id, secret string) *iam.Client {
	site, err := iam.ResolveEndpoints([]credfile.EndpointConfig{{}}, func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL": m.base, "NO_PROXY": "*"}[name]
	})
	if err != nil {
		m.t.Fatal(err)
	}
	c, err := iam.New(credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}, site, iam.Options{Now: time.Now})
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

func (m *moto) isUsable(id, secret string) bool {
	c := m.newClient(id, secret)
	defer c.Close()
	who, err := c.CallerIdentity(context.Background(), "us-east-1")
	if err != nil {
		m.t.Errorf("moto: %v", err)
	}
	return err == nil && who.User == "alice" && m.aliceKeys()[id] == "Active"
}

func (m *moto) aliceKeys() map[string]string { return m.keysOf("alice") }

// keysOf signs with bob's key, so that it uses none of alice's.
func (m *moto) keysOf(user string) map[string]string {
	c := m.newClient(m.bob[0], m.bob[1])
	defer c.Close()
	listing, err := c.ListKeys(context.Background(), user)
	if err != nil {
		m.t.Errorf("moto: %v", err)
	}
	keys := map[string]string{}
	for _, k := range listing.Keys {
		keys[k.ID] = string(k.Status)
	}
	return keys
}

func (m *moto) checkBystander([]awssim.ShownPair) {
	if keys := m.keysOf("bob"); len(keys) != 1 || keys[m.bob[0]] != "Active" {
		m.t.Errorf("the bystander's keys are %v", keys)
	}
}
