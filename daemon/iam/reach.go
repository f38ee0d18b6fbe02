package iam

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	transport "github.com/aws/smithy-go/endpoints"

	"keyd/daemon/iam/remote"
)

// Reached is what one endpoint answered to a request without a signature.
type Reached struct {
	Host  string       // with the port, if the URL has one
	Clock remote.Clock // of the answer; Within is 0 when it said nothing about the time
	Err   error        // an *Error of class Unsent or Ambiguous; nil when something answered
}

// Reach sends a request without a signature to each endpoint of e: to STS in each region,
// and to IAM. No key is used, so none looks used afterwards, and no permission is needed.
// Any answer will do but that of a captive portal: it takes the name, a connection and a
// certificate that is trusted, and it says what the server's clock shows. Nothing of opt but HTTP and Now counts. The
// returned error is about e itself, such as a certificate bundle that cannot be read.
func Reach(ctx context.Context, e remote.Endpoints, opt Options) ([]Reached, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.HTTP == nil {
		t, err := NewTransport(e.CABundle)
		if err != nil {
			return nil, err
		}
		defer t.Close()
		opt.HTTP = t
	}
	var all []Reached
	seen := map[string]bool{}
	for _, region := range append([]string{""}, e.Regions...) {
		u, err := endpointURL(ctx, e, region)
		if err != nil || seen[u.Host] {
			continue // an unknown region is refused before anything is sent
		}
		seen[u.Host] = true
		all = append(all, reachOne(ctx, u, opt))
	}
	return all, nil
}

// reachOne asks one endpoint.
func reachOne(ctx context.Context, u url.URL, opt Options) Reached {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	u.Path, u.RawQuery = "/", ""
	k := &call{name: "GET /", host: u.Hostname(), attempts: 1}
	_, k.traced = opt.HTTP.(*Transport)
	found := Reached{Host: u.Host}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		found.Err = k.newError(err)
		return found
	}
	before := opt.Now()
	answer, err := opt.HTTP.Do(r)
	if err != nil {
		k.left = k.mayHaveLeft(err)
		found.Err = k.newError(err)
		return found
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	if why := k.findStranger(answer, body); why != nil {
		k.left = true
		found.Err = k.newError(why)
		return found
	}
	c := &clock{now: opt.Now}
	k.readClock(c, answer.Header, before, opt.Now())
	found.Clock = c.best()
	return found
}

// findStranger returns an error if something else than AWS has answered. AWS itself sends
// whoever comes without a signature to its pages of advertisement.
func (k *call) findStranger(answer *http.Response, body []byte) error {
	switch {
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		if k.redirect = redirectHost(answer); !strings.HasSuffix(k.redirect, ".amazon.com") && !strings.HasSuffix(k.redirect, ".amazonaws.com") && !strings.HasSuffix(k.redirect, ".amazonaws.cn") {
			return &answerError{"the answer is a redirect to " + k.redirect + ", which is not AWS"}
		}
	case answer.StatusCode == http.StatusOK && isWebPage(body):
		k.isWebPage = true
		return &answerError{"the answer is a web page"}
	case answer.StatusCode == http.StatusProxyAuthRequired, answer.StatusCode == http.StatusNetworkAuthenticationRequired:
		return &proxyError{answer.StatusCode}
	}
	return nil
}

// endpointURL returns the URL of STS in region, or of IAM when region is "".
func endpointURL(ctx context.Context, e remote.Endpoints, region string) (url.URL, error) {
	custom := e.IAMURL
	if region != "" {
		custom = e.STSURL
	}
	if custom != "" {
		u, err := url.Parse(custom)
		if err != nil {
			return url.URL{}, err
		}
		return *u, nil
	}
	var found transport.Endpoint
	var err error
	if region == "" {
		found, err = iam.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, iam.EndpointParameters{
			Region: aws.String(homeRegion(e.Partition)), UseFIPS: &e.FIPS, UseDualStack: &e.DualStack})
	} else {
		found, err = stsRules{e.GlobalSTS}.ResolveEndpoint(ctx, sts.EndpointParameters{Region: &region, UseFIPS: &e.FIPS, UseDualStack: &e.DualStack})
	}
	return found.URI, err
}
