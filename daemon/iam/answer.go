package iam

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
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
	r = k.begin(r)
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	resp, err := w.send(k, r.WithContext(ctx))
	if err != nil {
		k.left = k.status != 0 || k.sent(err)
		return nil, err
	}
	return resp, nil
}

func (w *wire) send(k *call, r *http.Request) (*http.Response, error) {
	before := w.clock.now()
	resp, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	k.status, k.requestID = resp.StatusCode, clean(resp.Header.Get("X-Amzn-Requestid"))
	after := w.clock.now()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return nil, fmt.Errorf("the answer was cut off: %w", err)
	}
	if err := k.check(resp, body); err != nil {
		return nil, err
	}
	k.readClock(w.clock, resp.Header, before, after)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// answerError says what is wrong with an answer. It quotes nothing of it.
type answerError struct{ what string }

func (e *answerError) Error() string { return e.what }

// check returns an error unless body is what AWS answers to this call.
func (k *call) check(resp *http.Response, body []byte) error {
	k.page = isPage(body)
	switch {
	case len(body) > answerLimit:
		return &answerError{"the answer is longer than 1 MiB"}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return &answerError{"the answer is a redirect to " + redirect(resp) + ", which is not followed"}
	case k.page:
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
	k.refusal = refusal{Code: clean(r.Code), Message: clean(r.Message)}
	if r.RequestID != "" {
		k.requestID = clean(r.RequestID)
	}
	return nil
}

func redirect(resp *http.Response) string {
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host == "" {
		return "nowhere"
	}
	return clean(u.Host)
}

// isPage reports whether body is HTML. The content type proves nothing: some
// servers call their XML text/html.
func isPage(body []byte) bool {
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
