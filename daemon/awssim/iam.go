package awssim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// keysPerUser is the quota of access keys. Source: recorded against AWS by
// LocalStack.
const keysPerUser = 2

// createAccessKey checks the quota against the lagging list. The quota can
// therefore be exceeded, as on AWS (terraform-provider-aws #39693).
func (x *exchange) createAccessKey() ([]node, *refusal) {
	u, r := x.findUser()
	if r != nil {
		return nil, r
	}
	if quota := x.c.opt.Dialect.keyQuota(); len(x.listedKeys(u)) >= quota {
		return nil, overQuota("AccessKeysPerUser", quota)
	}
	k := x.c.newKey(u, x.caller.key.id, version{at: x.t, status: statusActive})
	x.made, x.call.Target = k, k.id
	return []node{branch("AccessKey",
		leaf("UserName", u.name), leaf("AccessKeyId", k.id), leaf("Status", statusActive),
		leaf("SecretAccessKey", k.secret), leaf("CreateDate", x.formatDate(k.created)))}, nil
}

// shownKey is a key with the status that one replica shows.
type shownKey struct {
	*key
	status string
}

// listedKeys returns the user's keys as the replica that serves this request shows
// them.
func (x *exchange) listedKeys(u *User) []shownKey {
	var ks []shownKey
	for _, k := range u.keys {
		s := x.c.statusAt(k, viewList, x.call.Replica, x.t)
		if s != "" && s != statusDeleted {
			ks = append(ks, shownKey{k, s})
		}
	}
	return ks
}

func (x *exchange) listAccessKeys() ([]node, *refusal) {
	u, r := x.findUser()
	if r != nil {
		return nil, r
	}
	ks := x.listedKeys(u)
	start, end, r := x.cutPage(len(ks))
	if r != nil {
		return nil, r
	}
	var members []node
	for _, k := range ks[start:end] {
		about := []node{leaf("UserName", u.name), leaf("AccessKeyId", k.id), leaf("Status", k.status)}
		if !x.c.opt.ListWithoutDates {
			about = append(about, leaf("CreateDate", x.formatDate(k.created)))
		}
		members = append(members, branch("member", about...))
	}
	result := []node{branch("AccessKeyMetadata", members...), leaf("IsTruncated", strconv.FormatBool(end < len(ks)))}
	if end < len(ks) {
		result = append(result, leaf("Marker", strconv.Itoa(end)))
	}
	return result, nil
}

// cutPage returns which of n items belong on the page that Marker and MaxItems ask
// for. A marker is opaque on AWS; here it is the number of items already listed.
func (x *exchange) cutPage(n int) (start, end int, r *refusal) {
	size := 100
	if s := x.params.Get("MaxItems"); s != "" {
		v, err := strconv.Atoi(s)
		switch {
		case err != nil || v < 1:
			return 0, 0, validationError("Value '%s' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1", s)
		case v > 1000:
			return 0, 0, validationError("Value '%s' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000", s)
		}
		size = v
	}
	if s := x.params.Get("Marker"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil || v < 0 {
			return 0, 0, newRefusal(400, "ValidationError", "Invalid Marker.")
		}
		start = min(v, n)
	}
	return start, min(start+size, n), nil
}

func (x *exchange) updateAccessKey() ([]node, *refusal) {
	status := x.params.Get("Status")
	if status != statusActive && status != statusInactive {
		return nil, validationError("Value %s at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]", quoteOrNull(status))
	}
	return nil, x.changeKey(status)
}

func (x *exchange) deleteAccessKey() ([]node, *refusal) {
	return nil, x.changeKey(statusDeleted)
}

// changeKey works on the true state, not on a view: it never finds a deleted key or
// a key of another user, even if lists still show it.
func (x *exchange) changeKey(status string) *refusal {
	id := x.params.Get("AccessKeyId")
	x.call.Target = id
	if r := checkID(id); r != nil {
		return r
	}
	u, r := x.findUser()
	if r != nil {
		return r
	}
	k, ok := u.findKey(id)
	if !ok {
		return noSuchKey(id)
	}
	k.setStatus(status, x.t)
	return nil
}

// quoteOrNull returns s as AWS quotes a value in its validation errors.
func quoteOrNull(s string) string {
	if s == "" {
		return "null"
	}
	return "'" + s + "'"
}

// checkID refuses ids that the service model refuses: they have 16 to 128
// characters.
func checkID(id string) *refusal {
	const text = "Value %s at 'accessKeyId' failed to satisfy constraint: Member must "
	switch {
	case id == "":
		return validationError(text+"not be null", quoteOrNull(id))
	case len(id) < 16:
		return validationError(text+"have length greater than or equal to 16", quoteOrNull(id))
	case len(id) > 128:
		return validationError(text+"have length less than or equal to 128", quoteOrNull(id))
	}
	return nil
}

// getAccessKeyLastUsed refuses an unknown key, and a key of another account, with
// a message that no other call has. Source: recorded against AWS by LocalStack.
func (x *exchange) getAccessKeyLastUsed() ([]node, *refusal) {
	id := x.params.Get("AccessKeyId")
	x.call.Target = id
	if r := checkID(id); r != nil {
		return nil, r
	}
	k := x.c.keys[id]
	if k == nil || k.isDeleted() || k.user.account != x.caller.user.account {
		return nil, newRefusal(403, "AccessDenied", "User: %s is not authorized to perform %s on resource: access key %s",
			x.caller.user.ARN(), "iam:"+x.action, id)
	}
	if r := x.authorize(k.user.name); r != nil {
		return nil, r
	}
	used := []node{leaf("ServiceName", "N/A"), leaf("Region", "N/A")}
	if u, ok := k.lastUse(x.t.Add(-x.c.opt.Lag.LastUsed)); ok {
		// Whole minutes: every example in AWS's documentation ends in ":00Z".
		used = []node{leaf("Region", u.Region), leaf("LastUsedDate", x.formatDate(u.At.Truncate(time.Minute))), leaf("ServiceName", u.Service)}
	}
	return []node{leaf("UserName", k.user.name), branch("AccessKeyLastUsed", used...)}, nil
}

// tagsPerUser is the quota of tags. Source: IAM user guide, quotas.
const tagsPerUser = 50

// findUser returns the user named by a call, or the caller when the call names no
// one. It evaluates the policies first, because AWS does not reveal to an
// unauthorized caller which users exist.
func (x *exchange) findUser() (*User, *refusal) {
	name := x.params.Get("UserName")
	if name == "" && x.caller.session != nil { // Source: IAM API reference, "If a temporary access key is used, then UserName is required"
		return nil, newRefusal(400, "ValidationError", "Must specify userName when calling with non-User credentials")
	}
	if name == "" {
		name = x.caller.user.name
	}
	if r := x.authorize(name); r != nil {
		return nil, r
	}
	u := x.c.users[userName{x.caller.user.account, strings.ToLower(name)}]
	if u == nil {
		return nil, noSuchUser(name)
	}
	return u, nil
}

// findNamedUser is findUser for the calls that require UserName.
func (x *exchange) findNamedUser() (*User, *refusal) {
	if x.params.Get("UserName") == "" {
		return nil, validationError("Value null at 'userName' failed to satisfy constraint: Member must not be null")
	}
	return x.findUser()
}

func (x *exchange) getUser() ([]node, *refusal) {
	u, r := x.findUser()
	if r != nil {
		return nil, r
	}
	about := []node{leaf("Path", u.path), leaf("UserName", u.name)}
	if u.isRoot() {
		about = nil
	}
	about = append(about, leaf("UserId", u.id), leaf("Arn", u.ARN()), leaf("CreateDate", x.formatDate(u.created)))
	if len(u.tags) > 0 {
		about = append(about, branch("Tags", tagNodes(u.tags)...))
	}
	return []node{branch("User", about...)}, nil
}

func tagNodes(tags []tag) []node {
	var ms []node
	for _, t := range tags {
		ms = append(ms, branch("member", leaf("Key", t.key), leaf("Value", t.value)))
	}
	return ms
}

// tagUser sets all of the tags or none.
func (x *exchange) tagUser() ([]node, *refusal) {
	u, r := x.findNamedUser()
	if r != nil {
		return nil, r
	}
	tags := slices.Clone(u.tags)
	for i := 1; x.params.Has(memberName("Tags", i) + ".Key"); i++ {
		t := tag{x.params.Get(memberName("Tags", i) + ".Key"), x.params.Get(memberName("Tags", i) + ".Value")}
		same := func(o tag) bool { return strings.EqualFold(o.key, t.key) }
		if at := slices.IndexFunc(tags, same); at >= 0 {
			tags[at] = t
		} else {
			tags = append(tags, t)
		}
	}
	if len(tags) > tagsPerUser {
		return nil, overQuota("TagsPerUser", tagsPerUser)
	}
	u.tags = tags
	return nil, nil
}

func memberName(list string, i int) string { return list + ".member." + strconv.Itoa(i) }

// readTagKeys returns the keys of the tags that a request sets or removes.
func (x *exchange) readTagKeys() []string {
	var keys []string
	for i := 1; x.params.Has(memberName("Tags", i) + ".Key"); i++ {
		keys = append(keys, x.params.Get(memberName("Tags", i)+".Key"))
	}
	for i := 1; x.params.Has(memberName("TagKeys", i)); i++ {
		keys = append(keys, x.params.Get(memberName("TagKeys", i)))
	}
	return keys
}

// untagUser accepts tags that do not exist.
func (x *exchange) untagUser() ([]node, *refusal) {
	u, r := x.findNamedUser()
	if r != nil {
		return nil, r
	}
	for i := 1; x.params.Has(memberName("TagKeys", i)); i++ {
		name := x.params.Get(memberName("TagKeys", i))
		u.tags = slices.DeleteFunc(u.tags, func(t tag) bool { return strings.EqualFold(t.key, name) })
	}
	return nil, nil
}

func (x *exchange) listUserTags() ([]node, *refusal) {
	u, r := x.findNamedUser()
	if r != nil {
		return nil, r
	}
	return []node{branch("Tags", tagNodes(u.tags)...), leaf("IsTruncated", "false")}, nil
}
