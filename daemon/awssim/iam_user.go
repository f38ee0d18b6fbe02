package awssim

import (
	"slices"
	"strconv"
	"strings"
)

// Source: IAM user guide, quotas.
const tagsPerUser = 50

// subject finds the user whom a call is about, the caller when none is named,
// and asks the policies. They are asked first: AWS does not tell who exists to
// those who may not know.
func (x *exchange) subject() (*User, *refusal) {
	name := x.params.Get("UserName")
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

// named is subject for the calls whose UserName is required.
func (x *exchange) named() (*User, *refusal) {
	if x.params.Get("UserName") == "" {
		return nil, invalid("Value null at 'userName' failed to satisfy constraint: Member must not be null")
	}
	return x.subject()
}

func (x *exchange) getUser() ([]node, *refusal) {
	u, r := x.subject()
	if r != nil {
		return nil, r
	}
	about := []node{leaf("Path", u.path), leaf("UserName", u.name)}
	if u.root() {
		about = nil
	}
	about = append(about, leaf("UserId", u.id), leaf("Arn", u.ARN()), leaf("CreateDate", x.date(u.created)))
	if len(u.tags) > 0 {
		about = append(about, tree("Tags", members(u.tags)...))
	}
	return []node{tree("User", about...)}, nil
}

func members(tags []tag) []node {
	var ms []node
	for _, t := range tags {
		ms = append(ms, tree("member", leaf("Key", t.key), leaf("Value", t.value)))
	}
	return ms
}

// tagUser takes all of the tags or none.
func (x *exchange) tagUser() ([]node, *refusal) {
	u, r := x.named()
	if r != nil {
		return nil, r
	}
	tags := slices.Clone(u.tags)
	for i := 1; x.params.Has(member("Tags", i) + ".Key"); i++ {
		t := tag{x.params.Get(member("Tags", i) + ".Key"), x.params.Get(member("Tags", i) + ".Value")}
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

func member(list string, i int) string { return list + ".member." + strconv.Itoa(i) }

// untagUser does not mind tags that are not there.
func (x *exchange) untagUser() ([]node, *refusal) {
	u, r := x.named()
	if r != nil {
		return nil, r
	}
	for i := 1; x.params.Has(member("TagKeys", i)); i++ {
		name := x.params.Get(member("TagKeys", i))
		u.tags = slices.DeleteFunc(u.tags, func(t tag) bool { return strings.EqualFold(t.key, name) })
	}
	return nil, nil
}

func (x *exchange) listUserTags() ([]node, *refusal) {
	u, r := x.named()
	if r != nil {
		return nil, r
	}
	return []node{tree("Tags", members(u.tags)...), leaf("IsTruncated", "false")}, nil
}

func (x *exchange) listMFADevices() ([]node, *refusal) {
	u, r := x.subject()
	if r != nil {
		return nil, r
	}
	var devices []node
	if u.mfa != nil {
		devices = append(devices, tree("member",
			leaf("UserName", u.name), leaf("SerialNumber", u.mfa.serial), leaf("EnableDate", x.date(u.mfa.enabled))))
	}
	return []node{tree("MFADevices", devices...), leaf("IsTruncated", "false")}, nil
}
