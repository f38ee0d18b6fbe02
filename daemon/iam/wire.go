package iam

import (
	"bytes"
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
)

const (
	callTimeout    = 30 * time.Second // a whole call with its retries, and the one attempt of CreateAccessKey
	attemptTimeout = 10 * time.Second // one attempt of a call that may be repeated
	answerLimit    = 1 << 20          // bytes; a page of 1000 keys has a quarter of that
)

// wire stands between the SDK and the HTTP client. It reads every answer to its
// end and lets pass only what AWS can have said: the SDK takes an empty 200 for
// an answer without fields, does not look at the body of a call without
// result, and so would report success for a captive portal's page.
type wire struct {
	http  Doer
	clock *clock
}

// Do sends one attempt. An answer of AWS, good or bad, is returned with its
// whole body in memory; anything else is an error.
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
	k.status, k.requestID = resp.StatusCode, cleanText(resp.Header.Get("X-Amzn-Requestid"))
	after := w.clock.now()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return nil, fmt.Errorf("the answer was cut off: %w", err)
	}
	if err := k.checkAnswer(resp, body); err != nil {
		return nil, err
	}
	k.readClock(w.clock, resp.Header, before, after)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// answerError says what is wrong with an answer. It quotes nothing of it.
type answerError struct{ what string }

func (e *answerError) Error() string { return e.what }

// checkAnswer returns an error unless body is what AWS answers to this call.
func (k *call) checkAnswer(resp *http.Response, body []byte) error {
	k.isWebPage = isWebPage(body)
	switch {
	case len(body) > answerLimit:
		return &answerError{"the answer is longer than 1 MiB"}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return &answerError{"the answer is a redirect to " + redirectHost(resp) + ", which is not followed"}
	case k.isWebPage:
		return &answerError{"the answer is a web page"}
	case resp.StatusCode >= 400:
		return k.readRefusal(body)
	}
	return checkDocument(body, k.name+"Response")
}

// refusal is the error document of IAM and STS.
type refusal struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func (k *call) readRefusal(body []byte) error {
	var r refusal
	if err := xml.Unmarshal(body, &r); err != nil || r.Code == "" {
		return &answerError{"the answer is not one of AWS's"}
	}
	k.refusal = refusal{Code: cleanText(r.Code), Message: cleanText(r.Message)}
	if r.RequestID != "" {
		k.requestID = cleanText(r.RequestID)
	}
	return nil
}

func redirectHost(resp *http.Response) string {
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" {
		return "nowhere"
	}
	return cleanText(u.Host)
}

// isWebPage reports whether body is HTML. The content type proves nothing: some
// servers call their XML text/html.
func isWebPage(body []byte) bool {
	head := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 512)])))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}

// checkDocument returns an error unless body is one complete XML document with
// the named root.
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
			return &answerError{"the answer is cut off or is no XML"}
		}
		start, ok := t.(xml.StartElement)
		if ok && !seen && start.Name.Local != root {
			return &answerError{"the answer is not one to this call"}
		}
		seen = seen || ok
	}
}

// readClock takes the server's clock from an answer of AWS. An answer out of a
// cache (Age) has the clock of the past.
func (k *call) readClock(c *clock, h http.Header, before, after time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" {
		return
	}
	// Date is cut to the second and was written somewhere during the trip.
	const half = 500 * time.Millisecond
	middle := before.Add(after.Sub(before) / 2)
	k.date, k.offset = date.UTC(), date.Add(half).Sub(middle)
	c.measured.Store(int64(k.offset))
}

// call is what one call learns on the wire, over all its attempts. The SDK
// forgets most of it: which attempt may have taken effect, whether a request
// left at all, what the server's clock said.
type call struct {
	name    string // the action
	mutates bool
	once    bool // exactly one request may leave

	host         string
	attempts     int
	mayHaveActed bool // an attempt before the last one may have taken effect
	traced       bool // the transport reports its connections
	connected    atomic.Bool
	left         bool // the last attempt may have left this machine
	status       int
	refusal      refusal // zero unless the body was AWS's error document
	isWebPage    bool
	requestID    string
	date         time.Time // the server's Date of the last answer
	offset       time.Duration
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	k, _ := ctx.Value(callKey{}).(*call)
	return k
}

// startAttempt starts one attempt and returns the request with a trace on it.
func (k *call) startAttempt(r *http.Request) *http.Request {
	k.mayHaveActed = k.mayHaveActed || k.left && !k.refusedByAWS()
	k.attempts++
	k.host = r.URL.Hostname()
	k.status, k.refusal, k.isWebPage, k.requestID, k.left = 0, refusal{}, false, "", true
	k.connected.Store(false)
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { k.connected.Store(true) }}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
}

// refusedByAWS reports whether AWS itself turned the last attempt down, so that it
// had no effect.
func (k *call) refusedByAWS() bool { return k.refusal.Code != "" && k.status < 500 }
