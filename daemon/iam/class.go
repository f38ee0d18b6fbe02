package iam

import (
	"errors"
	"strings"
)

// Class is what an error means for the caller. The zero Class is the careful
// one: it is not known whether the call took effect.
type Class uint8

// The classes. All but Ambiguous say that this request had no effect.
const (
	Ambiguous    Class = iota // lost, cut or garbled answer, 5xx, timeout after the request may have left
	Unsent                    // no connection: DNS, dial, proxy or TLS handshake failed
	Throttled                 // too many requests; later
	Denied                    // a policy forbids the call; see Error.Layer
	BadKey                    // key unknown, deleted, inactive, not yet known here, or the region is not enabled: AWS does not say which
	BadSecret                 // the secret does not belong to the key id
	Clock                     // the clock of this machine is off by more than 15 minutes
	ExpiredToken              // the MFA session is over
	Quota                     // a quota is full: two access keys per user for CreateAccessKey
	Replicating               // IAM has too many updates to replicate or the entity is being changed; some minutes later
	NoSuch                    // the key or the user does not exist (here, yet)
	OptIn                     // the account is not signed up for the service or region
	Invalid                   // any other refusal, or a request that was never valid
)

var classNames = [...]string{
	"ambiguous", "unsent", "throttled", "denied", "bad key", "bad secret",
	"clock", "expired token", "quota", "replicating", "no such entity", "opt-in", "invalid",
}

// String returns the class in words.
func (c Class) String() string {
	if int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// ClassOf returns the class of an error of this package. Any other error is
// Ambiguous, since nothing is known of it; nil is too, so ask only on failure.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Ambiguous
}

// classify returns the class of a refusal that AWS itself worded: an answer
// with a 4xx status whose body named a code.
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

// classifySignature tells the three meanings of one code apart: IAM and STS
// answer SignatureDoesNotMatch for a wrong secret, for a wrong clock and for a
// scope of the wrong region.
func classifySignature(message string) Class {
	switch {
	case strings.Contains(message, "Signature expired"), strings.Contains(message, "Signature not yet current"):
		return Clock
	case strings.Contains(message, "Credential should be scoped"):
		return Invalid
	}
	return BadSecret
}

// classifyLimit: the code of the key quota also says that IAM is busy.
// Source: aws-sdk-go issue 807.
func classifyLimit(message string) Class {
	if strings.Contains(message, "awaiting replication") || strings.Contains(message, "try again later") {
		return Replicating
	}
	return Quota
}
