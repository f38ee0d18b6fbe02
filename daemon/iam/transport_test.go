package iam_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// A signed request and its answer stay with the host they are meant for.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var stolen atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stolen.Add(1)
		fmt.Fprint(w, createdXML())
	}))
	defer thief.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, code) })
		_, err := s.client(t).CreateKey(t.Context(), user)
		if iam.ClassOf(err) != iam.Ambiguous || err == nil || !strings.Contains(err.Error(), "redirect to "+strings.TrimPrefix(thief.URL, "http://")) {
			t.Errorf("%d: got %v", code, err)
		}
	}
	if stolen.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// The authorities of the bundle are added to the system's. A missing bundle is an
// error at once.
func TestBundleAddsAuthorities(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(status(200, createdXML())))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	good, empty := filepath.Join(dir, "good.pem"), filepath.Join(dir, "empty.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for path, content := range map[string][]byte{good: cert, empty: []byte("nothing here")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	endpoints := remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: s.URL, STSURL: s.URL}
	for _, bundle := range []string{good, dir} { // REQUESTS_CA_BUNDLE may name a folder
		endpoints.CABundle = bundle
		c, err := iam.New(oldKey(), endpoints, iam.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateKey(t.Context(), user); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	for _, bad := range []string{empty, filepath.Join(dir, "missing.pem"), t.TempDir()} {
		endpoints.CABundle = bad
		if _, err := iam.New(oldKey(), endpoints, iam.Options{}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// TestBundlePathIsExplained: a path that a shell would complete names no file here.
func TestBundlePathIsExplained(t *testing.T) {
	for path, words := range map[string]string{
		"~/ca.pem":     "expand neither ~ nor variables",
		"$HOME/ca.pem": "expand neither ~ nor variables",
		"ca.pem":       "in the folder that it was started in",
		filepath.Join(t.TempDir(), "missing.pem"): "",
	} {
		err := iam.CheckBundle(path)
		if err == nil || !strings.Contains(err.Error(), words) || words == "" && strings.Contains(err.Error(), "whole path") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// After Close an idle client holds no connection, and it still works.
func TestCloseLeavesNoConnection(t *testing.T) {
	gone := make(chan struct{}, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(status(200, listXML("", "<IsTruncated>false</IsTruncated>"))))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			gone <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	shared, err := iam.NewTransport("")
	if err != nil {
		t.Fatal(err)
	}
	endpoints := remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: s.URL, STSURL: s.URL}
	for _, opt := range []iam.Options{{}, {HTTP: shared}} {
		c, err := iam.New(oldKey(), endpoints, opt)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := c.ListKeys(t.Context(), user); err != nil {
				t.Fatal(err)
			}
			c.Close()
			shared.Close()
			select {
			case <-gone:
			case <-time.After(time.Minute):
				t.Fatal("a connection stayed open")
			}
		}
	}
}
