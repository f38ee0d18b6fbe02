package iam_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// server plays IAM on loopback, behind a real transport. Every CreateAccessKey
// counts as a key made; then the handler loses the answer in its own way.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	got  []http.Header
	from []string // remote address of each CreateAccessKey
}

func newServer(t *testing.T, create http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "CreateAccessKey" {
			fmt.Fprint(w, listXML("", "<IsTruncated>false</IsTruncated>"))
			return
		}
		s.mu.Lock()
		s.got = append(s.got, r.Header)
		s.from = append(s.from, r.RemoteAddr)
		s.mu.Unlock()
		create(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) client(t *testing.T) *iam.Client {
	c, err := iam.New(oldKey(), remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: s.URL, STSURL: s.URL}, iam.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// created returns how many keys the user would have now, and the headers of the
// requests that made them.
func (s *server) created() (int, []http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got), s.got
}

func hijack(w http.ResponseWriter, f func(net.Conn)) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	f(conn)
	conn.Close()
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, text)
	}
}

func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, func(c net.Conn) { fmt.Fprint(c, text) })
	}
}

// The promise that matters most: however the answer to CreateAccessKey is lost,
// one request was sent, one key exists, and the caller learns that the outcome
// is unknown.
func TestCreateKeyIsSentOnceAndNeverBelievedWithoutAPair(t *testing.T) {
	const html = "<!DOCTYPE html><html><body>Welcome to the hotel</body></html>"
	whole := createdXML()
	reached, hang := make(chan struct{}), make(chan struct{})
	defer close(hang)
	for _, test := range []struct {
		name   string
		create http.HandlerFunc
		hint   string
	}{
		{"close", raw(""), ""},
		{"reset", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) })
		}, ""},
		{"500", status(500, refusalXML("ServiceFailure", "unknown")), ""},
		{"503", status(503, refusalXML("ServiceUnavailable", "")), ""},
		{"502 page of a proxy", status(502, html), "captive portal"},
		{"504 without body", status(504, ""), ""},
		{"hang", func(http.ResponseWriter, *http.Request) { close(reached); <-hang }, ""},
		{"truncated XML", status(200, whole[:len(whole)-40]), ""},
		{"XML cut after the secret", status(200, whole[:strings.Index(whole, "</SecretAccessKey>")]), ""},
		{"short Content-Length", raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(whole)+10, whole)), ""},
		{"cut header", raw("HTTP/1.1 200 OK\r\nContent-Le"), ""},
		{"empty 200", status(200, ""), ""},
		{"204", status(204, ""), ""},
		{"page with status 200", status(200, html), "captive portal"},
		{"page with status 403", status(403, html), "captive portal"},
		{"403 without error document", status(403, "<Forbidden/>"), ""},
		{"error document with status 200", status(200, refusalXML("AccessDenied", "no")), ""},
		{"answer to another call", status(200, listXML("", "")), ""},
		{"no secret", status(200, strings.Replace(whole, "<SecretAccessKey>"+newSecret+"</SecretAccessKey>", "", 1)), ""},
		{"no id", status(200, strings.Replace(whole, "<AccessKeyId>"+newID+"</AccessKeyId>", "", 1)), ""},
		{"no key", status(200, document("CreateAccessKey", " ")), ""},
		{"no result", status(200, document("CreateAccessKey", "")), ""},
		{"misshapen id", status(200, document("CreateAccessKey", keyXML(user, "ASIAY34FZKBOKMUTVV7A", "Active", newSecret))), ""},
		{"misshapen secret", status(200, document("CreateAccessKey", keyXML(user, newID, "Active", "two words and more"))), ""},
		{"key of another user", status(200, document("CreateAccessKey", keyXML("Eve", newID, "Active", newSecret))), ""},
		{"inactive key", status(200, document("CreateAccessKey", keyXML(user, newID, "Inactive", newSecret))), ""},
		{"endless answer", status(200, strings.Repeat(" ", 2<<20)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, test.create)
			c := s.client(t)
			// An idle connection is what tempts net/http to send a request again.
			if _, err := c.ListKeys(t.Context(), user); err != nil {
				t.Fatal(err)
			}
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			if test.name == "hang" { // give up only after the request has arrived: a busy machine is slow to send it
				go func() { <-reached; giveUp() }()
			}
			created, err := c.CreateKey(ctx, user)
			e, ok := errors.AsType[*iam.Error](err)
			if !ok || e.Class != iam.Ambiguous || e.Definite() {
				t.Errorf("got %v (%s)", err, iam.ClassOf(err))
			}
			if ok && (!strings.Contains(e.Hint(), test.hint) || (test.hint != "") != strings.Contains(e.Error(), "web page")) {
				t.Errorf("%v: hint %q, want %q", err, e.Hint(), test.hint)
			}
			if !created.Key.Secret.IsZero() {
				t.Error("a secret came with the error")
			}
			n, headers := s.created()
			if n != 1 {
				t.Fatalf("%d requests, want 1", n)
			}
			if got := headers[0].Get("Amz-Sdk-Request"); got != "attempt=1; max=1" {
				t.Errorf("Amz-Sdk-Request is %q", got)
			}
		})
	}
}

// CreateAccessKey never uses a connection that another call has used.
func TestCreateKeyUsesAFreshConnection(t *testing.T) {
	s := newServer(t, status(200, createdXML()))
	c := s.client(t)
	for range 3 {
		if _, err := c.ListKeys(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		created, err := c.CreateKey(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Date(2026, 11, 23, 0, 40, 3, 0, time.UTC)
		if created.Key.ID != newID || created.Key.Secret.Reveal() != newSecret || !created.At.Equal(want) || created.Date.IsZero() {
			t.Errorf("got %v, %v, %v", created.Key, created.At, created.Date)
		}
	}
	for i, from := range s.from[1:] {
		if from == s.from[i] {
			t.Errorf("connection %s was used twice", from)
		}
	}
}

// When the connection fails before the request is written, the error is definite,
// with the real transport too.
func TestCreateKeyWithoutConnectionIsDefinite(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	strange := httptest.NewUnstartedServer(status(200, createdXML()))
	strange.Config.ErrorLog = quiet()
	strange.StartTLS()
	defer strange.Close()
	plain := newServer(t, status(200, createdXML()))
	for name, url := range map[string]string{
		"closed port":               closed.URL,
		"certificate of a stranger": strange.URL,
		"no TLS behind the port":    strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		s := server{Server: &httptest.Server{URL: url}}
		_, err := s.client(t).CreateKey(t.Context(), user)
		e, ok := errors.AsType[*iam.Error](err)
		if !ok || e.Class != iam.Unsent || !e.Definite() || e.Hint() == "" {
			t.Errorf("%s: got %v (%s)", name, err, iam.ClassOf(err))
		}
	}
}

// An answer without a secret still yields the id, which helps to reconcile.
func TestAnswerWithoutSecretNamesTheKey(t *testing.T) {
	half := strings.Replace(createdXML(), newSecret, "", 1)
	created, err := client(t, answers(body(200, half)), aws()).CreateKey(t.Context(), user)
	if err == nil || created.Key.ID != newID || !created.Key.Secret.IsZero() || created.Date.IsZero() {
		t.Errorf("got %v, %v, %v", created.Key.ID, created.Date, err)
	}
}

// Every call ends within half a minute: the single attempt of CreateAccessKey,
// and all attempts of any other call together.
func TestCallsEndWithinHalfAMinute(t *testing.T) {
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	synctest.Test(t, func(t *testing.T) {
		w := answers(hang)
		c := client(t, w, aws())
		start := time.Now()
		_, err := c.CreateKey(t.Context(), user)
		if took := time.Since(start); took != 30*time.Second || iam.ClassOf(err) != iam.Ambiguous || len(w.got) != 1 {
			t.Errorf("CreateKey: %v after %s, %d requests", err, took, len(w.got))
		}
		start = time.Now()
		_, err = c.CallerIdentity(t.Context(), "")
		took := time.Since(start)
		if took > 30*time.Second || took < 20*time.Second || !errors.Is(err, context.DeadlineExceeded) || len(w.got) != 4 {
			t.Errorf("CallerIdentity: %v after %s, %d requests", err, took, len(w.got)-1)
		}
	})
}

// endless is a body without an end that counts how much of it is read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 8<<20 {
		return 0, errors.New("read without limit")
	}
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

func (e *endless) Close() error { return nil }

// A server that never stops sending cannot fill the memory.
func TestAnswersAreBounded(t *testing.T) {
	e := &endless{}
	w := answers(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: e}, nil
	})
	_, err := client(t, w, aws()).CreateKey(t.Context(), user)
	if iam.ClassOf(err) != iam.Ambiguous || e.read > 3<<20 {
		t.Errorf("%v after %d bytes", err, e.read)
	}
}

// FuzzCreateKey checks that no body makes CreateKey crash, succeed without a whole
// pair, or return a secret together with an error.
func FuzzCreateKey(f *testing.F) {
	f.Add(200, createdXML())
	f.Add(200, document("CreateAccessKey", ""))
	f.Add(403, refusalXML("AccessDenied", "no"))
	f.Add(200, "")
	f.Fuzz(func(t *testing.T, status int, text string) {
		created, err := client(t, answers(body(status, text)), aws()).CreateKey(t.Context(), user)
		switch {
		case err == nil && created.Key.Check() != nil:
			t.Errorf("success without a pair: %v", created.Key)
		case err != nil && !created.Key.Secret.IsZero():
			t.Error("a secret came with the error")
		case err != nil && status/100 != 4 && iam.ClassOf(err) != iam.Ambiguous:
			t.Errorf("status %d is %s", status, iam.ClassOf(err))
		}
	})
}
