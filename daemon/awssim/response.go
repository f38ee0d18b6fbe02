package awssim

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// node is one XML element with text or children.
type node struct {
	name, text string
	kids       []node
}

func leaf(name, text string) node { return node{name: name, text: text} }

func branch(name string, kids ...node) node { return node{name: name, kids: kids} }

const (
	namespaceIAM = "https://iam.amazonaws.com/doc/2010-05-08/"
	namespaceSTS = "https://sts.amazonaws.com/doc/2011-06-15/"
	namespaceEC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
)

func namespaceOf(service string) string {
	if service == "sts" {
		return namespaceSTS
	}
	return namespaceIAM
}

// render formats n with indentation, as AWS does. Only the root gets the namespace.
func (n node) render(namespace string) []byte {
	var b strings.Builder
	n.write(&b, "", namespace)
	return []byte(b.String())
}

func (n node) write(b *strings.Builder, indent, namespace string) {
	b.WriteString(indent + "<" + n.name)
	if namespace != "" {
		b.WriteString(` xmlns="` + namespace + `"`)
	}
	b.WriteByte('>')
	if len(n.kids) > 0 {
		b.WriteByte('\n')
		for _, k := range n.kids {
			k.write(b, indent+"  ", "")
		}
		b.WriteString(indent)
	}
	xml.EscapeText(b, []byte(n.text))
	b.WriteString("</" + n.name + ">\n")
}

// successBody returns the body of an answer. For a call that returns nothing,
// result is nil and the body has no Result element.
func successBody(service, action, id string, result []node) []byte {
	var kids []node
	if service == "ec2" { // EC2 has its own form of the query protocol
		return branch(action+"Response", append([]node{leaf("requestId", id)}, result...)...).render(namespaceEC2)
	}
	if result != nil {
		kids = append(kids, branch(action+"Result", result...))
	}
	kids = append(kids, branch("ResponseMetadata", leaf("RequestId", id)))
	return branch(action+"Response", kids...).render(namespaceOf(service))
}

// errorBody returns the body of a refusal. In it RequestId is a child of the root.
func (r *refusal) errorBody(service, id string) []byte {
	if service == "ec2" {
		return branch("Response", branch("Errors", branch("Error", leaf("Code", r.code), leaf("Message", r.message))), leaf("RequestID", id)).render("")
	}
	kind, ns := "Sender", r.namespace
	if r.status >= 500 {
		kind = "Receiver"
	}
	if ns == "" {
		ns = namespaceOf(service)
	}
	return branch("ErrorResponse",
		branch("Error", leaf("Type", kind), leaf("Code", r.code), leaf("Message", r.message)),
		leaf("RequestId", id)).render(ns)
}

// refusal is an AWS error. The codes and statuses come from the service models in
// botocore. The texts come from recordings of AWS and from its documentation; the
// source is next to each text.
type refusal struct {
	status        int
	code, message string
	namespace     string // empty: that of the service
}

func newRefusal(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// invalidToken is the single answer for a key that does not exist, is deleted or
// inactive, or is not known here yet; for a session that may not call IAM; and for
// a region that is not enabled. AWS does not let a caller distinguish them.
// Source: aws-sdk-go-base servicemocks; boto3 #3975; aws-vault #132.
func invalidToken() *refusal {
	return newRefusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// Source: terraform-provider-aws, aws-sdk-go-base servicemocks.
func expiredToken() *refusal {
	return newRefusal(403, "ExpiredToken", "The security token included in the request is expired")
}

func signatureMismatch(format string, args ...any) *refusal {
	return newRefusal(403, "SignatureDoesNotMatch", format, args...)
}

func incompleteSignature(format string, args ...any) *refusal {
	return newRefusal(400, "IncompleteSignature", format, args...)
}

func validationError(format string, args ...any) *refusal {
	return newRefusal(400, "ValidationError", "1 validation error detected: "+format, args...)
}

// Source: recorded against AWS by LocalStack, test_iam_users.
func noSuchKey(id string) *refusal {
	return newRefusal(404, "NoSuchEntity", "The Access Key with id %s cannot be found.", id)
}

// Source: recorded against AWS by LocalStack, test_iam_users.
func noSuchUser(name string) *refusal {
	return newRefusal(404, "NoSuchEntity", "The user with name %s cannot be found.", name)
}

// Source: recorded against AWS by LocalStack for AccessKeysPerUser. Every quota
// has the same form.
func overQuota(quota string, n int) *refusal {
	return newRefusal(409, "LimitExceeded", "Cannot exceed quota for %s: %d", quota, n)
}

func noSuchAction(action, version string) *refusal {
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	r := newRefusal(400, "InvalidAction", "Could not find operation %s for version %s", action, version)
	r.namespace = "http://webservices.amazon.com/AWSFault/2005-15-09"
	return r
}
