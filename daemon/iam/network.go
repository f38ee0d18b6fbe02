package iam

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// proxyError reports a proxy that refused to connect to AWS. Nothing left this
// machine but the name of the host.
type proxyError struct {
	Status int // the proxy's HTTP status
}

// Error names the status. It does not quote the proxy, whose words are anyone's.
func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy answered %d %s", e.Status, http.StatusText(e.Status))
}

// checkProxyAnswer turns the refusal of a proxy into a *proxyError.
func checkProxyAnswer(status int) error {
	if status == http.StatusOK {
		return nil
	}
	return &proxyError{status}
}

// networkFault is why no connection was made, told apart by what a person can do
// about it.
type networkFault uint8

const (
	faultUnknown   networkFault = iota
	faultNoName                 // the name of the endpoint does not exist, says the name server
	faultNoDNS                  // no name server answers
	faultRefused                // the host, or a firewall before it, refuses the connection
	faultSilent                 // no answer to the attempt to connect
	faultCut                    // a connection was made and cut off before TLS was set up
	faultProxy                  // the proxy cannot be reached
	faultNoWay                  // the proxy cannot reach AWS
	faultForbidden              // the proxy refuses to connect to AWS
	faultPassword               // the proxy asks for a user name and a password
	faultSignIn                 // the proxy or the network asks a person to sign in first
	faultClock                  // TLS: the certificate is not valid at the time that this machine's clock shows
	faultTLS                    // TLS: any other failure
)

// windowsRefused is what Windows says when a connection is refused (WSAECONNREFUSED). No
// other system has an error of this number.
const windowsRefused = syscall.Errno(10061)

// networkFaultOf returns why no connection was made.
func networkFaultOf(err error) networkFault {
	proxy, isProxy := errors.AsType[*proxyError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	connecting := isOp && op.Op == "proxyconnect"
	_, invalid := expiredCertificate(err)
	switch {
	case isProxy:
		return proxy.fault()
	case connecting && strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		return faultPassword
	case invalid:
		return faultClock
	case isTLSFailure(err), isOp && (op.Op == "remote error" || op.Op == "local error"): // an alert of crypto/tls
		return faultTLS
	case connecting:
		return faultProxy
	case isDNS && dns.IsNotFound:
		return faultNoName
	case isDNS:
		return faultNoDNS
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, windowsRefused):
		return faultRefused
	case isOp && op.Op == "dial" && (op.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)):
		return faultSilent
	case err != nil && strings.Contains(err.Error(), "TLS handshake timeout"): // net/http has no type for it
		return faultSilent
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return faultCut
	}
	return faultUnknown
}

// fault returns what the refusal of a proxy means.
// Source: RFC 9110, sections 15.4 to 15.6; RFC 6585, section 6, for 511.
func (e *proxyError) fault() networkFault {
	switch {
	case e.Status == http.StatusProxyAuthRequired:
		return faultPassword
	case e.Status >= 300 && e.Status < 400, e.Status == http.StatusNetworkAuthenticationRequired:
		return faultSignIn
	case e.Status >= 500:
		return faultNoWay
	}
	return faultForbidden
}

// provesNetwork reports whether the fault shows that a network is there: something
// answered, and it was not AWS.
func (f networkFault) provesNetwork() bool {
	switch f {
	case faultPassword, faultSignIn, faultForbidden, faultNoWay, faultClock, faultTLS:
		return true
	default:
		return false
	}
}

// IsIntercepted reports whether err is a call that something other than AWS answered:
// a proxy that asks for a password, a TLS handshake that failed because a proxy or a
// captive portal is in the way, because this machine does not trust AWS's
// certificate, or because its clock is wrong. Unlike other errors of class Unsent it
// shows that a network is there.
func IsIntercepted(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Class == Unsent && networkFaultOf(e.err).provesNetwork()
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
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// expiredCertificate returns the certificate that is not valid now, by this machine's
// clock. crypto/x509 has one reason for "not yet" and "no longer".
func expiredCertificate(err error) (x509.CertificateInvalidError, bool) {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return invalid, ok && invalid.Reason == x509.Expired
}

// describeNetwork says why no connection to host was made, or "" when the words of
// the operating system say it best.
func describeNetwork(err error, host string) string {
	switch networkFaultOf(err) {
	case faultNoName:
		return "no such host: the name server knows no " + cleanText(host, longestHost)
	case faultNoDNS:
		return "no name server answers: " + lastReason(err)
	case faultRefused, faultUnknown:
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			return "no connection: " + lastReason(err)
		}
		return ""
	case faultClock:
		if invalid, _ := expiredCertificate(err); invalid.Cert != nil {
			return describeValidity(invalid.Cert, time.Now())
		}
		return "the certificate is not valid at the time that this machine's clock shows"
	case faultPassword:
		return "the proxy asks for a user name and a password (407 Proxy Authentication Required)"
	default:
		return ""
	}
}

// lastReason returns the end of a chain of errors, which says what the operating system
// said. Go puts the addresses of both sides and the names of the calls in front of it.
func lastReason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+len(": "):]
	}
	return cleanText(text, longestMessage)
}

// describeValidity says how the validity of a certificate and the local clock differ.
func describeValidity(c *x509.Certificate, now time.Time) string {
	const day = "2 January 2006"
	clock := "this machine's clock says " + now.UTC().Format("2 January 2006 15:04 UTC")
	if now.Before(c.NotBefore) {
		return "the certificate is not valid before " + c.NotBefore.UTC().Format(day) + ", and " + clock
	}
	return "the certificate was valid until " + c.NotAfter.UTC().Format(day) + ", and " + clock
}

// DoctorHint ends a hint about a connection that was not made: keyd doctor finds more than a
// sentence can guess. The doctor itself leaves it out.
const DoctorHint = "; to see what is in the way: keyd doctor"

const (
	hintProxyPassword = "the proxy must let this machine reach AWS's IAM and STS without a password, or keyd needs a local forwarder that knows it (such as px or cntlm) in HTTPS_PROXY: keyd install stores no password"
	hintSignIn        = "a proxy or a captive portal asks somebody to sign in: do so with a browser; keyd tries again by itself"
	hintOffline       = "connect this machine to the network" + DoctorHint
	hintSetClock      = "set the clock: timedatectl set-ntp true, or the date settings of your system; if the clock is right, a proxy on the way shows a certificate of another time"
)

// hintUnsent returns the hint for an error of class Unsent.
func hintUnsent(err error, host string) string {
	if errors.Is(err, context.Canceled) {
		return ""
	}
	switch networkFaultOf(err) {
	case faultPassword:
		return hintProxyPassword
	case faultSignIn:
		return hintSignIn
	case faultForbidden:
		return "the proxy forbids connections to " + host + ": ask who runs it to allow AWS's IAM and STS"
	case faultNoWay:
		return "ask who runs the proxy why it cannot reach " + host + ", or correct HTTPS_PROXY" + DoctorHint
	case faultProxy:
		return "start the proxy that HTTPS_PROXY names, or correct HTTPS_PROXY" + DoctorHint
	case faultClock:
		return hintSetClock
	case faultTLS:
		return "if a proxy inspects TLS, name its CA certificate in AWS_CA_BUNDLE"
	case faultNoName:
		if strings.HasPrefix(host, "sts.") {
			return "connect this machine to the network, or correct the region in " + host + DoctorHint
		}
		return hintOffline
	case faultNoDNS:
		return hintOffline
	case faultRefused:
		if isLoopback(host) {
			return "start the program that stands in for AWS on this machine; or, to ask AWS itself, take AWS_ENDPOINT_URL out of the environment, or endpoint_url out of the profile"
		}
		return "connect this machine to the network or the VPN, or let the firewall allow connections to " + host + DoctorHint
	case faultSilent:
		return "connect this machine to the network, or let the firewall allow connections to " + host + DoctorHint
	case faultCut:
		return "let the firewall or the proxy allow connections to " + host + DoctorHint
	case faultUnknown:
	}
	return hintOffline
}
