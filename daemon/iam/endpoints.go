package iam

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// CustomEndpoints returns the URLs in e that do not belong to AWS, joined with
// " and ", or "" when there are none. A person must see them before a real key
// is used there.
func CustomEndpoints(e remote.Endpoints) string {
	var custom []string
	for _, u := range []string{e.IAMURL, e.STSURL} {
		if u != "" && !isAWS(u) && !slices.Contains(custom, u) {
			custom = append(custom, u)
		}
	}
	return strings.Join(custom, " and ")
}

// ConflictError says that two profiles share one key and disagree on where its
// calls go, so that no answer would be right for both.
type ConflictError struct {
	First, Second         int    // indices of the two profiles in the argument of Resolve
	What                  string // what they disagree on, e.g. "the endpoint of iam"
	FirstSays, SecondSays string // the value of each
}

// Error names both values.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("iam: profiles that share this key disagree on %s: %s and %s", e.What, e.FirstSays, e.SecondSays)
}

// ResolveEndpoints returns the endpoints to which the calls of one key go. sites are the
// settings of the profiles that hold the key, getenv reads the environment.
//
// Endpoints follow the precedence of every AWS tool: AWS_ENDPOINT_URL_IAM and
// _STS, AWS_ENDPOINT_URL, the profile's services section, its endpoint_url.
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS switches all of them off. AWS_CA_BUNDLE,
// AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and AWS_STS_REGIONAL_ENDPOINTS
// override the profile too. REQUESTS_CA_BUNDLE, which only botocore reads, comes last.
//
// Regions are different: AWS_DEFAULT_REGION and AWS_REGION count only when no
// profile names a region. The region in keyd's own environment says nothing
// about the tools that use the profile, and the key has to work where the
// profile points. If the two variables differ, botocore uses the first, the other SDKs
// use the second, and a key is proved in both. Without any region the partition is
// aws, unless an endpoint or the ARN in mfa_serial hints at another one, and in aws the
// global STS is asked, as botocore does.
//
// IgnoredSettings names what keyd does not take into account.
//
// ResolveEndpoints returns a *ConflictError, or a *SettingError for an endpoint without TLS
// that is not on this machine, for FIPS together with a custom
// endpoint, for a services section that is missing, for a region of no known partition,
// and for a malformed variable. No error shows the value of a variable that may hold a
// password. Waiting fixes none of these errors.
func ResolveEndpoints(sites []credfile.EndpointConfig, getenv func(string) string) (remote.Endpoints, error) {
	if len(sites) == 0 {
		sites = []credfile.EndpointConfig{{}}
	}
	r := resolver{sites: sites, env: environment(getenv)}
	err := r.resolveAll()
	switch _, conflict := errors.AsType[*ConflictError](err); {
	case conflict:
		return remote.Endpoints{}, err
	case err != nil:
		return remote.Endpoints{}, fmt.Errorf("iam: %w", err)
	}
	return r.Endpoints, nil
}

// resolver fills in the Endpoints of one key, one setting after the other.
type resolver struct {
	remote.Endpoints
	sites []credfile.EndpointConfig // one for each profile, at least one
	env   environment
}

func (r *resolver) resolveAll() error {
	for _, set := range []func() error{r.setURLs, r.setBundle, r.setFIPS, r.setDualStack, r.setGlobalSTS, r.setRegions} {
		if err := set(); err != nil {
			return err
		}
	}
	if custom := cmp.Or(r.IAMURL, r.STSURL); r.FIPS && custom != "" {
		return &SettingError{Setting: "use_fips_endpoint", Profile: -1,
			text: fmt.Sprintf("FIPS endpoints and the custom endpoint %s exclude each other", custom)}
	}
	return nil
}

func (r *resolver) setURLs() error {
	for i, site := range r.sites {
		iam, sts, err := profileURLs(site, r.env)
		if err != nil {
			return ofProfile(i, err)
		}
		if i == 0 {
			r.IAMURL, r.STSURL = iam, sts
		}
		if iam != r.IAMURL {
			return &ConflictError{0, i, "the endpoint of iam", urlOrAWS(r.IAMURL), urlOrAWS(iam)}
		}
		if sts != r.STSURL {
			return &ConflictError{0, i, "the endpoint of sts", urlOrAWS(r.STSURL), urlOrAWS(sts)}
		}
	}
	return nil
}

func urlOrAWS(endpoint string) string { return cmp.Or(endpoint, "AWS itself") }

func (r *resolver) setBundle() error {
	r.CABundle = r.env.lookup("AWS_CA_BUNDLE").value
	if r.CABundle != "" {
		return nil
	}
	first := 0
	for i, site := range r.sites {
		switch site.CABundle {
		case "", r.CABundle:
			continue
		}
		if r.CABundle != "" {
			return &ConflictError{first, i, "ca_bundle", r.CABundle, site.CABundle}
		}
		r.CABundle, first = site.CABundle, i
	}
	r.CABundle = cmp.Or(r.CABundle, r.env.lookup("REQUESTS_CA_BUNDLE").value)
	return nil
}

// setFIPS chooses FIPS endpoints as soon as one profile asks for them. A profile
// that does not ask for them does not forbid them.
func (r *resolver) setFIPS() error {
	set, ok, err := r.env.lookupBool("AWS_USE_FIPS_ENDPOINT")
	if err != nil {
		return err
	}
	r.FIPS = ok && set
	for _, site := range r.sites {
		_, pseudo := plainRegion(site.Region)
		r.FIPS = r.FIPS || pseudo || site.FIPS && !ok
	}
	return nil
}

// setDualStack chooses the names with IPv6 addresses as soon as one profile asks for them.
// They have no meaning for a custom endpoint, which botocore uses as it is.
func (r *resolver) setDualStack() error {
	set, ok, err := r.env.lookupBool("AWS_USE_DUALSTACK_ENDPOINT")
	if err != nil {
		return err
	}
	r.DualStack = set || !ok && slices.ContainsFunc(r.sites, func(site credfile.EndpointConfig) bool { return site.DualStack })
	return nil
}

// setGlobalSTS chooses sts.amazonaws.com if all profiles ask for it, or none of them wants
// another region than aws-global.
func (r *resolver) setGlobalSTS() error {
	r.GlobalSTS = r.mayUseGlobalSTS()
	for i, site := range r.sites {
		mode := firstSet(r.env.lookup("AWS_STS_REGIONAL_ENDPOINTS"), origin{site.RegionalSTS, "sts_regional_endpoints"})
		switch mode.value {
		case "", "regional":
			r.GlobalSTS = r.GlobalSTS && site.Region == "aws-global"
		case "legacy":
		default:
			return ofProfile(i, newSettingError(mode.from, fmt.Sprintf("is %q: must be legacy or regional", mode.value)))
		}
	}
	return nil
}

// mayUseGlobalSTS reports whether the name of STS depends on the region alone.
func (r *resolver) mayUseGlobalSTS() bool { return !r.FIPS && !r.DualStack && r.STSURL == "" }

// setRegions also sets the partition, to which all regions must belong.
func (r *resolver) setRegions() error {
	sites, setting := r.sites, "region"
	named := func(site credfile.EndpointConfig) bool { return site.Region != "" }
	if !slices.ContainsFunc(sites, named) {
		sites, setting = r.regionsOfEnvironment()
		if sites == nil {
			r.setPartition(r.guessPartition())
			r.GlobalSTS = r.Partition == "aws" && r.mayUseGlobalSTS()
			return nil
		}
		_, pseudo := plainRegion(sites[0].Region)
		r.FIPS = r.FIPS || pseudo
		r.GlobalSTS = r.GlobalSTS || sites[0].Region == "aws-global" && r.mayUseGlobalSTS()
	}
	first := 0
	for i, site := range sites {
		if site.Region == "" {
			continue
		}
		region, _ := plainRegion(site.Region)
		partition, ok := r.partitionFor(region)
		if !ok {
			return ofProfile(i, newSettingError(setting, fmt.Sprintf("is %q, which belongs to no AWS partition that is known here; %s", region, guessRegion(region))))
		}
		if r.Partition != "" && partition != r.Partition {
			return &ConflictError{first, i, "the partition", r.Partition + " (" + r.Regions[0] + ")", partition + " (" + region + ")"}
		}
		if r.Partition == "" {
			r.Partition, first = partition, i
		}
		r.addRegion(region)
	}
	r.setPartition(r.Partition)
	return nil
}

// regionsOfEnvironment returns the regions that the environment names, nil if none, and the
// variable of the first. The second counts only in the same partition.
func (r *resolver) regionsOfEnvironment() (sites []credfile.EndpointConfig, setting string) {
	botocore, others := r.env.lookup("AWS_DEFAULT_REGION"), r.env.lookup("AWS_REGION")
	o := firstSet(botocore, others)
	if o.value == "" {
		return nil, ""
	}
	sites = []credfile.EndpointConfig{{Region: o.value}}
	a, _ := plainRegion(o.value)
	if b, _ := plainRegion(others.value); PartitionOf(b) != "" && PartitionOf(a) == PartitionOf(b) {
		sites = append(sites, credfile.EndpointConfig{Region: others.value})
	}
	return sites, o.from
}

// partitionFor returns the partition of region. When both endpoints are custom, or IAM is
// not AWS's, their owner may call the region anything.
func (r *resolver) partitionFor(region string) (p string, ok bool) {
	if p := PartitionOf(region); p != "" {
		return p, true
	}
	return "aws", (r.IAMURL != "" && r.STSURL != "" || isElsewhere(r.IAMURL)) && isHostLabel(region)
}

// guessPartition guesses the partition when no region is named: from AWS's own
// host names, then from the ARN of an MFA device.
func (r *resolver) guessPartition() string {
	for _, u := range []string{r.STSURL, r.IAMURL} {
		if p := partitionOfHost(u); p != "" {
			return p
		}
	}
	for _, site := range r.sites {
		f := strings.SplitN(site.MFASerial, ":", 3)
		if len(f) == 3 && f[0] == "arn" && homeRegion(f[1]) != "" {
			return f[1]
		}
	}
	return "aws"
}

func (r *resolver) setPartition(partition string) {
	r.Partition = partition
	r.addRegion(homeRegion(partition))
}

// addRegion adds a region in which STS is asked. With the global endpoint, most regions of
// partition aws are one.
func (r *resolver) addRegion(region string) {
	if r.GlobalSTS && isGlobalSTSRegion(region) {
		region = homeRegion("aws")
	}
	if !slices.Contains(r.Regions, region) {
		r.Regions = append(r.Regions, region)
	}
}
