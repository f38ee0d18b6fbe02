package iam

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each way in which no connection comes about says what it is and what helps, and only
// where something answered does it count as intercepted.
func TestNetworkFaultsAreToldApart(t *testing.T) {
	const host = "sts.eu-west-1.amazonaws.com"
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	invalid := func(from, to time.Duration) error {
		now := time.Now()
		return &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: now.Add(from), NotAfter: now.Add(to)}}}
	}
	for name, test := range map[string]struct {
		err         error
		says, hint  string
		intercepted bool
	}{
		"proxy, password":       {checkProxyAnswer(407), "407", "without a password", true},
		"proxy, password, text": {&net.OpError{Op: "proxyconnect", Err: errors.New("Proxy Authentication Required")}, "407", "without a password", true},
		"proxy, sign in":        {checkProxyAnswer(302), "302", "sign in", true},
		"network, sign in":      {checkProxyAnswer(511), "511", "sign in", true},
		"proxy, forbidden":      {checkProxyAnswer(403), "403 Forbidden", "forbids connections to " + host, true},
		"proxy, no way":         {checkProxyAnswer(502), "502", "cannot reach", true},
		"proxy is down":         {&net.OpError{Op: "proxyconnect", Err: dial(syscall.ECONNREFUSED)}, "proxyconnect", "start the proxy that HTTPS_PROXY names", false},
		"clock behind":          {invalid(24*time.Hour, 48*time.Hour), "is not valid before", "set the clock", true},
		"clock ahead":           {invalid(-48*time.Hour, -24*time.Hour), "was valid until", "set the clock", true},
		"authority":             {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "unknown authority", "AWS_CA_BUNDLE", true},
		"alert":                 {&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, "handshake failure", "AWS_CA_BUNDLE", true},
		"no name":               {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), "no such host", "correct the region in " + host + "; to see what is in the way: keyd doctor", false},
		"no name server":        {dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), "server misbehaving", "connect this machine to the network; to see what is in the way: keyd doctor", false},
		"refused":               {dial(syscall.ECONNREFUSED), "refused", "VPN", false},
		"silent":                {dial(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), "timeout", "connect this machine", false},
		"TLS is silent":         {errors.New("net/http: TLS handshake timeout"), "handshake timeout", "let the firewall allow connections", false},
		"cut off":               {io.EOF, "EOF", "let the firewall or the proxy allow connections", false},
		"anything else":         {dial(errors.New("network is unreachable")), "unreachable", "connect this machine to the network", false},
	} {
		k := &call{name: "GetCallerIdentity", host: host, attempts: 1, traced: true}
		e := k.newError(&url.Error{Op: "Post", URL: "https://" + host, Err: test.err})
		if e.Class != Unsent || !strings.Contains(e.Error(), test.says) || !strings.Contains(e.Hint(), test.hint) || IsIntercepted(e) != test.intercepted {
			t.Errorf("%s: %v (%s); hint %q; intercepted %t", name, e, e.Class, e.Hint(), IsIntercepted(e))
		}
	}
	stopped := &call{name: "GetCallerIdentity", host: "127.0.0.1", attempts: 1, traced: true}
	if h := stopped.newError(&url.Error{Op: "Post", URL: "http://127.0.0.1:4566", Err: dial(syscall.ECONNREFUSED)}).Hint(); !strings.Contains(h, "stands in for AWS") || strings.Contains(h, "online") {
		t.Errorf("a stand-in that does not run: hint %q", h)
	}
	if err := checkProxyAnswer(http.StatusOK); err != nil {
		t.Error(err)
	}
}
