// Package iam speaks to IAM and STS for one access key at a time. It is the
// only package that does, and the only one that imports the SDK.
//
// It signs with the pair it is given and with nothing else: no environment
// variable, no file, no instance role. It sends CreateAccessKey exactly once,
// whatever becomes of the answer, since the call has no idempotency token and
// each repetition makes another key. And it believes an answer only when AWS
// can have given it: complete, of the right shape, to this call.
package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// Doer sends one HTTP request. It must not follow redirects and must not send
// a request twice.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Options are what a Client needs of its surroundings. The zero value is for
// real use.
type Options struct {
	HTTP Doer             // nil: a Transport of the client's own, with Site.CABundle
	Now  func() time.Time // the clock that signs; nil: time.Now
	App  string           // identifies this installation in CloudTrail as app/APP; "": keyd
}

// Client makes calls that are signed with one key. It is safe for concurrent
// use. Each call takes 30 s at most, with its retries.
type Client struct {
	key       credfile.Key
	endpoints remote.Endpoints
	iam       *iam.Client
	sts       *sts.Client
	clock     *clock
	opt       Options    // with HTTP and Now set
	own       *Transport // nil when the transport is the caller's
}

// New returns a client that signs with exactly this pair. It reads nothing but
// the file site.CABundle, and that only without opt.HTTP; it sends nothing. An
// error means that the pair has not the shape of a key, that the site was not
// made by Resolve, or that the bundle cannot be read.
func New(key credfile.Key, site remote.Endpoints, opt Options) (*Client, error) {
	if key.ID == "" || key.Secret.IsZero() {
		return nil, fmt.Errorf("iam: %s is not a whole pair", key)
	}
	return newClient(key, credfile.Secret{}, site, opt)
}

func newClient(key credfile.Key, token credfile.Secret, site remote.Endpoints, opt Options) (*Client, error) {
	if homeRegion(site.Partition) == "" || len(site.Regions) == 0 {
		return nil, fmt.Errorf("iam: no partition %q with regions", site.Partition)
	}
	c := &Client{key: key, endpoints: site}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.HTTP == nil {
		t, err := NewTransport(site.CABundle)
		if err != nil {
			return nil, err
		}
		opt.HTTP, c.own = t, t
	}
	c.opt, c.clock = opt, &clock{now: opt.Now}
	s := &signer{v4: v4.NewSigner(), clock: c.clock, key: key, token: token}
	c.connectSDK(s, &wire{http: opt.HTTP, clock: c.clock}, appID(opt.App))
	return c, nil
}

// connectSDK makes the two SDK clients. Nothing in them comes from the
// environment: that is what the SDK's config package would add.
func (c *Client) connectSDK(s *signer, w *wire, app string) {
	fips := aws.FIPSEndpointStateUnset
	if c.endpoints.FIPS {
		fips = aws.FIPSEndpointStateEnabled
	}
	c.iam = iam.New(iam.Options{
		AppID: app, Credentials: s, HTTPSignerV4: s, HTTPClient: w, Retryer: c.newRetryer(),
		Region: homeRegion(c.endpoints.Partition), BaseEndpoint: baseEndpoint(c.endpoints.IAMURL),
		EndpointOptions:            iam.EndpointResolverOptions{UseFIPSEndpoint: fips},
		DisableClockSkewCorrection: true,
	})
	c.sts = sts.New(sts.Options{
		AppID: app, Credentials: s, HTTPSignerV4: s, HTTPClient: w, Retryer: c.newRetryer(),
		Region: c.endpoints.Regions[0], BaseEndpoint: baseEndpoint(c.endpoints.STSURL),
		EndpointOptions:            sts.EndpointResolverOptions{UseFIPSEndpoint: fips},
		DisableClockSkewCorrection: true,
	})
}

func baseEndpoint(endpoint string) *string {
	if endpoint == "" {
		return nil
	}
	return &endpoint
}

func appID(app string) string {
	if app == "" {
		return "keyd"
	}
	return app
}

// newRetryer repeats what may be repeated: three attempts, at most 3 s apart, and
// once more when the answer shows that the signature had the wrong time.
func (c *Client) newRetryer() aws.Retryer {
	wrongClock := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
		api, ok := errors.AsType[smithy.APIError](err)
		if ok && classify(api.ErrorCode(), api.ErrorMessage()) == Clock && c.clock.correctionChanged() {
			return aws.TrueTernary
		}
		return aws.UnknownTernary
	})
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 3, 3*time.Second
		o.Retryables = append([]retry.IsErrorRetryable{wrongClock}, o.Retryables...)
	})
}

// doCall makes one call and turns its failure into an Error.
func (c *Client) doCall(ctx context.Context, k *call, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := f(context.WithValue(ctx, callKey{}, k)); err != nil {
		return k.newError(err)
	}
	return nil
}

// Close closes idle connections. The client stays usable.
func (c *Client) Close() {
	if c.own != nil {
		c.own.Close()
	}
}

// String returns the shortened id of the key.
func (c *Client) String() string { return "iam client of " + c.key.String() }

// LogValue returns what String does, for log/slog.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
