package iam

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// Stores other than AWS's speak IAM too, each a part of it. keyd finds out by asking what an
// endpoint does not offer, and only where the endpoint is surely not AWS's.
//
//	Ceph (Squid)   no GetCallerIdentity (a later release has it), no GetAccessKeyLastUsed, no
//	               tags; accounts are RGW and 17 digits, unique ids are UUIDs, errors come as
//	               those of S3, and what it does not know is 405 MethodNotAllowed
//	Wasabi         no tags of users; iam.wasabisys.com and sts.wasabisys.com
//	Backblaze      no GetAccessKeyLastUsed, no tags; iam.backblazeb2.com and sts.backblazeb2.com
//
// Source: Ceph, "IAM API" and rgw_rest_iam.cc, rgw_rest_iam_user.cc, rgw_common.cc, pull
// request 63672 (GetCallerIdentity); Wasabi, "IAM and STS Support"; Backblaze, "IAM and STS
// API Reference". None of them was tried; the simulator speaks as they document.

// EndpointsFor returns e as it is for calls signed with the key id, so that no key of another
// IAM signs a request to AWS. Where only IAM has an endpoint of its own, outside of AWS, its STS
// is asked there as well. It returns a *SettingError when e leads a key to AWS that is not
// AWS's: by its shape, or because a profile names another IAM for it (namesIAM). Some IAMs
// hand out ids of AWS's shape.
func EndpointsFor(e remote.Endpoints, id string, namesIAM bool) (remote.Endpoints, error) {
	isOther := id != "" && !credfile.IsLongTerm(id)
	switch {
	case !isOther && e.STSURL != "" && isElsewhere(e.IAMURL):
	case !isOther && !namesIAM && !isElsewhere(e.IAMURL):
	case isElsewhere(e.IAMURL) && isElsewhere(e.STSURL):
	case isElsewhere(e.IAMURL):
		e.STSURL = e.IAMURL
	default:
		return e, &SettingError{Setting: "endpoint_url of iam", Profile: -1,
			text: "endpoint_url of iam has no effect now, so " + credfile.Short(id) + " would be sent to AWS, and the profile names another IAM for it: nothing is sent"}
	}
	return e, nil
}

// isElsewhere reports whether a URL leads to a host that is surely not AWS's.
func isElsewhere(endpoint string) bool { return credfile.ForeignHost(endpoint) != "" }

// Sources remembers the endpoints that tell by GetUser whose key it is, because they do not
// know GetCallerIdentity. The zero value is ready for use, by several clients at once.
type Sources struct {
	mu      sync.Mutex
	getUser map[string]bool // by the URL of STS
}

func (s *Sources) usesGetUser(sts string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.getUser[sts]
}

func (s *Sources) note(sts string, getUser bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.getUser == nil {
		s.getUser = map[string]bool{}
	}
	s.getUser[sts] = getUser
}

// CallerIdentity asks who owns the key: STS in region, by GetCallerIdentity, or where the
// key's IAM is not AWS's and does not know that call, IAM by GetUser. An empty region means
// the first of Endpoints.Regions. At AWS the call needs no permission. An answer that is not a
// well-formed identity is an Ambiguous error.
//
// An error of class BadKey has many causes. One is a region that is not enabled
// in the account: every key fails there. So try the old key in that region
// before judging a new one.
// Source: STS API reference, GetCallerIdentity; boto3 issue 3975.
func (c *Client) CallerIdentity(ctx context.Context, region string) (remote.Identity, error) {
	known := c.elsewhere && c.sources.usesGetUser(c.endpoints.STSURL)
	if known {
		id, err := c.userIdentity(ctx)
		if !IsNotOffered(err) {
			return id, err
		}
		c.sources.note(c.endpoints.STSURL, false)
	}
	id, err := c.stsIdentity(ctx, region)
	if known || !IsNotOffered(err) {
		return id, err
	}
	id, userErr := c.userIdentity(ctx)
	switch {
	case userErr == nil:
		c.sources.note(c.endpoints.STSURL, true)
	case IsNotOffered(userErr):
		return remote.Identity{}, err
	}
	return id, userErr
}

// userIdentity asks IAM by GetUser whose key signs the call. The user needs permission for that.
// Source: IAM API reference, GetUser ("If you do not specify a user name, IAM determines the
// user name implicitly"); Ceph, rgw_rest_iam_user.cc, RGWGetUser_IAM.
func (c *Client) userIdentity(ctx context.Context) (remote.Identity, error) {
	k := &call{name: "GetUser", bare: true}
	var id remote.Identity
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.bareIAM.GetUser(ctx, &iam.GetUserInput{})
		if err != nil {
			return err
		}
		if out.User == nil {
			return &answerError{"the answer holds no user"}
		}
		arn := aws.ToString(out.User.Arn)
		fields := append(strings.SplitN(arn, ":", 6), "", "", "", "", "")
		if id, err = c.parseIdentity(fields[4], arn, aws.ToString(out.User.UserId)); err != nil {
			return err
		}
		if id.IsUser && aws.ToString(out.User.UserName) != id.User {
			return &answerError{"the answer is not an identity: the user's name and ARN do not fit together"}
		}
		return nil
	})
	return id, err
}

// IsNotOffered reports whether err says that the endpoint, which is not AWS's, does not know
// the call. It is false for nil.
func IsNotOffered(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.elsewhere {
		return false
	}
	if e.Code == "" {
		return e.Class == Invalid && isUnknownStatus(e.HTTPStatus)
	}
	return e.Class == Invalid && saysUnknownCall(e.Code, e.Message)
}

// isUnknownStatus reports whether a status alone may say that a call is not known.
func isUnknownStatus(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// saysUnknownCall reports whether an error document says that a call is not known.
// Source: IAM API reference, "Common errors" (InvalidAction); Ceph, rgw_common.cc
// (ERR_METHOD_NOT_ALLOWED); S3 API reference, "Error responses" (NotImplemented); MinIO,
// sts-handlers.go ("Unsupported action").
func saysUnknownCall(code, message string) bool {
	switch code {
	case "InvalidAction", "NotImplemented", "MethodNotAllowed", "UnknownOperationException", "UnknownOperation", "UnknownAction", "UnsupportedOperation":
		return true
	}
	return strings.Contains(message, "Unsupported action") || strings.Contains(message, "Could not find operation")
}

// believesStatus reports whether the status of an answer without an error document says that
// the call is not known: where nothing follows from it for a key. A proxy in front of a
// store, or of AWS, answers with such a status while the store is away, and a key of AWS's
// shape may be AWS's.
func (k *call) believesStatus() bool {
	if !k.elsewhere || !isUnknownStatus(k.status) {
		return false
	}
	return k.name == "TagUser" || k.name == "UntagUser" || k.name == "GetCallerIdentity" && k.otherKey
}

// isHarmless reports whether it does no harm to misread an error without a code: the call
// only reads, or sets a description.
func (k *call) isHarmless() bool {
	return !k.mutates || k.name == "TagUser" || k.name == "UntagUser"
}
