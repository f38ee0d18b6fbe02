package awssim

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// Kind names what goes wrong with a request.
type Kind string

// The kinds. With the first group the answer is lost, with the second the client
// gets another answer, and with the third the request cannot have reached AWS.
const (
	Close   Kind = "close"   // the connection ends where the answer should begin: EOF
	Reset   Kind = "reset"   // RST
	Hang    Kind = "hang"    // no answer comes before the client gives up
	Timeout Kind = "timeout" // the client's socket times out; on a listener the same as Hang

	Status500        Kind = "500"               // ServiceFailure
	Status503        Kind = "503"               // ServiceUnavailable
	Throttle         Kind = "throttle"          // 400 Throttling
	Refused          Kind = "refused"           // 403 AccessDenied, as if a policy had just been attached
	ReplicationLimit Kind = "replication limit" // 409 LimitExceeded, not the quota
	Truncated        Kind = "truncated"         // 200, XML cut short, with a Content-Length to match
	ShortLength      Kind = "short length"      // 200, fewer bytes than Content-Length says
	Empty            Kind = "empty"             // 200, no body
	HTML             Kind = "html"              // 200, a captive portal's page
	NoSecret         Kind = "no secret"         // 200, without SecretAccessKey

	DNS  Kind = "dns"  // the name does not resolve
	Dial Kind = "dial" // connection refused
	TLS  Kind = "tls"  // the certificate is not trusted
)

// When says whether a request fails before or after its effect.
type When uint8

// The two moments at which a request can fail.
const (
	Before When = iota // the request has no effect
	After              // the effect takes place, and then the answer fails
)

// Fault describes a failure to inject. Only the first fault that matches
// a request is applied. DNS, Dial and TLS always come Before; on a listener, where
// a connection already exists, they close it.
type Fault struct {
	Action string // empty: any
	User   string // name of the user whose key signs; empty: any
	Region string // of the signature's scope; empty: any
	KeyID  string // id of the key that signs; empty: any

	Skip  int // how many matching requests pass first
	Times int // how many requests are hit after that; 0: all

	Kind    Kind          // empty: only Latency and Late apply
	When    When          // Before unless set
	Latency time.Duration // delays the answer or the failure, not the effect
	Late    time.Duration // delays the effect, which takes place even if the client has left long ago. Overrides When. Without a Kind the answer waits for the effect
}

// armedFault is a Fault with its count of matching requests.
type armedFault struct {
	Fault
	seen int
}

// Inject arms a fault. Faults are tried in the order of their injection, and each
// counts only the requests that no earlier fault has taken.
func (c *Cloud) Inject(f Fault) {
	defer c.lockAndSettle()()
	c.faults = append(c.faults, &armedFault{Fault: f})
}

// ClearFaults disarms all faults. Requests that are already late stay late.
func (c *Cloud) ClearFaults() {
	defer c.lockAndSettle()()
	c.faults = nil
}

// chooseFault returns the fault for a request, or the zero Fault.
func (c *Cloud) chooseFault(x *exchange) Fault {
	fits := func(want, is string) bool { return want == "" || want == is }
	for _, f := range c.faults {
		if !fits(f.Action, x.action) || !fits(f.User, x.call.User) || !fits(f.Region, x.cred.region) || !fits(f.KeyID, x.cred.keyID) {
			continue
		}
		f.seen++
		if n := f.seen - f.Skip; n > 0 && (f.Times == 0 || n <= f.Times) {
			return f.Fault
		}
	}
	return Fault{}
}

// neverArrives reports whether the request does not reach AWS.
func (k Kind) neverArrives() bool { return k == DNS || k == Dial || k == TLS }

// losesAnswer reports whether the client gets no answer.
func (k Kind) losesAnswer() bool {
	switch k {
	case Close, Reset, Hang, Timeout, DNS, Dial, TLS:
		return true
	}
	return false
}

// process chooses the fault for a request and carries out what is due now.
func (c *Cloud) process(x *exchange) {
	defer c.lockAndSettle()()
	now := c.opt.Now()
	c.logCall(x, now)
	x.id = c.newUUID()
	x.call.RequestID = x.id
	x.fault = c.chooseFault(x)
	x.call.Fault = x.fault.Kind
	switch f := x.fault; {
	case f.Kind.neverArrives():
	case f.Late > 0:
		c.queueLate(now.Add(f.Late), x)
		if f.Kind == "" {
			x.fault.Latency += f.Late
			return
		}
	case f.Kind == "" || f.When == After:
		x.carryOut(now)
	}
	x.spoilAnswer()
}

// spoilAnswer changes the answer as the fault says. Before the effect there is no
// answer yet, so it starts from one without a result.
func (x *exchange) spoilAnswer() {
	if x.fault.Kind == "" {
		return
	}
	effective := x.answer.status != 0
	a := x.answer
	if !effective {
		a = answer{status: http.StatusOK, contentType: "text/xml", body: successBody(x.service, x.action, x.id, []node{})}
	}
	switch x.fault.Kind {
	case Status500:
		a = x.failureAnswer(newRefusal(500, "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure."))
	case Status503:
		a = x.failureAnswer(newRefusal(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."))
	case Throttle:
		a = x.failureAnswer(newRefusal(400, "Throttling", "Rate exceeded"))
	case Refused:
		a = x.failureAnswer(newRefusal(403, "AccessDenied", "User is not authorized to perform: %s:%s with an explicit deny in a service control policy", x.service, x.action))
	case ReplicationLimit:
		a = x.failureAnswer(newRefusal(409, "LimitExceeded", "Your account has a large number of updates awaiting replication, please try again later."))
	case Truncated:
		a.body = a.body[:cutPoint(a.body)]
	case ShortLength:
		n := cutPoint(a.body)
		a.short, a.body = len(a.body)-n, a.body[:n]
	case Empty:
		a = answer{status: http.StatusOK, contentType: "text/xml"}
	case HTML:
		a = answer{status: http.StatusOK, contentType: "text/html", body: []byte("<!DOCTYPE html>\n<html><head><title>Welcome to Airport WiFi</title></head><body>Please log in.</body></html>\n")}
	case NoSecret:
		a.body = withoutSecret(a.body)
	}
	x.answer = a
}

func (x *exchange) failureAnswer(r *refusal) answer {
	if x.call.Code == "" {
		x.call.Code = r.code
	}
	return answer{status: r.status, contentType: "text/xml", body: r.errorBodyIn(x.c.opt.Dialect, x.service, x.id)}
}

const secretTag, secretEnd = "<SecretAccessKey>", "</SecretAccessKey>"

// cutPoint returns where a body breaks off: inside the secret if there is one.
func cutPoint(body []byte) int {
	if i := bytes.Index(body, []byte(secretTag)); i >= 0 {
		return i + len(secretTag) + 20
	}
	return len(body) / 2
}

func withoutSecret(body []byte) []byte {
	i, j := bytes.Index(body, []byte(secretTag)), bytes.Index(body, []byte(secretEnd))
	if i < 0 || j < i {
		return body
	}
	return append(bytes.Clone(body[:i]), body[j+len(secretEnd):]...)
}

// String names the fault in the output of a test.
func (f Fault) String() string {
	when := "before"
	if f.When == After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s", f.Kind, when, f.Action)
}
