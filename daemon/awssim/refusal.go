package awssim

import "fmt"

// refusal is an AWS error. Source of the codes and statuses: the service
// models in botocore; of the texts: recordings against AWS and its
// documentation, as said where they stand.
type refusal struct {
	status        int
	code, message string
	namespace     string // empty: the service's own
}

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// invalidToken is the one answer for a key that does not exist, is deleted,
// inactive or not known here yet, for a session that may not call IAM, and for
// a region that is off: AWS lets nobody tell these apart.
// Source: aws-sdk-go-base servicemocks; boto3 #3975; aws-vault #132.
func invalidToken() *refusal {
	return refuse(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// Source: terraform-provider-aws, aws-sdk-go-base servicemocks.
func expiredToken() *refusal {
	return refuse(403, "ExpiredToken", "The security token included in the request is expired")
}

func mismatch(format string, args ...any) *refusal {
	return refuse(403, "SignatureDoesNotMatch", format, args...)
}

func incomplete(format string, args ...any) *refusal {
	return refuse(400, "IncompleteSignature", format, args...)
}

func invalid(format string, args ...any) *refusal {
	return refuse(400, "ValidationError", "1 validation error detected: "+format, args...)
}

// Source: recorded against AWS by LocalStack, test_iam_users.
func noSuchKey(id string) *refusal {
	return refuse(404, "NoSuchEntity", "The Access Key with id %s cannot be found.", id)
}

// Source: recorded against AWS by LocalStack, test_iam_users.
func noSuchUser(name string) *refusal {
	return refuse(404, "NoSuchEntity", "The user with name %s cannot be found.", name)
}

// Source: recorded against AWS by LocalStack for AccessKeysPerUser; the form
// is the same for every quota.
func overQuota(quota string, n int) *refusal {
	return refuse(409, "LimitExceeded", "Cannot exceed quota for %s: %d", quota, n)
}

func noSuchAction(action, version string) *refusal {
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	r := refuse(400, "InvalidAction", "Could not find operation %s for version %s", action, version)
	r.namespace = "http://webservices.amazon.com/AWSFault/2005-15-09"
	return r
}
