package iam

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"
)

// newError turns the error that the SDK returned for k into an Error.
func (k *call) newError(err error) *Error {
	e := &Error{
		Call: k.name, Endpoint: k.host, HTTPStatus: k.status, RequestID: k.requestID,
		Offset: k.offset, mutates: k.mutates, mayHaveActed: k.mayHaveActed, isWebPage: k.isWebPage,
	}
	if k.refusal.Code != "" && !isContext(err) {
		e.Code, e.Message = k.refusal.Code, k.refusal.Message
		if k.refusedByAWS() {
			e.Class = classify(e.Code, e.Message)
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
	return cleanText(networkCause(err).Error())
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
	return isTLSFailure(err)
}

func isTLSFailure(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// hintUnsent returns the hint for an error of class Unsent.
func hintUnsent(err error) string {
	switch op, _ := errors.AsType[*net.OpError](err); {
	case errors.Is(err, context.Canceled):
		return ""
	case isTLSFailure(err):
		return "does a proxy intercept TLS? then name its certificate in AWS_CA_BUNDLE"
	case op != nil && op.Op == "proxyconnect":
		return "is HTTPS_PROXY right?"
	}
	return "is this machine online?"
}

// cleanText makes text from the network fit to print: one line of at most 1000
// bytes, without control characters that a terminal obeys.
func cleanText(s string) string {
	const most = 1000
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
