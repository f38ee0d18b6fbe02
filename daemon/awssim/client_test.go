package awssim_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

// doer is an http.Client or a Cloud.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// client signs requests with code of its own, because the SDK's signer and the
// simulator's verifier could share a mistake.
type client struct {
	doer
	base       string // http://host
	id, secret string
	token      string
	region     string // of the scope; empty: us-east-1
	service    string // of the scope; empty: that of the action
	now        func() time.Time
	presign    bool
	edit       func(*http.Request) // after signing
	ctx        context.Context     // nil: the context of the test
}

// with returns a copy that signs with another pair.
func (c client) with(id, secret string) client {
	c.id, c.secret, c.token = id, secret, ""
	return c
}

func (c client) in(region string) client {
	c.region = region
	return c
}

// reply is an answer with the parts that tests look at.
type reply struct {
	status int
	header http.Header
	body   string

	Code      string `xml:"Error>Code"`
	Type      string `xml:"Error>Type"`
	Message   string `xml:"Error>Message"`
	RequestID string `xml:"RequestId"`

	Keys      []listedKey `xml:"ListAccessKeysResult>AccessKeyMetadata>member"`
	Truncated string      `xml:"ListAccessKeysResult>IsTruncated"`
	Marker    string      `xml:"ListAccessKeysResult>Marker"`
	Key       listedKey   `xml:"CreateAccessKeyResult>AccessKey"`
	Identity  struct {
		Arn, UserId, Account string
	} `xml:"GetCallerIdentityResult"`
	Used struct {
		UserName string
		Service  string  `xml:"AccessKeyLastUsed>ServiceName"`
		Region   string  `xml:"AccessKeyLastUsed>Region"`
		Date     *string `xml:"AccessKeyLastUsed>LastUsedDate"`
	} `xml:"GetAccessKeyLastUsedResult"`
	Session struct {
		AccessKeyId, SecretAccessKey, SessionToken, Expiration string
	} `xml:"GetSessionTokenResult>Credentials"`
}

type listedKey struct {
	UserName, AccessKeyId, Status, SecretAccessKey, CreateDate string
}

const stampShape = "20060102T150405Z"

var services = map[string][2]string{ // service and version of the actions outside IAM
	"GetCallerIdentity": {"sts", "2011-06-15"}, "GetSessionToken": {"sts", "2011-06-15"}, "GetAccessKeyInfo": {"sts", "2011-06-15"},
}

// request returns the signed request of an action. args are pairs of name and
// value.
func (c client) request(t testing.TB, action string, args ...string) *http.Request {
	t.Helper()
	v, ok := services[action]
	if !ok {
		v = [2]string{"iam", "2010-05-08"}
	}
	form := url.Values{"Action": {action}, "Version": {v[1]}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	if c.service == "" {
		c.service = v[0]
	}
	if c.region == "" {
		c.region = "us-east-1"
	}
	method, body, target := "POST", form.Encode(), c.base+"/"
	if c.presign {
		method, body, target = "GET", "", c.base+"/?"+form.Encode()
	}
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	r, err := http.NewRequestWithContext(c.ctx, method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if !c.presign {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	if c.id != "" {
		c.sign(r, body)
	}
	if c.edit != nil {
		c.edit(r)
	}
	return r
}

// sign follows AWS's "Create a signed AWS API request".
func (c client) sign(r *http.Request, body string) {
	now := time.Now()
	if c.now != nil {
		now = c.now()
	}
	stamp := now.UTC().Format(stampShape)
	scope := stamp[:8] + "/" + c.region + "/" + c.service + "/aws4_request"
	headers := []string{"content-type:" + r.Header.Get("Content-Type"), "host:" + r.URL.Host, "x-amz-date:" + stamp}
	names := "content-type;host;x-amz-date"
	query := ""
	if c.presign {
		q := r.URL.Query()
		q.Set("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
		q.Set("X-Amz-Credential", c.id+"/"+scope)
		q.Set("X-Amz-Date", stamp)
		q.Set("X-Amz-Expires", "300")
		q.Set("X-Amz-SignedHeaders", "host")
		query = strings.ReplaceAll(q.Encode(), "+", "%20")
		headers, names = []string{"host:" + r.URL.Host}, "host"
	} else {
		r.Header.Set("X-Amz-Date", stamp)
		if c.token != "" {
			r.Header.Set("X-Amz-Security-Token", c.token)
			headers, names = append(headers, "x-amz-security-token:"+c.token), names+";x-amz-security-token"
		}
	}
	sum := sha256.Sum256([]byte(body))
	canonical := r.Method + "\n/\n" + query + "\n" + strings.Join(headers, "\n") + "\n\n" + names + "\n" + hex.EncodeToString(sum[:])
	sum = sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + c.secret)
	for _, part := range []string{stamp[:8], c.region, c.service, "aws4_request",
		"AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(sum[:])} {
		m := hmac.New(sha256.New, key)
		io.WriteString(m, part)
		key = m.Sum(nil)
	}
	signature := hex.EncodeToString(key)
	if c.presign {
		r.URL.RawQuery = query + "&X-Amz-Signature=" + signature
		return
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.id+"/"+scope+", SignedHeaders="+names+", Signature="+signature)
}

// call sends the request of an action and fails the test unless a complete answer
// arrives.
func (c client) call(t testing.TB, action string, args ...string) reply {
	t.Helper()
	r, err := c.try(t, action, args...)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return r
}

func (c client) try(t testing.TB, action string, args ...string) (reply, error) {
	t.Helper()
	return c.send(c.request(t, action, args...))
}

func (c client) send(req *http.Request) (reply, error) {
	res, err := c.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	r := reply{status: res.StatusCode, header: res.Header, body: string(b)}
	if err != nil {
		return r, err
	}
	xml.Unmarshal(b, &r) // if b is not XML, r has no code, and no test takes that for a refusal
	return r, nil
}

// newClient returns a client that calls c in process.
func newClient(c *awssim.Cloud, id, secret string) client {
	return client{doer: c, base: "http://127.0.0.1:4566", id: id, secret: secret}
}
