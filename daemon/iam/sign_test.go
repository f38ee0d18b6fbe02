package iam_test

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// isSignedBy verifies the signature of r. It follows the specification and does
// not use the SDK.
// Source: IAM user guide, "Create a signed AWS API request".
func isSignedBy(t *testing.T, r request, secret string) bool {
	t.Helper()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, signature, _ := strings.Cut(rest, ", Signature=")
	var headers strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = cmp.Or(r.Host, r.URL.Host)
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, value)
	}
	canonical := strings.Join([]string{r.Method, "/", "", headers.String(), signed, hash(content)}, "\n")
	scope := r.scope()
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), strings.Join(scope[1:], "/"), hash([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range scope[1:] {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text)) == signature
}

// The environment of the process does not decide who signs, where a request
// goes, or how often it is sent.
func TestEnvironmentDecidesNothing(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAEVILEVILEVILEVIL", "AWS_SECRET_ACCESS_KEY": "evil", "AWS_SESSION_TOKEN": "evil",
		"AWS_PROFILE": "evil", "AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "ap-south-1",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_IAM": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
		"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
		"AWS_MAX_ATTEMPTS": "9", "AWS_RETRY_MODE": "adaptive", "AWS_NEW_RETRIES_2026": "true",
		"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SDK_UA_APP_ID": "evil",
	} {
		t.Setenv(name, value)
	}
	w := answers(fails(io.EOF))
	c := client(t, w, aws())
	c.CreateKey(t.Context(), user)
	w.answers = []answer{body(200, identityXML("123456789012", "arn:aws:iam::123456789012:user/Bob", "AIDAX"))}
	if _, err := c.CallerIdentity(t.Context(), "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	if len(w.got) != 2 {
		t.Fatalf("%d requests, want 2", len(w.got))
	}
	for i, want := range []struct{ host, region string }{{"iam.amazonaws.com", "us-east-1"}, {"sts.eu-west-1.amazonaws.com", "eu-west-1"}} {
		r := w.got[i]
		if scope := r.scope(); scope[0] != oldID || scope[2] != want.region || r.URL.Host != want.host || r.URL.Scheme != "https" {
			t.Errorf("%s signed by %v", r.URL, scope)
		}
		if !isSignedBy(t, r, oldSecret) || isSignedBy(t, r, newSecret) {
			t.Error("not signed with the given secret")
		}
		if agent := r.Header.Get("User-Agent"); !strings.Contains(agent, "app/keyd") || strings.Contains(agent, "evil") {
			t.Errorf("User-Agent is %q", agent)
		}
		if r.Header.Get("X-Amz-Security-Token") != "" {
			t.Error("a session token was sent")
		}
	}
}

// AWS's clock counts. A client with a wrong clock notices at its first call,
// reports it, and signs with the right time from then on.
func TestWrongClockIsCorrected(t *testing.T) {
	for _, wrong := range []time.Duration{-20 * time.Minute, 3 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			signedAt := func(r request) time.Time {
				at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
				if err != nil {
					t.Fatal(err)
				}
				return at
			}
			w := &wire{}
			w.answers = []answer{func(r *http.Request) (*http.Response, error) {
				if off := time.Until(signedAt(request{Request: r})); off.Abs() > 15*time.Minute {
					return refusal(403, "SignatureDoesNotMatch", "Signature expired: x is now earlier than y")(r)
				}
				return body(200, listXML("", "<IsTruncated>false</IsTruncated>"))(r)
			}}
			c, err := iam.New(oldKey(), aws(), iam.Options{HTTP: w, Now: func() time.Time { return time.Now().Add(wrong) }})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.CreateKey(t.Context(), user)
			e, ok := errors.AsType[*iam.Error](err)
			if !ok || e.Class != iam.Clock || !e.Definite() || (e.Offset+wrong).Abs() > time.Second || len(w.got) != 1 {
				t.Fatalf("CreateKey: got %v (offset %s), %d requests", err, e.Offset, len(w.got))
			}
			if side := map[bool]string{true: "ahead", false: "behind"}[wrong > 0]; !strings.Contains(e.Hint(), side) {
				t.Errorf("hint %q", e.Hint())
			}
			l, err := c.ListKeys(t.Context(), user)
			if err != nil || (l.Offset+wrong).Abs() > time.Second || len(w.got) != 2 {
				t.Fatalf("ListKeys: %v, offset %s, %d requests", err, l.Offset, len(w.got)-1)
			}

			// A second client corrects its clock within its first call.
			c, _ = iam.New(oldKey(), aws(), iam.Options{HTTP: w, Now: func() time.Time { return time.Now().Add(wrong) }})
			if _, err := c.ListKeys(t.Context(), user); err != nil || len(w.got) != 4 {
				t.Errorf("second client: %v, %d requests", err, len(w.got)-2)
			}
		})
	}
}

// TestCallsCorrectTheClockSideBySide: each of two calls at once signs again, also the one
// whose answer comes after the other has signed with the right time.
func TestCallsCorrectTheClockSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wrong = 365 * 24 * time.Hour
		now := func() time.Time { return time.Now().Add(-wrong) }
		var sent atomic.Int64
		server := doer(func(r *http.Request) (*http.Response, error) {
			at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			time.Sleep(time.Duration(sent.Add(1)) * time.Second) // the second answer comes a second after the first
			if err != nil || time.Since(at).Abs() > 15*time.Minute {
				return refusal(403, "SignatureDoesNotMatch", "Signature expired: x is now earlier than y")(r)
			}
			return body(200, listXML("", "<IsTruncated>false</IsTruncated>"))(r)
		})
		c, err := iam.New(oldKey(), aws(), iam.Options{HTTP: server, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() {
				if _, err := c.ListKeys(t.Context(), user); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
	})
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// A caller with a clock of its own, such as keyd demo, signs by that clock. The
// machine's clock plays no part.
func TestSigningFollowsTheCallersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const future = 60 * 24 * time.Hour
		w := answers(func(r *http.Request) (*http.Response, error) {
			resp, err := body(200, listXML("", "<IsTruncated>false</IsTruncated>"))(r)
			resp.Header.Set("Date", time.Now().Add(future).UTC().Format(http.TimeFormat))
			return resp, err
		})
		c, err := iam.New(oldKey(), aws(), iam.Options{HTTP: w, Now: func() time.Time { return time.Now().Add(future) }})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			l, err := c.ListKeys(t.Context(), user)
			if err != nil || l.Offset.Abs() > time.Second {
				t.Fatalf("%v, offset %s", err, l.Offset)
			}
		}
		// The difference to the machine's clock is no reason to try again.
		sent := len(w.got)
		fine := w.answers[0]
		w.answers = []answer{func(r *http.Request) (*http.Response, error) {
			good, _ := fine(r)
			resp, err := refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")(r)
			resp.Header = good.Header
			return resp, err
		}}
		c, _ = iam.New(oldKey(), aws(), iam.Options{HTTP: w, Now: func() time.Time { return time.Now().Add(future) }})
		if _, err := c.ListKeys(t.Context(), user); iam.ClassOf(err) != iam.BadSecret || len(w.got) != sent+1 {
			t.Errorf("wrong secret: %v after %d requests", err, len(w.got)-sent)
		}
		for _, r := range w.got {
			if got, want := r.Header.Get("X-Amz-Date"), time.Now().Add(future).UTC().Format("20060102T150405Z"); got != want {
				t.Errorf("signed at %s, want %s", got, want)
			}
		}
	})
}

// An answer from a cache, or from something other than AWS, sets no clock.
func TestOnlyAWSSetsTheClock(t *testing.T) {
	past := func(r *http.Request, status int, text, age string) (*http.Response, error) {
		resp, err := body(status, text)(r)
		resp.Header.Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT")
		if age != "" {
			resp.Header.Set("Age", age)
		}
		return resp, err
	}
	w := answers(
		func(r *http.Request) (*http.Response, error) { return past(r, 403, "<html>", "") },
		func(r *http.Request) (*http.Response, error) {
			return past(r, 400, refusalXML("ValidationError", "no"), "3600")
		},
		body(200, createdXML()),
	)
	c := client(t, w, aws())
	for range 3 {
		c.CreateKey(t.Context(), user)
	}
	at, err := time.Parse("20060102T150405Z", w.got[2].Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("signed at %v (%v)", at, err)
	}
}

// A client with a session signs its calls to IAM with the session's pair and sends its
// token. STS, and the question for devices, are asked with the key. The MFA code is sent
// once, and names the device and 36 hours.
func TestSessionSignsWhatIsNoProof(t *testing.T) {
	session := document("GetSessionToken", "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>"+newSecret+
		"</SecretAccessKey><SessionToken>token/with+odd==</SessionToken><Expiration>2026-11-23T01:40:03Z</Expiration></Credentials>")
	identity := identityXML("123456789012", "arn:aws:iam::123456789012:user/Bob", "AIDA1")
	devices := document("ListMFADevices", "<MFADevices><member><UserName>bob</UserName><SerialNumber>arn:aws:iam::123456789012:u2f/user/bob/k</SerialNumber></member></MFADevices><IsTruncated>false</IsTruncated>")
	w := answers(body(200, session), body(200, createdXML()), body(200, identity), body(200, devices), refusal(403, "ExpiredToken", "no"), fails(io.EOF))
	bare := client(t, w, aws())
	const serial = "arn:aws:iam::123456789012:mfa/bob"
	s, err := bare.OpenSession(t.Context(), "eu-west-1", serial, "123456")
	if err != nil {
		t.Fatal(err)
	}
	c := bare.WithSession(s)
	if _, err := c.CreateKey(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CallerIdentity(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if found, err := c.ListDevices(t.Context(), user); err != nil || len(found) != 1 || found[0].ShowsCodes() {
		t.Errorf("devices %v, %v", found, err)
	}
	if form := w.got[0].form; form.Get("SerialNumber") != serial || form.Get("TokenCode") != "123456" || form.Get("DurationSeconds") != "129600" || !isSignedBy(t, w.got[0], oldSecret) || w.got[0].scope()[2] != "eu-west-1" {
		t.Errorf("asked with %v", form)
	}
	if r := w.got[1]; r.scope()[0] != "ASIAIOSFODNN7EXAMPLE" || r.Header.Get("X-Amz-Security-Token") != "token/with+odd==" || !isSignedBy(t, r, newSecret) {
		t.Errorf("signed by %v", r.scope())
	}
	for _, r := range w.got[2:4] {
		if r.Header.Get("X-Amz-Security-Token") != "" || !isSignedBy(t, r, oldSecret) {
			t.Errorf("%v is signed by %v", r.form, r.scope())
		}
	}
	if e, ok := errors.AsType[*iam.Error](c.SetStatus(t.Context(), user, oldID, iam.Active)); !ok || !e.EndsSession() {
		t.Errorf("an expired session: %v", e)
	}
	if _, err := bare.OpenSession(t.Context(), "", serial, "123456"); err == nil || len(w.got) != 6 {
		t.Errorf("lost answer: %v, %d requests", err, len(w.got))
	}
	for _, odd := range []string{"", "12345", "1234567", "12345a", "12 456"} {
		if _, err := bare.OpenSession(t.Context(), "", serial, odd); err == nil || len(w.got) != 6 {
			t.Errorf("the code %q was sent", odd)
		}
	}
	for _, lacking := range []string{"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"} {
		cut := strings.NewReplacer("<"+lacking+">", "<Odd>", "</"+lacking+">", "</Odd>").Replace(session)
		if _, err := client(t, answers(body(200, cut)), aws()).OpenSession(t.Context(), "", "arn", "123456"); err == nil {
			t.Errorf("a session without %s was accepted", lacking)
		}
	}
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s", s, s, s, s), fmt.Sprintf("%v %+v %#v", c, c, c)} {
		if strings.Contains(printed, newSecret) || strings.Contains(printed, "token/with") {
			t.Errorf("printed: %s", printed)
		}
	}
}

// TestDescribedUserTellsTheKeysAge reads the two things of GetUser that tell about a key.
func TestDescribedUserTellsTheKeysAge(t *testing.T) {
	text := document("GetUser", "<User><UserName>Bob</UserName><CreateDate>2026-01-02T03:04:05Z</CreateDate><Tags><member><Key>other</Key><Value>x</Value></member><member><Key>"+oldID+"</Key><Value>keyd laptop since 2026-02-03</Value></member></Tags></User>")
	p, err := client(t, answers(body(200, text)), aws()).DescribeUser(t.Context(), "Bob", oldID)
	if err != nil || p.Created.Format(time.DateOnly) != "2026-01-02" || p.Description != "keyd laptop since 2026-02-03" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := client(t, answers(body(200, text)), aws()).DescribeUser(t.Context(), "eve", oldID); err == nil {
		t.Error("an answer about another user was accepted")
	}
}

// No way of printing a value of this package shows a secret.
func TestNothingPrintsASecret(t *testing.T) {
	w := answers(body(200, createdXML()), body(200, strings.Replace(createdXML(), ">Active<", ">Inactive<", 1)),
		body(200, createdXML()[:300]), fails(io.EOF), refusal(403, "AccessDenied", "no"))
	c := client(t, w, aws())
	created, _ := c.CreateKey(t.Context(), user)
	things := []any{c, created, &created, aws()}
	for range 4 {
		half, err := c.CreateKey(t.Context(), user)
		things = append(things, half, err, errors.Unwrap(err))
		if e, ok := errors.AsType[*iam.Error](err); ok {
			things = append(things, *e, e.Hint())
		}
	}
	var out strings.Builder
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "thing", thing)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "thing", thing)
		if b, err := json.Marshal(thing); err == nil {
			out.Write(b)
		}
	}
	for _, secret := range []string{oldSecret, newSecret, fmt.Sprintf("%x", oldSecret), fmt.Sprintf("%x", newSecret), newSecret[10:20]} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed", secret)
		}
	}
}

// New refuses half a pair and endpoints without a region.
func TestNewRequiresAWholePair(t *testing.T) {
	for _, key := range []credfile.Key{{}, {ID: oldID}, {Secret: credfile.NewSecret(oldSecret)}} {
		if _, err := iam.New(key, aws(), iam.Options{HTTP: answers(nil)}); err == nil || strings.Contains(err.Error(), oldSecret) {
			t.Errorf("%v: got %v", key, err)
		}
	}
	if _, err := iam.New(oldKey(), remote.Endpoints{}, iam.Options{HTTP: answers(nil)}); err == nil {
		t.Error("endpoints without a region were accepted")
	}
}
