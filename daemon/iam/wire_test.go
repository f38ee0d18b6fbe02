package iam_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

const (
	oldID     = "AKIAIOSFODNN7EXAMPLE"
	oldSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	newID     = "AKIAY34FZKBOKMUTVV7A"
	newSecret = "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"
	user      = "Bob"
)

func oldKey() credfile.Key {
	return credfile.Key{ID: oldID, Secret: credfile.NewSecret(oldSecret)}
}

// aws returns the endpoints of partition aws.
func aws() remote.Endpoints {
	return remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}
}

// request is a request that arrived, with its form parsed.
type request struct {
	*http.Request
	form url.Values
}

// scope returns the credential scope of the signature: id, date, region,
// service, "aws4_request".
func (r request) scope() []string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	return strings.Split(credential, "/")
}

// wire is an HTTP client that answers from a list: one entry per request, and the
// last one for every request after that. It records the requests.
type wire struct {
	mu      sync.Mutex
	answers []answer
	got     []request
}

type answer func(*http.Request) (*http.Response, error)

func answers(a ...answer) *wire { return &wire{answers: a} }

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	w.mu.Lock()
	next := w.answers[min(len(w.got), len(w.answers)-1)]
	w.got = append(w.got, request{r, form})
	w.mu.Unlock()
	return next(r)
}

func body(status int, text string) answer {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		h.Set("Content-Type", "text/xml")
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text))}, nil
	}
}

func fails(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func refusal(status int, code, message string) answer {
	return body(status, refusalXML(code, message))
}

func refusalXML(code, message string) string {
	return `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>` + message + `</Message></Error><RequestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</RequestId></ErrorResponse>`
}

// document wraps a result as IAM and STS do. Pass "" for an action that returns
// nothing.
func document(action, result string) string {
	if result != "" {
		result = "<" + action + "Result>" + result + "</" + action + "Result>"
	}
	return "<" + action + `Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">` + result +
		"<ResponseMetadata><RequestId>7a62c49f</RequestId></ResponseMetadata></" + action + "Response>"
}

func keyXML(name, id, status, secret string) string {
	return fmt.Sprintf("<AccessKey><UserName>%s</UserName><AccessKeyId>%s</AccessKeyId><Status>%s</Status><SecretAccessKey>%s</SecretAccessKey><CreateDate>2026-11-23T00:40:03Z</CreateDate></AccessKey>", name, id, status, secret)
}

func createdXML() string {
	return document("CreateAccessKey", keyXML(user, newID, "Active", newSecret))
}

func identityXML(account, arn, id string) string {
	return document("GetCallerIdentity", "<Arn>"+arn+"</Arn><UserId>"+id+"</UserId><Account>"+account+"</Account>")
}

func listXML(members, tail string) string {
	return document("ListAccessKeys", "<AccessKeyMetadata>"+members+"</AccessKeyMetadata>"+tail)
}

func client(t testing.TB, w iam.Doer, endpoints remote.Endpoints) *iam.Client {
	t.Helper()
	c, err := iam.New(oldKey(), endpoints, iam.Options{HTTP: w, Exclude: "write rotate = never below [profile x] in keyd.ini"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
