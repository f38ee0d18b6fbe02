package iam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	transport "github.com/aws/smithy-go/endpoints"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// Doer sends one HTTP request. It must not follow redirects and must not send
// a request twice.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Options are what a Client takes from its surroundings. The zero value is the
// one for production.
type Options struct {
	HTTP Doer             // nil: the client makes a Transport of its own, with Endpoints.CABundle
	Now  func() time.Time // the clock that dates signatures; nil: time.Now
	App  string           // the program, in the user agent that CloudTrail keeps, as app/APP; "": keyd

	// Installation identifies this installation in the user agent, as
	// app/APP-INSTALLATION, so that two machines with one key can be told apart and a
	// stray key has an origin; "" for none. A user agent proves nothing: anyone can
	// send it.
	Installation string

	// OtherShapes allows CreateAccessKey to answer with a pair of another shape than AWS's,
	// where the endpoints are not AWS's. Set it only if every profile that shows the key names
	// its IAM, since keyd finds such a pair nowhere else.
	OtherShapes bool

	// Exclude says how a person excludes the key from rotation, as a command to that person:
	// hints about endpoints that do not offer what keyd needs begin with it. "" stands for
	// general words.
	Exclude string

	// Sources remembers how endpoints that are not AWS's say whose key it is. If it is nil,
	// the client has its own.
	Sources *Sources

	// OnReceipt gets the evidence of every call that changes something, whatever
	// became of it, and OnTrip what every call tells about its endpoint, unless its
	// context ended first. Both are called once a call, before it returns, and may be
	// nil.
	OnReceipt func(remote.Receipt)
	OnTrip    func(remote.Trip)

	// OnCall gets the name of every call and what became of it, nil for success, before it
	// returns, unless its context ended first. It may be nil.
	OnCall func(call string, err error)

	// OnSend gets the name of a call and the host, before each request is sent. It may be
	// nil, and is called side by side when calls are.
	OnSend func(call, host string)
}

// Client makes calls that are signed with one key. It is safe for concurrent
// use. Each call takes at most 30 s, retries included.
type Client struct {
	key       credfile.Key
	endpoints remote.Endpoints
	iam       *iam.Client // signs with the session, if there is one
	bareIAM   *iam.Client // signs with the key
	sts       *sts.Client
	clock     *clock
	signer    *signer    // of the key
	elsewhere bool       // neither IAM nor STS is AWS's
	sources   *Sources   // never nil
	session   string     // the id of the session that signs calls to IAM; "" when the key does
	opt       Options    // HTTP and Now are set
	own       *Transport // nil when the caller brought the transport
}

// New returns a client that signs with exactly this pair. It sends nothing, and
// the only file it reads is e.CABundle, unless opt.HTTP is set. It returns an
// error when half of the pair is missing, when e does not come from Resolve, or
// when the bundle cannot be read.
func New(key credfile.Key, e remote.Endpoints, opt Options) (*Client, error) {
	if key.ID == "" || key.Secret.IsZero() {
		return nil, fmt.Errorf("iam: %s is not a whole pair", key)
	}
	if homeRegion(e.Partition) == "" || len(e.Regions) == 0 {
		return nil, fmt.Errorf("iam: the endpoints name no known partition (%q) or no region", e.Partition)
	}
	c := &Client{key: key, endpoints: e, elsewhere: isElsewhere(e.IAMURL) && isElsewhere(e.STSURL), sources: cmp.Or(opt.Sources, &Sources{})}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.HTTP == nil {
		t, err := NewTransport(e.CABundle)
		if err != nil {
			return nil, err
		}
		opt.HTTP, c.own = t, t
	}
	c.opt, c.clock = opt, &clock{now: opt.Now}
	c.signer = &signer{v4: v4.NewSigner(), clock: c.clock, key: key}
	c.bareIAM, c.sts = c.connectSDK(c.signer, &wire{http: opt.HTTP, clock: c.clock, onSend: opt.OnSend}, appID(opt.App, opt.Installation))
	c.iam = c.bareIAM
	return c, nil
}

// connectSDK returns two SDK clients that sign with s. Nothing in them comes from the
// environment, because the SDK's config package, which reads it, is not used.
func (c *Client) connectSDK(s *signer, w *wire, app string) (*iam.Client, *sts.Client) {
	fips := aws.FIPSEndpointStateUnset
	if c.endpoints.FIPS {
		fips = aws.FIPSEndpointStateEnabled
	}
	forIAM := iam.New(iam.Options{
		AppID: app, Credentials: s, HTTPSignerV4: s, HTTPClient: w, Retryer: c.newRetryer(),
		Region: homeRegion(c.endpoints.Partition), BaseEndpoint: baseEndpoint(c.endpoints.IAMURL),
		EndpointOptions:            iam.EndpointResolverOptions{UseFIPSEndpoint: fips, UseDualStackEndpoint: c.dualStack(c.endpoints.IAMURL)},
		DisableClockSkewCorrection: true,
	})
	forSTS := sts.New(sts.Options{
		AppID: app, Credentials: s, HTTPSignerV4: s, HTTPClient: w, Retryer: c.newRetryer(),
		Region: c.endpoints.Regions[0], BaseEndpoint: baseEndpoint(c.endpoints.STSURL), EndpointResolverV2: stsRules{c.endpoints.GlobalSTS},
		EndpointOptions:            sts.EndpointResolverOptions{UseFIPSEndpoint: fips, UseDualStackEndpoint: c.dualStack(c.endpoints.STSURL)},
		DisableClockSkewCorrection: true,
	})
	return forIAM, forSTS
}

// dualStack returns whether the names with IPv6 addresses are used for a service. The SDK
// refuses them together with a custom endpoint.
func (c *Client) dualStack(custom string) aws.DualStackEndpointState {
	if c.endpoints.DualStack && custom == "" {
		return aws.DualStackEndpointStateEnabled
	}
	return aws.DualStackEndpointStateUnset
}

// stsRules are the SDK's rules for the endpoint of STS, with the parameter that the SDK
// leaves no option for.
type stsRules struct{ global bool }

// ResolveEndpoint implements sts.EndpointResolverV2.
func (r stsRules) ResolveEndpoint(ctx context.Context, p sts.EndpointParameters) (transport.Endpoint, error) {
	p.UseGlobalEndpoint = &r.global
	return sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, p)
}

func baseEndpoint(endpoint string) *string {
	if endpoint == "" {
		return nil
	}
	return &endpoint
}

// appID returns the App of the user agent: at most 50 characters, which is where the
// SDKs begin to warn, and of those that a header's token may hold.
// Source: AWS SDKs and Tools reference guide, "Application ID".
func appID(app, installation string) string {
	app = cmp.Or(app, "keyd")
	if installation != "" {
		app += "-" + installation
	}
	app = strings.Map(func(r rune) rune {
		if r > 127 || !codeShape.matches(string(r)) {
			return '-'
		}
		return r
	}, app)
	return app[:min(len(app), 50)]
}

// newRetryer returns the retry policy of the calls that may be repeated: three
// attempts, at most 3 s apart. A refused signature counts as retryable when the
// answer shows that its time was wrong.
func (c *Client) newRetryer() aws.Retryer {
	wrongClock := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
		api, ok := errors.AsType[smithy.APIError](err)
		if ok && classify(api.ErrorCode(), api.ErrorMessage()) == Clock && c.clock.signedByWrongTime(err) {
			return aws.TrueTernary
		}
		return aws.UnknownTernary
	})
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 3, 3*time.Second
		o.Retryables = append([]retry.IsErrorRetryable{wrongClock}, o.Retryables...)
	})
}

// doCall makes one call, within callTimeout, and turns its failure into an
// Error.
func (c *Client) doCall(ctx context.Context, k *call, f func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	k.elsewhere, k.otherKey = c.elsewhere, !credfile.IsLongTerm(c.key.ID)
	if k.session = c.session; k.bare || isSTS(k.name) {
		k.session = ""
	}
	err := f(context.WithValue(within, callKey{}, k))
	if err != nil {
		failed := k.newError(err)
		failed.exclude = c.opt.Exclude
		err = failed
	}
	c.reportReceipt(k, err)
	if ctx.Err() == nil {
		c.reportTrip(k, err)
		if c.opt.OnCall != nil {
			c.opt.OnCall(k.name, err)
		}
	}
	return err
}

// isSTS reports whether a call goes to STS, which is asked with the key.
func isSTS(call string) bool { return call == "GetCallerIdentity" || call == "GetSessionToken" }

// reportTrip passes on what the call told about its endpoint.
func (c *Client) reportTrip(k *call, err error) {
	if c.opt.OnTrip == nil || k.host == "" {
		return
	}
	answered := err == nil || k.refusal.Code != ""
	c.opt.OnTrip(remote.Trip{Endpoint: k.host, Answered: answered, Clock: remote.Clock{Offset: k.offset, Within: k.within}})
}

// reportReceipt passes on the evidence of a call that changes something.
func (c *Client) reportReceipt(k *call, err error) {
	if c.opt.OnReceipt == nil || !k.mutates || k.attempts == 0 {
		return
	}
	r := remote.Receipt{Call: k.name, RequestID: k.requestID, Date: k.date, Region: homeRegion(c.endpoints.Partition),
		Endpoint: k.host, KeyID: k.keyID, SignedBy: cmp.Or(k.session, c.key.ID), Outcome: remote.Done}
	if e, ok := errors.AsType[*Error](err); ok {
		r.Code, r.Outcome = e.Code, remote.Unknown
		if e.Definite() {
			r.Outcome = remote.Refused
		}
	}
	c.opt.OnReceipt(r)
}

// Close closes the idle connections of the client's own transport. The client
// stays usable.
func (c *Client) Close() {
	if c.own != nil {
		c.own.Close()
	}
}

// KeyID returns the id of the key that signs calls to STS, and those to IAM unless the
// client has a session.
func (c *Client) KeyID() string { return c.key.ID }

// String names the client by the shortened id of its key.
func (c *Client) String() string { return "iam client of " + c.key.String() }

// LogValue makes log/slog print what String returns.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
