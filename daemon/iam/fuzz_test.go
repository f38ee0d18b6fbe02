package iam_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// fuzzed is one call of the client. call returns the words of a successful answer.
type fuzzed struct {
	action string
	call   func(context.Context, *iam.Client) (says []string, err error)
}

// calls returns every call of the client except OpenSession.
func calls() []fuzzed {
	return []fuzzed{
		{"CreateAccessKey", func(ctx context.Context, c *iam.Client) ([]string, error) {
			created, err := c.CreateKey(ctx, user)
			if err != nil && !created.Key.Secret.IsZero() {
				return []string{"a secret together with an error"}, nil
			}
			return []string{created.Key.ID, created.Key.Secret.Reveal()}, err
		}},
		{"ListAccessKeys", func(ctx context.Context, c *iam.Client) (ids []string, err error) {
			listing, err := c.ListKeys(ctx, user)
			for _, k := range listing.Keys {
				ids = append(ids, k.ID)
			}
			return ids, err
		}},
		{"GetCallerIdentity", func(ctx context.Context, c *iam.Client) ([]string, error) {
			who, err := c.CallerIdentity(ctx, "")
			return []string{who.ARN, who.Account, who.UserID, who.User}, err
		}},
		{"GetAccessKeyLastUsed", func(ctx context.Context, c *iam.Client) ([]string, error) {
			use, err := c.LastUsed(ctx, oldID, "")
			return []string{use.Service, use.Region}, err
		}},
		{"UpdateAccessKey", func(ctx context.Context, c *iam.Client) ([]string, error) {
			return nil, c.SetStatus(ctx, user, oldID, iam.Inactive)
		}},
		{"DeleteAccessKey", func(ctx context.Context, c *iam.Client) ([]string, error) { return nil, c.DeleteKey(ctx, user, oldID) }},
		{"ListMFADevices", func(ctx context.Context, c *iam.Client) (says []string, err error) {
			devices, err := c.ListDevices(ctx, user)
			for _, d := range devices {
				says = append(says, d.Serial)
			}
			return says, err
		}},
		{"GetUser", func(ctx context.Context, c *iam.Client) ([]string, error) {
			p, err := c.DescribeUser(ctx, user, oldID)
			return []string{p.Description}, err
		}},
		{"TagUser", func(ctx context.Context, c *iam.Client) ([]string, error) {
			return nil, c.DescribeKey(ctx, user, oldID, "x")
		}},
		{"UntagUser", func(ctx context.Context, c *iam.Client) ([]string, error) {
			return nil, c.UndescribeKey(ctx, user, oldID)
		}},
	}
}

// FuzzEveryCall answers every call with any status, headers and bytes. No call
// panics. A success reports only what the answer says. An error that claims "no
// effect" comes from a refusal by AWS. Every error is fit to print.
func FuzzEveryCall(f *testing.F) {
	date := "Mon, 23 Nov 2026 00:40:03 GMT"
	for i, c := range calls() {
		for _, text := range []string{"", "<html>", document(c.action, ""), document(c.action, " "), createdXML(), refusalXML("AccessDenied", "no \x1b[2J"),
			refusalXML("LimitExceeded", "awaiting replication"), identityXML("123456789012", "arn:aws:iam::123456789012:user/Bob", "AIDA1"),
			listXML("<member><AccessKeyId>"+oldID+"</AccessKeyId></member>", "<IsTruncated>false</IsTruncated>"),
			listXML("", "<IsTruncated>true</IsTruncated><Marker>x</Marker>"), "<" + c.action + "Response/>", "<!DOCTYPE x [<!ENTITY a \"b\">]><" + c.action + "Response>&a;</" + c.action + "Response>",
			document(c.action, "<AccessKeyLastUsed><ServiceName>s3\u202e&#xA;keyd: hint: x</ServiceName><Region>\u2028</Region></AccessKeyLastUsed>"),
			identityXML("123456789012", "arn:aws:iam::123456789012:user/B&#xA;ob", "AIDA1"),
			document(c.action, "<AccessKeyLastUsed><ServiceName>s3</ServiceName><Region>eu-west-1</Region><LastUsedDate>never</LastUsedDate></AccessKeyLastUsed>"),
		} {
			for _, status := range []int{200, 403, 500} {
				f.Add(uint8(i), status, date, "", []byte(text))
			}
		}
	}
	f.Add(uint8(0), 302, "x", "https://\x1b[31m/", []byte(nil))
	f.Fuzz(func(t *testing.T, which uint8, status int, date, location string, text []byte) {
		c := calls()[int(which)%len(calls())]
		status = 100 + (status%500+500)%500
		synctest.Test(t, func(t *testing.T) { askFuzzed(t, c, status, date, location, text) })
	})
}

func askFuzzed(t *testing.T, c fuzzed, status int, date, location string, text []byte) {
	sent := 0
	w := answers(func(*http.Request) (*http.Response, error) {
		sent++
		h := http.Header{"Date": {date}, "Location": {location}, "X-Amzn-Requestid": {location}, "Retry-After": {date}}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(string(text)))}, nil
	})
	client, err := iam.New(oldKey(), aws(), iam.Options{HTTP: w, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	says, err := c.call(t.Context(), client)
	if took := time.Since(start); took > time.Minute {
		t.Errorf("%s took %s", c.action, took)
	}
	if c.action == "CreateAccessKey" && sent != 1 {
		t.Errorf("sent %d times", sent)
	}
	if err != nil {
		checkFailure(t, c, err, status, text)
		return
	}
	results := "CreateAccessKey ListAccessKeys GetCallerIdentity GetAccessKeyLastUsed"
	if strings.Contains(results, c.action) && !strings.Contains(string(text), c.action+"Result") {
		t.Errorf("%s: success without a result: %q", c.action, text)
	}
	root := regexp.MustCompile(`<(\w+:)?` + c.action + `Response[\s/>]`)
	if status < 200 || status > 299 || !root.Match(text) {
		t.Errorf("%s: success from status %d and %q", c.action, status, text)
	}
	plain := !strings.ContainsAny(string(text), "&!\r") && !strings.ContainsFunc(string(text), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	for _, word := range says {
		if len(word) > 1100 || strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: not fit to print: %q", c.action, word)
		}
		word = strings.TrimSuffix(word, "...") // a service or region may be cut, and several spaces become one
		if plain && !strings.Contains(word, " ") && !strings.Contains(string(text), word) {
			t.Errorf("%s: reports %q, which is not in the answer %q", c.action, word, text)
		}
	}
	if c.action == "CreateAccessKey" && (credfile.Key{ID: says[0], Secret: credfile.NewSecret(says[1])}).Check() != nil {
		t.Errorf("success with an incomplete or malformed pair: %q", text)
	}
}

func checkFailure(t *testing.T, c fuzzed, err error, status int, text []byte) {
	t.Helper()
	e, ok := err.(*iam.Error)
	switch {
	case !ok:
		t.Errorf("%s: %T", c.action, err)
	case e.Definite() && (status < 400 || status > 499 || !strings.Contains(string(text), "Code")):
		t.Errorf("%s: a definite %s from status %d and %q", c.action, e.Class, status, text)
	case strings.Contains(e.Error(), newSecret) && !strings.Contains(e.Message, newSecret):
		t.Errorf("%s: the error shows the secret", c.action)
	}
	for _, word := range []string{err.Error(), e.Hint(), e.DenialReason(), e.RequestID} {
		if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: not fit to print: %q", c.action, word)
		}
	}
}
