package awssim

import (
	"strconv"
	"time"
)

// Source: recorded against AWS by LocalStack.
const keysPerUser = 2

// createAccessKey counts the quota where the lagging list stands, so that it
// can be exceeded, as on AWS (terraform-provider-aws #39693).
func (x *exchange) createAccessKey() ([]node, *refusal) {
	u, r := x.subject()
	if r != nil {
		return nil, r
	}
	if len(x.listed(u)) >= keysPerUser {
		return nil, overQuota("AccessKeysPerUser", keysPerUser)
	}
	k := x.c.newKey(u, x.caller.key.id, version{at: x.t, status: statusActive})
	x.made, x.call.Target = k, k.id
	return []node{tree("AccessKey",
		leaf("UserName", u.name), leaf("AccessKeyId", k.id), leaf("Status", statusActive),
		leaf("SecretAccessKey", k.secret), leaf("CreateDate", x.date(k.created)))}, nil
}

// shownKey is a key as one replica lists it.
type shownKey struct {
	*key
	status string
}

// listed returns the user's keys as the replica that serves this request
// knows them.
func (x *exchange) listed(u *User) []shownKey {
	var ks []shownKey
	for _, k := range u.keys {
		s := x.c.shown(k, viewList, x.call.Replica, x.t)
		if s != "" && s != statusDeleted {
			ks = append(ks, shownKey{k, s})
		}
	}
	return ks
}

func (x *exchange) listAccessKeys() ([]node, *refusal) {
	u, r := x.subject()
	if r != nil {
		return nil, r
	}
	ks := x.listed(u)
	start, end, r := x.page(len(ks))
	if r != nil {
		return nil, r
	}
	var members []node
	for _, k := range ks[start:end] {
		members = append(members, tree("member",
			leaf("UserName", u.name), leaf("AccessKeyId", k.id), leaf("Status", k.status), leaf("CreateDate", x.date(k.created))))
	}
	result := []node{tree("AccessKeyMetadata", members...), leaf("IsTruncated", strconv.FormatBool(end < len(ks)))}
	if end < len(ks) {
		result = append(result, leaf("Marker", strconv.Itoa(end)))
	}
	return result, nil
}

// page cuts n items by Marker and MaxItems. A marker is opaque on AWS; here it
// is the number of items already given.
func (x *exchange) page(n int) (start, end int, r *refusal) {
	size := 100
	if s := x.params.Get("MaxItems"); s != "" {
		v, err := strconv.Atoi(s)
		switch {
		case err != nil || v < 1:
			return 0, 0, invalid("Value '%s' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1", s)
		case v > 1000:
			return 0, 0, invalid("Value '%s' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000", s)
		}
		size = v
	}
	if s := x.params.Get("Marker"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil || v < 0 {
			return 0, 0, refuse(400, "ValidationError", "Invalid Marker.")
		}
		start = min(v, n)
	}
	return start, min(start+size, n), nil
}

func (x *exchange) updateAccessKey() ([]node, *refusal) {
	status := x.params.Get("Status")
	if status != statusActive && status != statusInactive {
		return nil, invalid("Value %s at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]", quote(status))
	}
	return nil, x.change(status)
}

func (x *exchange) deleteAccessKey() ([]node, *refusal) {
	return nil, x.change(statusDeleted)
}

// change writes to the truth, not to a view: a key that another user has, or
// that was deleted, cannot be found however late the lists are.
func (x *exchange) change(status string) *refusal {
	id := x.params.Get("AccessKeyId")
	x.call.Target = id
	if r := checkID(id); r != nil {
		return r
	}
	u, r := x.subject()
	if r != nil {
		return r
	}
	k, ok := u.find(id)
	if !ok {
		return noSuchKey(id)
	}
	k.set(status, x.t)
	return nil
}

func quote(s string) string {
	if s == "" {
		return "null"
	}
	return "'" + s + "'"
}

// checkID refuses what the model does: 16 to 128 characters.
func checkID(id string) *refusal {
	const text = "Value %s at 'accessKeyId' failed to satisfy constraint: Member must "
	switch {
	case id == "":
		return invalid(text+"not be null", quote(id))
	case len(id) < 16:
		return invalid(text+"have length greater than or equal to 16", quote(id))
	case len(id) > 128:
		return invalid(text+"have length less than or equal to 128", quote(id))
	}
	return nil
}

// getAccessKeyLastUsed refuses an unknown key, and one of another account,
// with a text of its own. Source: recorded against AWS by LocalStack.
func (x *exchange) getAccessKeyLastUsed() ([]node, *refusal) {
	id := x.params.Get("AccessKeyId")
	x.call.Target = id
	if r := checkID(id); r != nil {
		return nil, r
	}
	k := x.c.keys[id]
	if k == nil || k.deleted() || k.user.account != x.caller.user.account {
		return nil, refuse(403, "AccessDenied", "User: %s is not authorized to perform %s on resource: access key %s",
			x.caller.user.ARN(), "iam:"+x.action, id)
	}
	if r := x.authorize(k.user.name); r != nil {
		return nil, r
	}
	used := []node{leaf("ServiceName", "N/A"), leaf("Region", "N/A")}
	if u, ok := k.lastUse(x.t.Add(-x.c.opt.Lag.LastUsed)); ok {
		// Whole minutes: every example in AWS's documentation ends in ":00Z".
		used = []node{leaf("Region", u.Region), leaf("LastUsedDate", x.date(u.At.Truncate(time.Minute))), leaf("ServiceName", u.Service)}
	}
	return []node{leaf("UserName", k.user.name), tree("AccessKeyLastUsed", used...)}, nil
}
