package awssim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Do answers a request in process, without a socket. It has the form that an SDK
// expects of its HTTP client. It fails like http.Client, with a *url.Error around
// the network's error, and ends when r's context ends.
func (c *Cloud) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	fail := func(err error) (*http.Response, error) {
		return nil, &url.Error{Op: errorMethod(r.Method), URL: r.URL.String(), Err: err}
	}
	if err := r.Context().Err(); err != nil {
		return fail(err)
	}
	x, err := readRequest(c, r)
	if err != nil {
		return fail(err)
	}
	c.process(x)
	if err := c.awaitAnswer(r.Context(), x); err != nil {
		return fail(err)
	}
	if x.fault.Kind.losesAnswer() {
		return fail(networkError(x.fault.Kind, r.URL))
	}
	a := c.takeAnswer(x)
	c.noteDelivered(x)
	var body io.Reader = strings.NewReader(string(a.body))
	if a.short > 0 {
		body = io.MultiReader(body, brokenReader{})
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.answerHeader(x, a), ContentLength: int64(len(a.body) + a.short),
		Body: io.NopCloser(body), Request: r,
	}, nil
}

// errorMethod returns the method as http.Client writes it in its errors.
func errorMethod(method string) string {
	if method == "" {
		return "Get"
	}
	return method[:1] + strings.ToLower(method[1:])
}

// brokenReader ends like a body that is shorter than its Content-Length.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// networkError returns the error that net/http returns for a fault.
func networkError(k Kind, u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	// 192.0.2.1 is a documentation address (RFC 5737): in process there is no real address.
	n, _ := strconv.Atoi(port)
	peer := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: n}
	switch k {
	case Reset:
		return &net.OpError{Op: "read", Net: "tcp", Addr: peer, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	case Timeout:
		return &net.OpError{Op: "read", Net: "tcp", Addr: peer, Err: os.ErrDeadlineExceeded}
	case DNS:
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: u.Hostname(), IsNotFound: true}}
	case Dial:
		return &net.OpError{Op: "dial", Net: "tcp", Addr: peer, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case TLS:
		return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	}
	return io.EOF
}

// ServeHTTP answers a request on a listener. On loopback any host name works,
// because service and region come from the signature.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, err := readRequest(c, r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client disconnected while it was still sending
	}
	c.process(x)
	if x.fault.Kind == Timeout {
		x.fault.Kind = Hang
	}
	if c.awaitAnswer(r.Context(), x) != nil {
		panic(http.ErrAbortHandler)
	}
	if x.fault.Kind == Reset {
		resetConnection(w)
	}
	if x.fault.Kind.losesAnswer() {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	a := c.takeAnswer(x)
	maps.Copy(w.Header(), c.answerHeader(x, a))
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err == nil && r.Context().Err() == nil {
		c.noteDelivered(x)
	}
}

// resetConnection ends the connection with a TCP RST where the transport allows it.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// awaitAnswer holds the answer back for as long as the fault says; with Hang, until
// ctx ends.
func (c *Cloud) awaitAnswer(ctx context.Context, x *exchange) error {
	var done <-chan time.Time
	switch {
	case x.fault.Kind == Hang:
	case x.fault.Latency > 0:
		t := time.NewTimer(x.fault.Latency)
		defer t.Stop()
		done = t.C
	default:
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("awssim: no answer yet: %w", ctx.Err())
	}
}

// takeAnswer records that an answer leaves and returns it. A late request has
// usually been carried out by now. If Options.Now does not advance with timers,
// takeAnswer carries it out.
func (c *Cloud) takeAnswer(x *exchange) answer {
	defer c.lockAndSettle()()
	if x.answer.status == 0 {
		x.carryOut(c.opt.Now())
	}
	x.call.Status = x.answer.status
	return x.answer
}

// noteDelivered records that the client has received the answer.
func (c *Cloud) noteDelivered(x *exchange) {
	defer c.lockAndSettle()()
	if x.fault.Kind != "" {
		return
	}
	x.call.Delivered = true
	if x.made != nil {
		x.made.delivered = true
	}
}

func (c *Cloud) answerHeader(x *exchange, a answer) http.Header {
	defer c.lockAndSettle()()
	requestID := "X-Amzn-Requestid"
	if c.opt.Dialect == Ceph {
		requestID = "X-Amz-Request-Id"
	}
	return http.Header{
		"Content-Type":   {a.contentType},
		"Content-Length": {strconv.Itoa(len(a.body) + a.short)},
		"Date":           {c.opt.Now().Add(c.skew).UTC().Format(http.TimeFormat)},
		requestID:        {x.id},
	}
}
