package iam

import (
	"net/http"
	"strings"
)

// Short says in at most some 26 letters what went wrong, for one cell of a table. Error has
// the whole sentence.
func (e *Error) Short() string {
	//exhaustive:enforce
	switch e.Class {
	case Ambiguous:
		return e.shortAmbiguous()
	case Unsent:
		return "cannot reach " + e.whom()
	case Denied:
		return e.shortDenied()
	case BadSecret:
		return "wrong secret"
	case Clock:
		return "the clock is wrong"
	case ExpiredToken:
		return "the MFA session is over"
	case Quota:
		return "no room for a new key"
	case OptIn:
		return "account or region is off"
	case BadKey:
		return e.whom() + " refuses the key"
	case Throttled, Replicating:
		return e.whom() + " is busy"
	case NoSuch:
		return e.whom() + " knows no such key"
	case Invalid:
	}
	return e.whom() + " refuses the call"
}

// whom names who was called: "AWS", or what stands in for it.
func (e *Error) whom() string {
	if e.Endpoint == "" || strings.Contains(e.Endpoint, ".amazonaws.") || strings.HasSuffix(e.Endpoint, ".aws") {
		return "AWS"
	}
	return "the endpoint"
}

// shortAmbiguous says what is known of an answer that AWS did not give.
func (e *Error) shortAmbiguous() string {
	switch {
	case e.redirect != "", e.isWebPage, e.HTTPStatus == http.StatusNetworkAuthenticationRequired:
		return "a portal or proxy answers"
	case e.HTTPStatus == http.StatusProxyAuthRequired:
		return "the proxy wants a password"
	case e.HTTPStatus >= 500:
		return e.whom() + " has a problem"
	case e.HTTPStatus != 0:
		return "not an answer of AWS"
	}
	return "no answer from " + e.whom()
}

// shortDenied says who denies the call.
func (e *Error) shortDenied() string {
	//exhaustive:enforce
	switch e.Denial {
	case DenialMFA:
		return "a policy asks for MFA"
	case DenialCode:
		return "wrong MFA code"
	case DenialDevice:
		return "the MFA device is unfit"
	case DenialPlace:
		return "denied here, or now"
	case DenialSCP, DenialRCP:
		return "the organization denies it"
	case DenialBoundary:
		return "the boundary denies it"
	case DenialVPCEndpoint:
		return "this network denies it"
	case DenialQuarantine:
		return "the key has leaked"
	case DenialLeakLike:
		return "has the key leaked?"
	case DenialUnsaid, DenialNotAllowed, DenialExplicit, DenialSession, DenialResource:
	}
	if e.Call == "GetAccessKeyLastUsed" {
		return "AWS denies to see its use"
	}
	return "AWS denies " + e.Call
}
