package iam

import (
	"context"
	"errors"
	"net"
	"net/url"

	"github.com/aws/smithy-go"
)

// newError turns the error that the SDK returned for k into an Error.
func (k *call) newError(err error) *Error {
	e := &Error{
		Call: k.name, Endpoint: k.host, HTTPStatus: k.status, RequestID: k.requestID,
		Offset: k.offset, Session: k.session != "", elsewhere: k.elsewhere, mutates: k.mutates, mayHaveActed: k.mayHaveActed, isWebPage: k.isWebPage, redirect: k.redirect,
	}
	if k.refusal.Code != "" && !isContext(err) {
		e.Code, e.Message = k.refusal.Code, k.refusal.Message
		if k.refusedByAWS() || k.elsewhere && k.isHarmless() && saysUnknownCall(e.Code, e.Message) {
			e.Class = classify(e.Code, e.Message)
			e.Denial = denialOf(e)
		}
		return e
	}
	e.Class, e.Message = k.classWithoutCode(err), k.describeFailure(err)
	if _, ok := errors.AsType[*smithy.DeserializationError](err); !ok {
		e.err = networkCause(err)
	}
	return e
}

// classWithoutCode returns the class of a failure for which AWS gave no code.
func (k *call) classWithoutCode(err error) Class {
	switch {
	case k.attempts == 0 && isContext(err):
		return Unsent
	case k.attempts == 0:
		return Invalid // rejected by the SDK: a malformed name, or a region without an endpoint
	case !k.left:
		return Unsent
	case k.believesStatus():
		return Invalid
	case k.refusedByAWS():
		return Throttled // the wait before the next attempt was cut short
	}
	return Ambiguous
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// describeFailure returns the message for a failure that AWS did not explain.
func (k *call) describeFailure(err error) string {
	if a, ok := errors.AsType[*answerError](err); ok {
		return a.what
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return "the answer cannot be decoded" // the SDK's text may quote the answer
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case k.isWebPage:
		return "the answer is a web page"
	}
	if text := describeNetwork(err, k.host); text != "" {
		return text
	}
	return cleanText(networkCause(err).Error(), longestMessage)
}

// networkCause strips the wrappers of the SDK and of net/http, which repeat the
// call and the URL, from a transport error. errors.AsType still finds its type.
func networkCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	for _, target := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, target) {
			return target
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns
	}
	if answer, ok := errors.AsType[*answerError](err); ok {
		return answer
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// mayHaveLeft reports whether an attempt that ended in err may have left this
// machine. A Transport of this package reports its connections. With any other
// HTTP client, only an error that precedes the writing of a request proves that
// nothing left.
func (k *call) mayHaveLeft(err error) bool {
	return k.connected.Load() || !k.traced && !failedBeforeWrite(err)
}

// failedBeforeWrite reports whether err comes before anything is written: from the
// lookup of the name, the dial, the proxy or the TLS handshake.
func failedBeforeWrite(err error) bool {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "dial" || op.Op == "proxyconnect"
	}
	if _, ok := errors.AsType[*proxyError](err); ok {
		return true
	}
	return isTLSFailure(err)
}
