// Package awssim is IAM and STS as they behave for one thing: the access keys
// of users. It verifies SigV4, is eventually consistent, evaluates policies,
// fails on demand, and keeps a ledger from which a test asks what really
// happened.
//
// A Cloud answers in process (Do, for an SDK's HTTP client) and on a listener
// (ServeHTTP). Both deliver what one function decided, so they cannot differ.
// All time is Options.Now, waiting included when that clock is a
// testing/synctest bubble's: it never starts a goroutine of its own.
//
// What a client sees of a key is never the truth but a view of it. IAM is one
// view, STS of each region another; every view has several replicas, each
// change reaches each replica after a delay of its own, and a request is
// served by any of them. Two reads in a row may therefore disagree, in either
// order. Delays are hashed from the seed, not drawn in sequence, so the same
// seed gives the same cloud whatever is asked of it and in which order.
//
// What it is not: no roles, groups, managed policies or resource policies, no
// throttling unless a Fault asks for it, no limits on sizes, and the lag
// figures of RealLag are what third parties measured, not what AWS promises.
package awssim
