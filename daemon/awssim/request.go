package awssim

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The API versions of the query protocol. They also tell the service.
const (
	versionIAM = "2010-05-08"
	versionSTS = "2011-06-15"
	versionEC2 = "2016-11-15"
)

// exchange is one request and everything that follows from it.
type exchange struct {
	c    *Cloud
	http *http.Request
	body []byte

	action, version string
	service         string // iam, sts or ec2
	params          url.Values
	cred            credential // as the request claims
	unreadable      *refusal   // why cred is not complete; nil when it is

	t      time.Time // when it is carried out
	caller caller
	made   *key // the key of CreateAccessKey
	call   *Call

	id     string // of the request
	fault  Fault
	done   bool   // carried out, which happens once
	answer answer // what to send; its status is 0 until it is known
}

// answer is the response to send.
type answer struct {
	status      int
	contentType string
	body        []byte
	short       int // how many bytes the body lacks of its Content-Length
}

const maxBody = 1 << 20

// readRequest reads the whole body and copies the head before anything else
// happens: a client may leave and reuse both while a late request still waits to
// be carried out.
func readRequest(c *Cloud, r *http.Request) (*exchange, error) {
	x := &exchange{c: c, http: r.Clone(context.Background()), params: r.URL.Query()}
	if r.Body != nil {
		b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			return nil, fmt.Errorf("awssim: request body: %w", err)
		}
		x.body = b
	}
	if r.Method == http.MethodPost {
		form, _ := url.ParseQuery(string(x.body)) // a malformed body becomes an unknown action
		maps.Copy(x.params, form)
	}
	x.action, x.version = x.params.Get("Action"), x.params.Get("Version")
	x.cred, x.unreadable = readCredential(r)
	x.service = x.guessService()
	return x, nil
}

func (x *exchange) host() string {
	if x.http.Host != "" {
		return x.http.Host
	}
	return x.http.URL.Host
}

// guessService returns the service by the name of the host, then by the API
// version, then by the client's scope. On loopback the host says nothing.
func (x *exchange) guessService() string {
	service, _ := hostScope(x.host())
	switch {
	case service != "":
		return service
	case x.version == versionSTS:
		return "sts"
	case x.version == versionIAM:
		return "iam"
	case x.version == versionEC2:
		return "ec2"
	case x.cred.service == "sts":
		return "sts"
	}
	return "iam"
}

// operation returns the function that performs the action, nil when there is none.
func (x *exchange) operation() func() ([]node, *refusal) {
	if slices.Contains(missing[x.c.opt.Dialect], x.action) {
		return nil
	}
	switch x.service + " " + x.version + " " + x.action {
	case "iam 2010-05-08 CreateAccessKey":
		return x.createAccessKey
	case "iam 2010-05-08 ListAccessKeys":
		return x.listAccessKeys
	case "iam 2010-05-08 UpdateAccessKey":
		return x.updateAccessKey
	case "iam 2010-05-08 DeleteAccessKey":
		return x.deleteAccessKey
	case "iam 2010-05-08 GetAccessKeyLastUsed":
		return x.getAccessKeyLastUsed
	case "iam 2010-05-08 GetUser":
		return x.getUser
	case "iam 2010-05-08 TagUser":
		return x.tagUser
	case "iam 2010-05-08 UntagUser":
		return x.untagUser
	case "iam 2010-05-08 ListUserTags":
		return x.listUserTags
	case "iam 2010-05-08 ListMFADevices":
		return x.listMFADevices
	case "sts 2011-06-15 GetCallerIdentity":
		return x.getCallerIdentity
	case "sts 2011-06-15 GetSessionToken":
		return x.getSessionToken
	case "sts 2011-06-15 GetAccessKeyInfo":
		return x.getAccessKeyInfo
	case "ec2 2016-11-15 DescribeRegions":
		return x.describeRegions
	}
	return nil
}

// carryOut performs the request at time t. It keeps an answer that a fault has
// already made. The caller holds the lock.
func (x *exchange) carryOut(t time.Time) {
	if x.done {
		return
	}
	x.done, x.t = true, t
	result, r := x.perform()
	a := answer{status: http.StatusOK, contentType: "text/xml"}
	if r != nil {
		r = x.c.opt.Dialect.says(r)
		a.status, a.body = r.status, r.errorBodyIn(x.c.opt.Dialect, x.service, x.id)
		x.call.Code = r.code
	} else {
		a.body = successBody(x.service, x.action, x.id, result)
		x.call.Effect = true
	}
	if x.answer.status == 0 {
		x.answer = a
	}
}

func (x *exchange) perform() ([]node, *refusal) {
	op := x.operation()
	if op == nil {
		return nil, noSuchAction(x.action, x.version)
	}
	if r := x.authenticate(); r != nil {
		return nil, r.saidBy(x.service)
	}
	return op()
}

// formatDate formats a time by the cloud's clock, in whole seconds.
func (x *exchange) formatDate(t time.Time) string {
	return t.Add(x.c.skew).UTC().Truncate(time.Second).Format(time.RFC3339)
}

// readAttempts returns the number of this attempt and of all that the SDK may make,
// from the header Amz-Sdk-Request.
func readAttempts(h http.Header) (attempt, most int) {
	for part := range strings.SplitSeq(h.Get("Amz-Sdk-Request"), ";") {
		part = strings.TrimSpace(part)
		if n, ok := strings.CutPrefix(part, "attempt="); ok {
			attempt, _ = strconv.Atoi(n)
		} else if n, ok := strings.CutPrefix(part, "max="); ok {
			most, _ = strconv.Atoi(n)
		}
	}
	return attempt, most
}
