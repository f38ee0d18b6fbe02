package awssim

import "strings"

// partitionOf returns the partition of a region, judged by its name. An
// unknown name is taken for one of partition aws, as the SDKs do.
// Source: aws-sdk-go-v2 internal/endpoints, partitions.json.
func partitionOf(region string) string {
	for _, p := range [][2]string{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"},
		{"eu-isof-", "aws-iso-f"}, {"eu-isoe-", "aws-iso-e"},
	} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

// regionOfIAM returns the one region for which IAM requests of a partition are
// signed. Source: AWS general reference, IAM endpoints.
func regionOfIAM(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	case "aws-eusc":
		return "eusc-de-east-1"
	case "aws-iso":
		return "us-iso-east-1"
	case "aws-iso-b":
		return "us-isob-east-1"
	case "aws-iso-f":
		return "us-isof-south-1"
	case "aws-iso-e":
		return "eu-isoe-west-1"
	}
	return "us-east-1"
}

// hostScope returns what the name of an AWS endpoint says of service and
// region. Both are empty for any other host: then the client's own scope is
// all there is to go by.
func hostScope(host string) (service, region string) {
	service, rest, _ := strings.Cut(host, ".")
	service = strings.TrimSuffix(service, "-fips")
	region, suffix, _ := strings.Cut(rest, ".")
	switch {
	case service != "iam" && service != "sts", !strings.Contains("."+rest, ".amazonaws.") && !strings.Contains(rest, ".aws"):
		return "", ""
	case region == "amazonaws" || region == "global":
		return service, "us-east-1" // the global endpoints of partition aws
	case region == "us-gov":
		return service, regionOfIAM("aws-us-gov")
	case suffix == "":
		return "", ""
	}
	return service, region
}
