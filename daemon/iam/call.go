package iam

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// call is what one call learns on the wire, over all its attempts. The SDK
// forgets most of it: which attempt may have taken effect, whether a request
// left at all, what the server's clock said.
type call struct {
	name    string // the action
	mutates bool
	once    bool // exactly one request may leave

	host      string
	attempts  int
	doubt     bool // an attempt before the last one may have taken effect
	traced    bool // the transport reports its connections
	connected atomic.Bool
	left      bool // the last attempt may have left this machine
	status    int
	refusal   refusal // zero unless the body was AWS's error document
	page      bool
	requestID string
	date      time.Time // the server's Date of the last answer
	offset    time.Duration
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	k, _ := ctx.Value(callKey{}).(*call)
	return k
}

// begin starts one attempt and returns the request with a trace on it.
func (k *call) begin(r *http.Request) *http.Request {
	k.doubt = k.doubt || k.left && !k.refused()
	k.attempts++
	k.host = r.URL.Hostname()
	k.status, k.refusal, k.page, k.requestID, k.left = 0, refusal{}, false, "", true
	k.connected.Store(false)
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { k.connected.Store(true) }}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
}

// refused reports whether AWS itself turned the last attempt down, so that it
// had no effect.
func (k *call) refused() bool { return k.refusal.Code != "" && k.status < 500 }
