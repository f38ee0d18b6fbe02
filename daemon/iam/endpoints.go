package iam

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// CustomEndpoints returns the endpoint that is not AWS's and that a person must see
// before a real key is used there, or "" when both are AWS's own.
func CustomEndpoints(e remote.Endpoints) string {
	var custom []string
	for _, u := range []string{e.IAMURL, e.STSURL} {
		if u != "" && !isAWS(u) && !slices.Contains(custom, u) {
			custom = append(custom, u)
		}
	}
	return strings.Join(custom, " and ")
}

// ConflictError says that profiles which share one key disagree on where the
// key lives, so that no answer would hold for both of them.
type ConflictError struct {
	I, J                  int    // indices of the two profiles in the argument of Resolve
	What                  string // what they disagree on, e.g. "the endpoint of iam"
	FirstSays, SecondSays string // what each says
}

// Error names both values.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("iam: profiles that share this key disagree on %s: %s and %s", e.What, e.FirstSays, e.SecondSays)
}

// Resolve finds the one place that the calls of a key go to, from what the
// profiles that hold it say and from the environment.
//
// Endpoints follow the precedence of every AWS tool: AWS_ENDPOINT_URL_IAM and
// _STS, AWS_ENDPOINT_URL, the profile's services section, its endpoint_url;
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS switches all of them off. AWS_CA_BUNDLE
// and AWS_USE_FIPS_ENDPOINT beat the profile too.
//
// Regions do not: AWS_REGION and AWS_DEFAULT_REGION count only when no profile
// names one. The region of keyd's own environment says nothing about the tools
// that use the profile, and a profile's key has to work where the profile
// points. With no region at all the partition is aws, unless an endpoint or the
// ARN of mfa_serial hints at another one.
//
// Errors: a *SiteError for an endpoint without TLS that is not this machine, FIPS
// together with a custom endpoint, a region of no known partition, a malformed
// variable; and a *ConflictError. Values of variables that may hold a password
// are not shown. Waiting mends none of them.
func Resolve(sites []credfile.Site, getenv func(string) string) (remote.Endpoints, error) {
	s, err := resolve(sites, environment(getenv))
	if err != nil {
		if _, ok := errors.AsType[*ConflictError](err); ok {
			return remote.Endpoints{}, err
		}
		return remote.Endpoints{}, fmt.Errorf("iam: %w", err)
	}
	return s.Endpoints, nil
}

// resolver collects the Endpoints of a key, one setting after the other.
type resolver struct{ remote.Endpoints }

func resolve(sites []credfile.Site, env environment) (resolver, error) {
	if len(sites) == 0 {
		sites = []credfile.Site{{}}
	}
	s := resolver{}
	if err := s.setEndpoints(sites, env); err != nil {
		return s, err
	}
	if err := s.setBundle(sites, env); err != nil {
		return s, err
	}
	if err := s.setFIPS(sites, env); err != nil {
		return s, err
	}
	if err := s.setRegions(sites, env); err != nil {
		return s, err
	}
	if s.FIPS && (s.IAMURL != "" || s.STSURL != "") {
		return s, &SiteError{Setting: "use_fips_endpoint", Profile: -1,
			text: fmt.Sprintf("FIPS endpoints and the custom endpoint %s exclude each other", firstSet(origin{value: s.IAMURL}, origin{value: s.STSURL}).value)}
	}
	return s, nil
}

func (s *resolver) setEndpoints(sites []credfile.Site, env environment) error {
	for i, site := range sites {
		iam, sts, err := profileEndpoints(site, env)
		if err != nil {
			return ofProfile(i, err)
		}
		if i == 0 {
			s.IAMURL, s.STSURL = iam, sts
		}
		if iam != s.IAMURL {
			return &ConflictError{0, i, "the endpoint of iam", endpointOrAWS(s.IAMURL), endpointOrAWS(iam)}
		}
		if sts != s.STSURL {
			return &ConflictError{0, i, "the endpoint of sts", endpointOrAWS(s.STSURL), endpointOrAWS(sts)}
		}
	}
	return nil
}

func endpointOrAWS(endpoint string) string {
	if endpoint == "" {
		return "AWS itself"
	}
	return endpoint
}

func (s *resolver) setBundle(sites []credfile.Site, env environment) error {
	s.CABundle = env.lookup("AWS_CA_BUNDLE").value
	if s.CABundle != "" {
		return nil
	}
	first := 0
	for i, site := range sites {
		switch site.CABundle {
		case "", s.CABundle:
			continue
		}
		if s.CABundle != "" {
			return &ConflictError{first, i, "ca_bundle", s.CABundle, site.CABundle}
		}
		s.CABundle, first = site.CABundle, i
	}
	return nil
}

// setFIPS: a profile that asks for FIPS endpoints forbids the others; a
// profile that does not ask forbids nothing.
func (s *resolver) setFIPS(sites []credfile.Site, env environment) error {
	set, ok, err := env.lookupBool("AWS_USE_FIPS_ENDPOINT")
	if err != nil {
		return err
	}
	s.FIPS = ok && set
	for _, site := range sites {
		_, pseudo := plainRegion(site.Region)
		s.FIPS = s.FIPS || pseudo || site.FIPS && !ok
	}
	return nil
}

func (s *resolver) setRegions(sites []credfile.Site, env environment) error {
	setting := "region"
	named := func(site credfile.Site) bool { return site.Region != "" }
	if !slices.ContainsFunc(sites, named) {
		o := firstSet(env.lookup("AWS_REGION"), env.lookup("AWS_DEFAULT_REGION"))
		if o.value == "" {
			s.setPartition(s.guessPartition(sites))
			return nil
		}
		sites, setting = []credfile.Site{{Region: o.value}}, o.from
		_, pseudo := plainRegion(o.value)
		s.FIPS = s.FIPS || pseudo
	}
	first := 0
	for i, site := range sites {
		if site.Region == "" {
			continue
		}
		region, _ := plainRegion(site.Region)
		partition, ok := s.partitionFor(region)
		if !ok {
			return ofProfile(i, newSettingError(setting, fmt.Sprintf("is %q, which belongs to no AWS partition that is known here", region)))
		}
		if s.Partition != "" && partition != s.Partition {
			return &ConflictError{first, i, "the partition", s.Partition + " (" + s.Regions[0] + ")", partition + " (" + region + ")"}
		}
		if s.Partition == "" {
			s.Partition, first = partition, i
		}
		s.addRegion(region)
	}
	s.setPartition(s.Partition)
	return nil
}

// partitionFor returns the partition of region. Behind a custom endpoint a region
// is whatever its owner calls it.
func (s *resolver) partitionFor(region string) (p string, ok bool) {
	if p := PartitionOf(region); p != "" {
		return p, true
	}
	return "aws", s.IAMURL != "" && s.STSURL != "" && isHostLabel(region)
}

// guessPartition guesses the partition when nothing names a region.
func (s *resolver) guessPartition(sites []credfile.Site) string {
	for _, u := range []string{s.STSURL, s.IAMURL} {
		if p := partitionOfHost(u); p != "" {
			return p
		}
	}
	for _, site := range sites {
		f := strings.SplitN(site.MFASerial, ":", 3)
		if len(f) == 3 && f[0] == "arn" && homeRegion(f[1]) != "" {
			return f[1]
		}
	}
	return "aws"
}

func (s *resolver) setPartition(partition string) {
	s.Partition = partition
	s.addRegion(homeRegion(partition))
}

func (s *resolver) addRegion(region string) {
	if !slices.Contains(s.Regions, region) {
		s.Regions = append(s.Regions, region)
	}
}
