package iam

import (
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
)

func (s *resolver) setRegions(sites []credfile.Site, env environment) error {
	setting := "region"
	named := func(site credfile.Site) bool { return site.Region != "" }
	if !slices.ContainsFunc(sites, named) {
		o := firstSet(env.origin("AWS_REGION"), env.origin("AWS_DEFAULT_REGION"))
		if o.value == "" {
			s.setPartition(s.hint(sites))
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
		partition, ok := s.partition(region)
		if !ok {
			return in(i, wrong(setting, fmt.Sprintf("is %q, which belongs to no AWS partition that is known here", region)))
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

// partition returns the partition of region. Behind a custom endpoint a region
// is whatever its owner calls it.
func (s *resolver) partition(region string) (p string, ok bool) {
	if p := PartitionOf(region); p != "" {
		return p, true
	}
	return "aws", s.IAMURL != "" && s.STSURL != "" && isHostLabel(region)
}

// hint guesses the partition when nothing names a region.
func (s *resolver) hint(sites []credfile.Site) string {
	for _, u := range []string{s.STSURL, s.IAMURL} {
		if p := hintOf(u); p != "" {
			return p
		}
	}
	for _, site := range sites {
		f := strings.SplitN(site.MFASerial, ":", 3)
		if len(f) == 3 && f[0] == "arn" && home(f[1]) != "" {
			return f[1]
		}
	}
	return "aws"
}

func (s *resolver) setPartition(partition string) {
	s.Partition = partition
	s.addRegion(home(partition))
}

func (s *resolver) addRegion(region string) {
	if !slices.Contains(s.Regions, region) {
		s.Regions = append(s.Regions, region)
	}
}
