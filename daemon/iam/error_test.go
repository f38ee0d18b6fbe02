package iam_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

// Every refusal with an error code of AWS has one class and certainly had no
// effect. A failure of the service is ambiguous.
func TestClassOfRefusals(t *testing.T) {
	const denied = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:CreateAccessKey on resource: user alice "
	for _, test := range []struct {
		name, code, message string
		status              int
		class               iam.Class
	}{
		{"unknown, deleted, inactive or young key", "InvalidClientTokenId", "The security token included in the request is invalid.", 403, iam.BadKey},
		{"wrong secret", "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.", 403, iam.BadSecret},
		{"slow clock", "SignatureDoesNotMatch", "Signature expired: 20261123T002132Z is now earlier than 20261123T002632Z (20261123T004132Z - 15 min.)", 403, iam.Clock},
		{"fast clock", "SignatureDoesNotMatch", "Signature not yet current: 20261123T010132Z is still later than 20261123T005632Z (20261123T004132Z + 15 min.)", 403, iam.Clock},
		{"expired request", "RequestExpired", "Request has expired.", 400, iam.Clock},
		{"skewed request", "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403, iam.Clock},
		{"scope of another region", "SignatureDoesNotMatch", "Credential should be scoped to a valid region.", 403, iam.Invalid},
		{"no token", "MissingAuthenticationToken", "Request is missing Authentication Token", 403, iam.Invalid},
		{"no policy allows", "AccessDenied", denied + "because no identity-based policy allows the iam:CreateAccessKey action", 403, iam.Denied},
		{"quota", "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409, iam.Quota},
		{"busy, with the code of the quota", "LimitExceeded", "Your account has a large number of updates awaiting replication, please try again later.", 409, iam.Replicating},
		{"no such key", "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.", 404, iam.NoSuch},
		{"no such user", "NoSuchEntity", "The user with name nonexistent-user cannot be found.", 404, iam.NoSuch},
		{"no user credentials", "ValidationError", "Must specify userName when calling with non-User credentials", 400, iam.Invalid},
		{"throttled", "Throttling", "Rate exceeded", 400, iam.Throttled},
		{"throttled, other spelling", "ThrottlingException", "Rate exceeded", 400, iam.Throttled},
		{"expired session, STS", "ExpiredToken", "The security token included in the request is expired", 403, iam.ExpiredToken},
		{"expired session", "ExpiredTokenException", "The security token included in the request is expired", 403, iam.ExpiredToken},
		{"opt-in", "OptInRequired", "The AWS Access Key Id needs a subscription for the service", 403, iam.OptIn},
		{"entity being changed", "EntityTemporarilyUnmodifiable", "try later", 409, iam.Replicating},
		{"concurrent change", "ConcurrentModification", "try later", 409, iam.Replicating},
		{"action unknown to the server", "InvalidAction", "Could not find operation Nope for version 2010-05-08", 400, iam.Invalid},
		{"failure of the service", "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure.", 500, iam.Ambiguous},
		{"service unavailable", "ServiceUnavailable", "", 503, iam.Ambiguous},
		{"throttled, but with a 503", "Throttling", "Rate exceeded", 503, iam.Ambiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := answers(refusal(test.status, test.code, test.message))
			_, err := client(t, w, aws()).CreateKey(t.Context(), user)
			e, ok := errors.AsType[*iam.Error](err)
			if !ok {
				t.Fatalf("got %v, want an *iam.Error", err)
			}
			if e.Class != test.class || e.Code != test.code || e.Message != test.message || e.HTTPStatus != test.status {
				t.Errorf("got %s, %q, %q, %d", e.Class, e.Code, e.Message, e.HTTPStatus)
			}
			if short := e.Short(); short == "" || len(short) > decide.ShortLimit {
				t.Errorf("in one cell of a table: %q", short)
			}
			if e.Definite() != (test.class != iam.Ambiguous) {
				t.Errorf("Definite is %t for %s", e.Definite(), e.Class)
			}
			if e.RequestID != "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE" || e.Endpoint != "iam.amazonaws.com" {
				t.Errorf("request id %q, endpoint %q", e.RequestID, e.Endpoint)
			}
			if len(w.got) != 1 {
				t.Errorf("%d requests, want 1", len(w.got))
			}
		})
	}
}

// A request that fails before it is written had no effect. One that fails later
// may have had an effect.
func TestClassOfTransportErrors(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, test := range []struct {
		name  string
		err   error
		class iam.Class
	}{
		{"name not found", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "iam.amazonaws.com", IsNotFound: true}}, iam.Unsent},
		{"connection refused", &url.Error{Op: "Post", URL: "https://iam.amazonaws.com/", Err: dial}, iam.Unsent},
		{"proxy refuses", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("EOF")}, iam.Unsent},
		{"certificate of a stranger", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, iam.Unsent},
		{"no TLS behind the port", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, iam.Unsent},
		{"closed without answer", io.EOF, iam.Ambiguous},
		{"cut off", io.ErrUnexpectedEOF, iam.Ambiguous},
		{"reset while reading", &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, iam.Ambiguous},
		{"broken while writing", &net.OpError{Op: "write", Err: errors.New("broken pipe")}, iam.Ambiguous},
		{"anything else", errors.New("odd"), iam.Ambiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := answers(fails(test.err))
			_, err := client(t, w, aws()).CreateKey(t.Context(), user)
			e, ok := errors.AsType[*iam.Error](err)
			if !ok || e.Class != test.class || e.Definite() != (test.class == iam.Unsent) || !e.Temporary() {
				t.Errorf("got %v (%s)", err, iam.ClassOf(err))
			}
			if len(w.got) != 1 {
				t.Errorf("%d requests, want 1", len(w.got))
			}
			want := "; nothing was changed"
			if test.class == iam.Ambiguous {
				want = "; it is not known whether it took effect"
			}
			if !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%q does not end with %q", err, want)
			}
		})
	}
}

// A refusal says nothing about an earlier attempt whose answer was lost.
func TestRefusalAfterALostAnswerIsNotDefinite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := refusal(404, "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.")
		for _, test := range []struct {
			name     string
			first    answer
			definite bool
		}{
			{"lost answer", fails(io.EOF), false},
			{"failure of the service", refusal(500, "ServiceFailure", ""), false},
			{"throttled", refusal(400, "Throttling", "Rate exceeded"), true},
			{"no connection", fails(&net.OpError{Op: "dial", Err: errors.New("refused")}), true},
		} {
			w := answers(test.first, gone)
			err := client(t, w, aws()).DeleteKey(t.Context(), user, oldID)
			e, ok := errors.AsType[*iam.Error](err)
			if !ok || e.Class != iam.NoSuch || e.Definite() != test.definite || len(w.got) != 2 {
				t.Errorf("%s: got %v, definite %t, %d requests", test.name, err, e.Definite(), len(w.got))
			}
		}
	})
}

// The class of a cancelled call depends on whether anything was sent, and
// errors.Is finds the cancellation.
func TestClassOfCancelledCalls(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := answers(body(200, createdXML()))
	_, err := client(t, w, aws()).CreateKey(ctx, user)
	if iam.ClassOf(err) != iam.Unsent || !errors.Is(err, context.Canceled) || len(w.got) != 0 {
		t.Errorf("cancelled before: got %v (%s), %d requests", err, iam.ClassOf(err), len(w.got))
	}

	ctx, cancel = context.WithCancel(t.Context())
	w = answers(func(*http.Request) (*http.Response, error) { cancel(); return nil, context.Canceled })
	_, err = client(t, w, aws()).CreateKey(ctx, user)
	if iam.ClassOf(err) != iam.Ambiguous || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled during: got %v (%s)", err, iam.ClassOf(err))
	}
}

// Errors are printed on a terminal, which text from the network must not control.
func TestMessagesAreOneCleanLine(t *testing.T) {
	w := answers(refusal(403, "AccessDenied", "a&#xA;b&#x9b;31m "+strings.Repeat("x", 5000)))
	_, err := client(t, w, aws()).ListKeys(t.Context(), user)
	if text := err.Error(); strings.ContainsAny(text, "\n\x1b\u009b") || len(text) > 1200 {
		t.Errorf("%d bytes: %.80q", len(text), text)
	}
}

// Every class that a person can act on comes with a command or a question. The
// classes that end by themselves are Temporary.
func TestHintsFollowTheClass(t *testing.T) {
	for _, test := range []struct {
		first     answer
		words     string
		temporary bool
	}{
		{refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match"), "secret in the file", false},
		{refusal(403, "RequestTimeTooSkewed", ""), "clock", false},
		{refusal(403, "ExpiredToken", ""), "MFA code", false},
		{refusal(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"), "keyd prune PROFILE", false},
		{refusal(403, "OptInRequired", ""), "sign the account up", false},
		{refusal(409, "LimitExceeded", "updates awaiting replication"), "some minutes", true},
		{refusal(400, "Throttling", ""), "some minutes", true},
		{refusal(403, "InvalidClientTokenId", ""), "partition", false},
		{fails(&net.OpError{Op: "dial", Err: errors.New("refused")}), "network; to see what is in the way: keyd doctor", true},
		{fails(&net.OpError{Op: "proxyconnect", Err: errors.New("refused")}), "HTTPS_PROXY", true},
		{fails(x509.UnknownAuthorityError{}), "AWS_CA_BUNDLE", true},
		{fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}), "network; to see what is in the way: keyd doctor", true},
		{fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving"}}), "keyd doctor", true},
		{fails(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), "VPN, or let the firewall", true},
		{fails(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), "let the firewall", true},
		{fails(&net.OpError{Op: "proxyconnect", Err: errors.New("Proxy Authentication Required")}), "without a password", true},
		{refusal(400, "InvalidParameterValue", "Unsupported action GetCallerIdentity"), "rotate = never", false},
		{body(405, "<Error><Code>MethodNotAllowed</Code></Error>"), "rotate = never", true},
		{redirects("https://gateway.example/login?next=x"), "sign in with a browser", true},
		{fails(io.EOF), "some minutes", true},
	} {
		_, err := client(t, answers(test.first), aws()).CreateKey(t.Context(), user)
		e, ok := errors.AsType[*iam.Error](err)
		if !ok || e.Temporary() != test.temporary || !strings.Contains(e.Hint(), test.words) || (test.words == "") != (e.Hint() == "") {
			t.Errorf("%v: hint %q, temporary %t", err, e.Hint(), e.Temporary())
		}
	}
	for message, want := range map[string]string{"failed with invalid MFA one time pass code.": "the next code", "failed, unable to validate MFA code.  Please verify your MFA serial number": "list-mfa-devices"} {
		_, err := client(t, answers(refusal(403, "AccessDenied", "MultiFactorAuthentication "+message)), aws()).OpenSession(t.Context(), "", "arn", "000000")
		if e, ok := errors.AsType[*iam.Error](err); !ok || !strings.Contains(e.Hint(), want) || !e.Denial.IsCertain() {
			t.Errorf("got %v", err)
		}
	}
}

// The error of a call cancelled between two attempts says what is known so far.
func TestCancelledBeforeTheNextAttempt(t *testing.T) {
	for name, test := range map[string]struct {
		first answer
		class iam.Class
	}{
		"lost answer":   {fails(io.EOF), iam.Ambiguous},
		"throttled":     {refusal(400, "Throttling", ""), iam.Throttled},
		"no connection": {fails(&net.OpError{Op: "dial", Err: errors.New("refused")}), iam.Unsent},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		w := answers(func(r *http.Request) (*http.Response, error) {
			cancel()
			return test.first(r)
		})
		err := client(t, w, aws()).DeleteKey(ctx, user, oldID)
		if iam.ClassOf(err) != test.class || len(w.got) != 1 {
			t.Errorf("%s: got %v (%s) after %d requests", name, err, iam.ClassOf(err), len(w.got))
		}
	}
}

// A request that the SDK itself rejects was never sent. An error from elsewhere
// is Ambiguous.
func TestClassOfUnsentAndForeignErrors(t *testing.T) {
	w := answers(fails(io.EOF))
	_, err := client(t, w, aws()).CallerIdentity(t.Context(), "no region!")
	if iam.ClassOf(err) != iam.Invalid || len(w.got) != 0 {
		t.Errorf("got %v (%s)", err, iam.ClassOf(err))
	}
	if got := iam.ClassOf(errors.New("odd")); got != iam.Ambiguous || got.String() != "ambiguous" {
		t.Errorf("got %s", got)
	}
	if got := iam.Invalid.String(); got != "invalid" {
		t.Errorf("the last class is called %q", got)
	}
}

// TestNetworkErrorsAreShort: a person reads them in a table, and the addresses of name
// servers and the names of system calls help nobody there.
func TestNetworkErrorsAreShort(t *testing.T) {
	unreachable := os.NewSyscallError("connect", syscall.ENETUNREACH)
	server := &net.UDPAddr{IP: net.IPv4(10, 255, 255, 53), Port: 53}
	for want, err := range map[string]error{
		"CreateAccessKey at iam.amazonaws.com: no name server answers: network is unreachable; nothing was changed": &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
			Name: "iam.amazonaws.com", Server: server.String(), Err: (&net.OpError{Op: "dial", Net: "udp", Addr: server, Err: unreachable}).Error()}},
		"CreateAccessKey at iam.amazonaws.com: no connection: network is unreachable; nothing was changed": &net.OpError{Op: "dial", Net: "tcp", Addr: server, Err: unreachable},
		"CreateAccessKey at iam.amazonaws.com: no connection: connection refused; nothing was changed":     &net.OpError{Op: "dial", Net: "tcp", Addr: server, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
	} {
		_, got := client(t, answers(fails(err)), aws()).CreateKey(t.Context(), user)
		if got == nil || strings.TrimPrefix(got.Error(), "iam: ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}
