package iam

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// clock gives the time of signatures: the local time, corrected by what AWS's
// answers say when the two are far apart.
//
// The SDK's own correction is switched off. It compares the server with the
// clock of the machine even when the caller brings another clock, and it would
// add that difference on top.
type clock struct {
	now      func() time.Time
	measured atomic.Int64 // server clock minus now, in nanoseconds, as last measured

	mu       sync.Mutex
	tightest remote.Clock // of all answers, the one that says most
}

// note takes over what an answer says of the server's clock. The last answer corrects
// the signatures; the tightest is kept for those who compare times. An answer that
// contradicts it replaces it: one of the two clocks has been set since.
func (c *clock) note(m remote.Clock) {
	c.measured.Store(int64(m.Offset))
	c.mu.Lock()
	defer c.mu.Unlock()
	apart := (m.Offset - c.tightest.Offset).Abs() > m.Within+c.tightest.Within
	if c.tightest.Within == 0 || m.Within <= c.tightest.Within || apart {
		c.tightest = m
	}
}

// best returns the most exact difference of the two clocks so far.
func (c *clock) best() remote.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tightest
}

// maxSkew is the difference between the clocks above which a signature is
// corrected. AWS accepts 15 minutes either way; the SDK's threshold is 4 minutes
// too.
const maxSkew = 4 * time.Minute

// correction returns what to add to now: 0 for a clock that is about right.
func (c *clock) correction() time.Duration {
	off := time.Duration(c.measured.Load())
	if off.Abs() <= maxSkew {
		return 0
	}
	return off
}

// signedByWrongTime reports whether a refused request was signed with a time that
// answers have since shown to be wrong, so that signing again may help. It reads the time
// from the request: other calls sign and learn at the same time.
func (c *clock) signedByWrongTime(err error) bool {
	refused, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || refused.Response == nil || refused.Response.Response == nil || refused.Response.Request == nil {
		return false
	}
	signed, err := time.Parse(signatureTime, refused.Response.Request.Header.Get("X-Amz-Date"))
	return err == nil && c.now().Add(c.correction()).Sub(signed).Abs() > maxSkew
}

// signatureTime is the format of the time of a signature.
// Source: AWS IAM User Guide, "Elements of an AWS API request signature".
const signatureTime = "20060102T150405Z"

// signer signs with exactly one pair. The SDK gets only the id, because it keeps
// what it gets.
type signer struct {
	v4    *v4.Signer
	clock *clock
	key   credfile.Key
	token credfile.Secret // of a session opened with MFA, or empty
}

// SignHTTP signs r. It ignores the time and the secret that the SDK passes in.
func (s *signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, _ time.Time, opts ...func(*v4.SignerOptions)) error {
	c.AccessKeyID, c.SecretAccessKey, c.SessionToken = s.key.ID, s.key.Secret.Reveal(), s.token.Reveal()
	return s.v4.SignHTTP(ctx, c, r, hash, service, region, s.clock.now().Add(s.clock.correction()).UTC(), opts...)
}

// Retrieve returns credentials that cannot sign; SignHTTP adds the secret.
func (s *signer) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: "set while signing", Source: "keyd"}, nil
}
