package iam

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"keyd/daemon/iam/remote"
)

const (
	callTimeout    = 30 * time.Second // a whole call with its retries, or the single attempt of CreateAccessKey
	attemptTimeout = 10 * time.Second // one attempt of a call that may be repeated
	answerLimit    = 1 << 20          // bytes; a page of 1000 keys takes a quarter of that
)

// wire sits between the SDK and the HTTP client. It reads every answer to its
// end and rejects what AWS cannot have said. The SDK alone is too trusting: it
// takes an empty 200 for an answer without fields and ignores the body of a
// call that returns nothing, so a captive portal's page would pass for success.
type wire struct {
	http   Doer
	clock  *clock
	onSend func(call, host string) // may be nil
}

// Do sends one attempt. It returns an answer of AWS, good or bad, with the whole
// body in memory, and an error for anything else.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	k := callOf(r.Context())
	if k == nil {
		return nil, errors.New("a request outside of a call")
	}
	_, k.traced = w.http.(*Transport)
	limit := attemptTimeout
	if k.once {
		limit = callTimeout
	}
	r = k.startAttempt(r)
	if w.onSend != nil {
		w.onSend(k.name, k.host)
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	resp, err := w.sendRequest(k, r.WithContext(ctx))
	if err != nil {
		k.left = k.status != 0 || k.mayHaveLeft(err)
		return nil, err
	}
	return resp, nil
}

func (w *wire) sendRequest(k *call, r *http.Request) (*http.Response, error) {
	before := w.clock.now()
	resp, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	k.status, k.requestID = resp.StatusCode, cleanText(cmp.Or(resp.Header.Get("X-Amzn-Requestid"), resp.Header.Get("X-Amz-Request-Id")), longestWord) // the second is that of S3, and of Ceph
	after := w.clock.now()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return nil, fmt.Errorf("the answer was cut off: %w", err)
	}
	resp.Request = r
	if err := k.checkAnswer(resp, body); err != nil {
		return nil, err
	}
	k.readClock(w.clock, resp.Header, before, after)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// answerError says what is wrong with an answer. It quotes no part of the
// answer.
type answerError struct{ what string }

func (e *answerError) Error() string { return e.what }

// checkAnswer returns an error unless body is one that AWS gives to this call.
func (k *call) checkAnswer(resp *http.Response, body []byte) error {
	k.isWebPage = isWebPage(body)
	switch {
	case len(body) > answerLimit:
		return &answerError{"the answer is longer than 1 MiB"}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		k.redirect = redirectHost(resp)
		return &answerError{"the answer is a redirect to " + k.redirect + ", which is not followed"}
	case k.isWebPage:
		return &answerError{"the answer is a web page"}
	case resp.StatusCode >= 400:
		return k.readRefusal(body, resp.Request.Header.Get("X-Amz-Security-Token"))
	}
	return checkDocument(body, k.name+"Response")
}

// refusal is the XML error document of IAM and STS.
type refusal struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// readRefusal reads the error document of an answer. token is that of the session that has
// signed the request, or "".
func (k *call) readRefusal(body []byte, token string) error {
	var r refusal
	err := xml.Unmarshal(body, &r)
	if err != nil && k.elsewhere {
		r, err = readOtherRefusal(body)
	}
	if (err != nil || r.Code == "") && k.believesStatus() {
		return nil // the status says enough: asking again does not help
	}
	if err != nil || !codeShape.matches(r.Code) {
		return &answerError{"the answer does not come from AWS"}
	}
	k.refusal = refusal{Code: r.Code, Message: cleanText(withoutToken(r.Message, token), longestMessage)}
	if r.RequestID != "" {
		k.requestID = cleanText(r.RequestID, longestWord)
	}
	return nil
}

// withoutToken returns a text of an answer without the token of the session that has signed
// the request. Some services explain a wrong signature with all that was signed, which
// includes the token. Nothing else that is signed is a secret.
func withoutToken(text, token string) string {
	if token == "" {
		return text
	}
	return strings.ReplaceAll(text, token, "(token)")
}

// readOtherRefusal reads the error document of S3, which stores other than AWS's also use
// for IAM.
// Source: Ceph, rgw_rest.cc, dump.
func readOtherRefusal(body []byte) (refusal, error) {
	var r struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	err := xml.Unmarshal(body, &r)
	return refusal{Code: r.Code, Message: r.Message, RequestID: r.RequestID}, err
}

func redirectHost(resp *http.Response) string {
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" {
		return "nowhere"
	}
	return cleanText(u.Host, longestHost)
}

// isWebPage reports whether body is HTML. The content type proves nothing,
// because some servers label their XML text/html.
func isWebPage(body []byte) bool {
	head := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 512)])))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}

// checkDocument returns an error unless body is one complete XML document whose
// root element is called root.
func checkDocument(body []byte, root string) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	seen := false
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && seen:
			return nil
		case errors.Is(err, io.EOF):
			return &answerError{"the answer is empty"}
		case err != nil:
			return &answerError{"the answer is cut off or not XML"}
		}
		start, ok := t.(xml.StartElement)
		if ok && !seen && start.Name.Local != root {
			return &answerError{"the answer belongs to another call"}
		}
		seen = seen || ok
	}
}

// dateGrain is how coarse a Date is: the server cuts it to whole seconds. One second
// is twice what that needs, because AWS's own servers differ by a little.
const dateGrain = time.Second

// readClock reads the server's clock from an answer of AWS. It skips an answer
// from a cache (with an Age header), whose date lies in the past.
func (k *call) readClock(c *clock, h http.Header, before, after time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" {
		return
	}
	// Date is cut to whole seconds and was written at some point of the trip.
	const half = 500 * time.Millisecond
	trip := max(after.Sub(before), 0)
	k.date, k.offset = date.UTC(), date.Add(half).Sub(before.Add(trip/2))
	k.within = trip/2 + dateGrain
	c.note(remote.Clock{Offset: k.offset, Within: k.within})
}

// call records what one call learns on the wire over all its attempts. The SDK
// forgets most of it: which attempt may have taken effect, whether a request
// left this machine, and what the server's clock said.
type call struct {
	name    string // the action
	keyID   string // the key that a changing call is about
	mutates bool
	once    bool // exactly one request may leave
	bare    bool // signed with the key, whatever session there is

	elsewhere bool // the endpoints are not AWS's
	otherKey  bool // the id of the key is not one of AWS's

	session string // the id of the session that signs; "" when the key does

	host         string
	attempts     int
	mayHaveActed bool // an attempt before the last one may have taken effect
	traced       bool // the transport reports when it gets a connection
	connected    atomic.Bool
	left         bool // the last attempt may have left this machine
	status       int
	refusal      refusal // zero unless the body was AWS's error document
	isWebPage    bool
	redirect     string // the host that a redirect points to; "" for any other answer
	requestID    string
	date         time.Time // the server's Date of the last answer
	offset       time.Duration
	within       time.Duration // how far offset can be off; 0 when nothing was measured
}

// callKey is the context key under which doCall passes a *call to the wire.
type callKey struct{}

func callOf(ctx context.Context) *call {
	k, _ := ctx.Value(callKey{}).(*call)
	return k
}

// startAttempt resets what belongs to one attempt and returns r with a trace
// that notes the connection.
func (k *call) startAttempt(r *http.Request) *http.Request {
	k.mayHaveActed = k.mayHaveActed || k.left && !k.refusedByAWS()
	k.attempts++
	k.host = r.URL.Hostname()
	k.status, k.refusal, k.isWebPage, k.redirect, k.requestID, k.left = 0, refusal{}, false, "", "", true
	k.date = time.Time{}
	k.connected.Store(false)
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { k.connected.Store(true) }}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
}

// refusedByAWS reports whether AWS itself refused the last attempt, which
// therefore had no effect.
func (k *call) refusedByAWS() bool { return k.refusal.Code != "" && k.status < 500 }
