package iam

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error describes a call that failed. It holds no secret and no body of an
// answer.
type Error struct {
	Call       string        // the IAM or STS action, e.g. "CreateAccessKey"
	Endpoint   string        // host that was called; "" when the call did not get that far
	Code       string        // AWS's error code; "" when AWS did not answer
	Message    string        // AWS's words, or what was wrong with the answer
	RequestID  string        // AWS's id of the request, for support and CloudTrail
	HTTPStatus int           // 0 when there was no answer
	Offset     time.Duration // server clock minus the clock that signed; 0 when not measured
	Class      Class         // what the error means for the caller
	Session    bool          // a session opened with MFA has signed the call, and not the key
	Denial     Denial        // for class Denied: which policy denies the call, as far as it is known

	Devices []Device // the MFA devices of the user; nil when they were not asked for

	elsewhere    bool // the endpoint is not AWS's
	mayHaveActed bool // an earlier attempt of the same call may have taken effect
	mutates      bool
	isWebPage    bool   // the answer was a web page
	redirect     string // the host that the answer redirected to; "" for any other answer
	exclude      string // how a person excludes the key; see Options.Exclude
	err          error
}

// Error returns one line such as "iam: CreateAccessKey at iam.amazonaws.com:
// AccessDenied: ...". For a call that changes something, the line ends by saying
// whether the change took effect.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "iam: %s", e.Call)
	if e.Endpoint != "" {
		fmt.Fprintf(&b, " at %s", e.Endpoint)
	}
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			fmt.Fprintf(&b, ": %s", part)
		}
	}
	if e.Code == "" && e.HTTPStatus != 0 {
		fmt.Fprintf(&b, " (HTTP status %d)", e.HTTPStatus)
	}
	switch {
	case !e.mutates:
	case e.Definite():
		b.WriteString("; nothing was changed")
	default:
		b.WriteString("; it is not known whether it took effect")
	}
	return b.String()
}

// Unwrap returns the network or context error behind the failure, or nil.
func (e *Error) Unwrap() error { return e.err }

// EndsSession reports whether AWS no longer accepts the session that signed the call.
func (e *Error) EndsSession() bool {
	return e.Session && (e.Class == ExpiredToken || e.Class == BadKey)
}

// Definite reports whether the call certainly had no effect. A refusal is not
// definite when the answer to an earlier attempt of the same call was lost: the
// NoSuchEntity of a repeated DeleteAccessKey may mean that the first attempt
// succeeded.
func (e *Error) Definite() bool { return e.Class != Ambiguous && !e.mayHaveActed }

// Temporary reports whether the same call may succeed later without any action
// by a person.
func (e *Error) Temporary() bool {
	switch e.Class {
	case Ambiguous, Unsent, Throttled, Replicating:
		return true
	}
	return false
}

// Hint returns a command or a question that may help a person, or "". This
// package does not know the profile, so a command that names one ends in
// PROFILE.
func (e *Error) Hint() string {
	//exhaustive:enforce
	switch e.Class {
	case Ambiguous:
		return e.hintAmbiguous()
	case Unsent:
		return hintUnsent(e.err, e.Endpoint)
	case Denied:
		return e.hintDenied()
	case BadSecret:
		return "compare the secret in the file with the one that belongs to this key id; to enter it again: aws configure --profile PROFILE"
	case Clock:
		return e.hintClock()
	case ExpiredToken:
		return "enter a new MFA code, since the session is over: keyd rotate PROFILE"
	case Quota:
		if e.Call == "CreateAccessKey" {
			return "keyd prune PROFILE"
		}
	case OptIn:
		return "sign the account up, or enable the region, in the console of AWS"
	case BadKey:
		if e.elsewhere {
			return "ask whoever runs " + e.Endpoint + " whether the key was deleted or made inactive"
		}
		return "look in the console of AWS whether the key was deleted or made inactive; if it is active, correct the region of the profile, which must be in the partition of the key (aws; aws-cn, such as cn-north-1; aws-us-gov, such as us-gov-west-1)"
	case Invalid:
		return e.hintInvalid()
	case Throttled, Replicating:
		return "try again in some minutes, when AWS is less busy: keyd rotate PROFILE"
	case NoSuch:
		return "list the keys that AWS knows: aws iam list-access-keys --profile PROFILE"
	}
	return ""
}

// hintAmbiguous returns the hint for an answer that AWS did not give.
func (e *Error) hintAmbiguous() string {
	switch {
	case e.redirect != "":
		return "sign in with a browser, since a proxy or a captive portal sends this machine to its own page; then: keyd rotate PROFILE"
	case e.isWebPage:
		return "sign in with a browser, if there is a captive portal or a proxy between this machine and AWS; then: keyd rotate PROFILE"
	case e.HTTPStatus == http.StatusProxyAuthRequired:
		return hintProxyPassword
	case e.HTTPStatus == http.StatusNetworkAuthenticationRequired:
		return hintSignIn
	case e.HTTPStatus >= 400 && e.HTTPStatus < 500 && e.Code == "":
		return "find out what answers in place of AWS, such as a proxy; if " + e.Endpoint + " is a store without IAM and STS, " + e.howToExclude()
	}
	return "try again in some minutes: keyd rotate PROFILE"
}

// hintInvalid returns the hint for a call that the endpoint does not offer.
func (e *Error) hintInvalid() string {
	if IsNotOffered(e) && e.Call == "GetCallerIdentity" {
		return e.howToExclude() + " if " + e.Endpoint + " offers neither GetCallerIdentity nor GetUser to this user, without which keyd cannot replace the key"
	}
	if saysUnknownCall(e.Code, e.Message) || IsNotOffered(e) {
		return e.howToExclude() + " if " + e.Endpoint + " does not offer " + e.Call + ", without which keyd cannot replace the key"
	}
	return "ask who manages the account why AWS refuses the call, and try again: keyd rotate PROFILE"
}

// howToExclude is Options.Exclude. Whether users may exclude keys is not known here.
func (e *Error) howToExclude() string { return cmp.Or(e.exclude, "exclude the key from rotation") }

func (e *Error) hintClock() string {
	off := e.Offset.Round(time.Second)
	switch {
	case off > 0:
		return fmt.Sprintf("set the clock of this machine: it is %s behind AWS", off)
	case off < 0:
		return fmt.Sprintf("set the clock of this machine: it is %s ahead of AWS", -off)
	}
	return "set the clock of this machine: timedatectl set-ntp true, or the date settings of your system"
}

// Class says what an error means for the caller. The zero Class is the cautious
// one: whether the call took effect is unknown.
type Class uint8

// The classes. With any class but Ambiguous, this request had no effect.
const (
	Ambiguous    Class = iota // the answer was lost, cut or garbled, or a 5xx, or a timeout after the request may have left
	Unsent                    // no connection: DNS, dial, proxy or TLS handshake failed
	Throttled                 // too many requests; try later
	Denied                    // a policy forbids the call; see Error.Denial
	BadKey                    // the key is unknown, deleted, inactive or not known here yet, or the region is not enabled; AWS does not say which
	BadSecret                 // the secret does not belong to the key id
	Clock                     // the clock of this machine is off by more than 15 minutes
	ExpiredToken              // the MFA session is over
	Quota                     // a quota is full: two access keys per user for CreateAccessKey
	Replicating               // IAM has too many updates to replicate, or the entity is being changed; try again some minutes later
	NoSuch                    // the key or the user does not exist, or is not known here yet
	OptIn                     // the account is not signed up for the service or region
	Invalid                   // any other refusal, or a request that the SDK rejected as malformed
)

var classNames = [...]string{
	"ambiguous", "unsent", "throttled", "denied", "bad key", "bad secret",
	"clock", "expired token", "quota", "replicating", "no such entity", "opt-in", "invalid",
}

// String returns the class in words, such as "bad key".
func (c Class) String() string {
	if int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// ClassOf returns the class of an error of this package. For any other error it
// returns Ambiguous, because nothing is known of its effect. It does so for nil
// too, so ask only after a failure.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Ambiguous
}

// classify returns the class of a refusal by AWS itself: an answer with a 4xx
// status whose body names a code.
// Source: IAM and STS API references, "Common errors" and the errors of each
// action; messages as recorded against AWS.
func classify(code, message string) Class {
	switch code {
	case "AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation":
		return Denied
	case "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException":
		return BadKey
	case "SignatureDoesNotMatch", "InvalidSignatureException":
		return classifySignature(message)
	case "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture":
		return Clock
	case "ExpiredToken", "ExpiredTokenException":
		return ExpiredToken
	case "LimitExceeded", "LimitExceededException":
		return classifyLimit(message)
	case "EntityTemporarilyUnmodifiable", "ConcurrentModification":
		return Replicating
	case "NoSuchEntity", "NoSuchEntityException":
		return NoSuch
	case "OptInRequired", "SubscriptionRequiredException":
		return OptIn
	}
	if isThrottle(code) {
		return Throttled
	}
	return Invalid
}

func isThrottle(code string) bool {
	switch code {
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
		"RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
		"SlowDown", "PriorRequestNotComplete", "BandwidthLimitExceeded":
		return true
	}
	return false
}

// classifySignature distinguishes three meanings of one code: IAM and STS answer
// SignatureDoesNotMatch for a wrong secret, for a wrong clock, and for a
// signature scoped to the wrong region.
func classifySignature(message string) Class {
	switch {
	case strings.Contains(message, "Signature expired"), strings.Contains(message, "Signature not yet current"):
		return Clock
	case strings.Contains(message, "Credential should be scoped"):
		return Invalid
	}
	return BadSecret
}

// classifyLimit distinguishes a full quota from a busy IAM: both have the code
// LimitExceeded.
// Source: aws-sdk-go issue 807.
func classifyLimit(message string) Class {
	if strings.Contains(message, "awaiting replication") || strings.Contains(message, "try again later") {
		return Replicating
	}
	return Quota
}
