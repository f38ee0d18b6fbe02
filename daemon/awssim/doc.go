// Package awssim simulates IAM and STS, and one other service, for one purpose: the access keys of users.
// keyd demo and the tests use it in place of AWS. It verifies SigV4, is eventually
// consistent, evaluates policies and fails on demand, and it keeps a record from
// which a test learns what really happened.
//
// # How to use it
//
//	cloud := awssim.New(awssim.Options{Seed: 1, Lag: awssim.RealLag()})
//	alice := cloud.AddUser("111122223333", "/", "alice")
//	id, secret := alice.AddKey(90 * 24 * time.Hour) // a key that is 90 days old
//
// In process, give the Cloud to an SDK as its HTTP client; Do answers without a
// socket. On a listener, serve it like any http.Handler and set AWS_ENDPOINT_URL
// to the address. Both ways send what one function decided, so they cannot differ.
//
// The methods of User stand for people: they create, use, deactivate and delete
// keys in the console, attach policies and deny actions. Inject arms a Fault, such
// as a lost answer or a request that takes effect late. SkewDate and CloseRegion
// change the surroundings.
//
// Then ask what happened. Calls returns every request. Keys, History and Orphans
// tell the truth about the keys. Touched returns the calls that tried to change a
// key of someone else. Outage returns for how long a pair in a file did not work.
//
// A User may have MFA devices: AddVirtualMFA, whose codes are those of RFC 6238 and are
// taken once, AddHardwareMFA, and AddSecurityKey, which shows none. GuardWithMFA attaches
// the policy of AWS's guide that denies nearly everything without MFA; GetSessionToken
// opens the session with which it is allowed.
//
// All time comes from Options.Now. The only waiting is for a Fault, on real timers,
// so in a testing/synctest bubble time passes at once. The simulator starts no
// goroutine.
//
// # What it models
//
// A client never sees the true state of a key but a view of it. IAM has one view
// for authentication and one for lists, and STS has one for each region. EC2 stands
// for all other services, which may learn of a new key minutes later: it has a view for
// each region, too, and answers DescribeRegions. Each view
// has several replicas, each change reaches each replica after its own delay, and
// any replica may serve a request. Two reads in a row may therefore disagree, in
// either order. Delays are hashed from the seed and not drawn in sequence: the
// same seed gives the same cloud, whatever is asked of it and in whatever order.
//
// Error codes, messages and statuses are those of AWS, with their sources in the
// code. TestContractElsewhere checks the same clauses against another simulator
// or against AWS.
//
// # What it does not model
//
// It has no roles, groups, managed policies or resource policies. It throttles only
// when a Fault says so, and it does not limit sizes. The delays of RealLag are what
// third parties have measured; AWS promises none.
package awssim
