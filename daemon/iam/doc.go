// Package iam calls IAM and STS for one access key at a time. It is the only
// package of keyd that speaks to AWS and imports its SDK.
//
// # What it is for
//
// A Client holds one pair (key id and secret) and the Endpoints where its calls
// go. It offers the calls that a rotation needs: CallerIdentity, ListKeys,
// CreateKey, SetStatus, DeleteKey, LastUsed, DescribeKey, UndescribeKey and Descriptions.
// OpenSession opens a session with an MFA code, and WithSession returns a second client
// whose calls to IAM are signed with it (mfa.go). LeastPolicy
// (policy.go) is the permission that all of this takes. The plain data that
// outlives a call is in package remote, next to this one.
//
// # Where calls go
//
//	endpoints.go   ResolveEndpoints: from profiles and environment to regions and URLs
//	url.go         the URLs of custom endpoints
//	setting.go     mistakes in the settings, with their names
//	ignored.go     settings of other AWS tools that do not count here
//	partition.go   partitions and their home regions
//	local.go       whether an endpoint is on this machine
//	elsewhere.go   what endpoints that are not AWS's offer, and what is sent to them
//	reach.go       Reach: whether endpoints answer, without a signature
//
// # How a call travels
//
//	profiles, environment --ResolveEndpoints--> remote.Endpoints --New--> Client
//
//	client.go          New, and what every call has in common
//	keys.go, sts.go,   one method per call: it fills in the SDK's input and
//	mfa.go             checks that the output has every part it must have
//	the SDK            builds the request and repeats it when that is safe
//	sign.go            signs it with this pair, by a clock corrected by AWS's
//	wire.go            sends one attempt, reads the whole answer and lets it
//	                   pass only if AWS can have said it
//	transport.go       HTTP: no redirects, few idle connections, and a new
//	                   connection for each CreateAccessKey
//	text.go, shape.go  makes text of what an endpoint says, or refuses it
//	cause.go           turns any failure into an *Error (error.go) with a Class
//	network.go         tells apart why no connection was made
//	denial.go          tells apart which policy denied a call; explain.go asks
//	                   what else the key may do when AWS does not say
//	short.go           says what went wrong in one cell of a table
//
// While a call is under way, one value of type call records what the SDK
// forgets: how many attempts left this machine, whether an earlier one may have
// taken effect, and what the server's clock said. Options.OnReceipt and OnTrip
// pass on what outlives the call.
//
// # What it promises
//
// A client signs with the pair it was given and with nothing else: it reads no
// environment variable, no credentials file and no instance role.
//
// It sends CreateAccessKey exactly once, whatever becomes of the answer. That
// call has no idempotency token, so each repetition makes another key.
//
// It believes an answer only when AWS can have given it: complete, of the right
// shape, and to this call. Everything else is an error of class Ambiguous, which
// means that the call may have taken effect. Error.Definite reports the
// opposite: the call certainly had no effect.
//
// No error, hint or printed value of this package holds a secret or the body of
// an answer.
package iam
