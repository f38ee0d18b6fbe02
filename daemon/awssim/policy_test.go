package awssim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/iam"
)

func TestPoliciesMatchThePathOfAUser(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*AccessKey*"],"Resource":%RES%}]}`
	with := func(resource string) func(*awssim.User) error {
		return func(u *awssim.User) error { return u.AllowPolicy(strings.Replace(doc, "%RES%", resource, 1)) }
	}
	self := func(paths bool) func(*awssim.User) error {
		return func(u *awssim.User) error { u.AllowSelf(paths); return nil }
	}
	for _, tc := range []struct {
		name, path string
		attach     func(*awssim.User) error
		allowed    bool
	}{
		{"no policy", "/eng/", func(*awssim.User) error { return nil }, true},
		{"AWS's own policy, no path", "/", self(false), true},
		{"AWS's own policy does not match a path", "/eng/", self(false), false},
		{"both patterns, a path", "/eng/", self(true), true},
		{"both patterns, a long path", "/eng/core/", self(true), true},
		{"both patterns, no path", "/", self(true), true},
		{"name of another user", "/", with(`"arn:aws:iam::*:user/bob"`), false},
		{"another account", "/", with(`"arn:aws:iam::999999999999:user/${aws:username}"`), false},
		{"another partition", "/", with(`"arn:aws-cn:iam::*:user/${aws:username}"`), false},
		{"one of a list", "/", with(`["arn:aws:iam::*:user/bob","arn:aws:iam::111122223333:user/al?ce"]`), true},
		{"everything", "/eng/", with(`"*"`), true},
		{"names differ by case", "/", with(`"arn:aws:iam::*:user/Alice"`), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := awssim.New(awssim.Options{})
			u := c.AddUser(account, tc.path, "alice")
			if err := tc.attach(u); err != nil {
				t.Fatal(err)
			}
			id, secret := u.AddKey(0)
			k := newClient(c, id, secret)
			for action, args := range map[string][]string{
				"ListAccessKeys": nil, "UpdateAccessKey": {"AccessKeyId", id, "Status", "Active"}, "GetAccessKeyLastUsed": {"AccessKeyId", id},
			} {
				r := k.call(t, action, args...)
				want := "User: " + u.ARN() + " is not authorized to perform: iam:" + action + " on resource: user alice because no identity-based policy allows the iam:" + action + " action"
				if tc.allowed != (r.status == 200) || !tc.allowed && (r.Message != want || r.Code != "AccessDenied") {
					t.Errorf("%s: %d %s %s", action, r.status, r.Code, r.Message)
				}
			}
			if r := k.call(t, "GetCallerIdentity"); r.status != 200 {
				t.Errorf("GetCallerIdentity needs no permission: %s", r.body)
			}
		})
	}
}

func TestPoliciesAreEvaluatedBeforeTheLookup(t *testing.T) {
	c := awssim.New(awssim.Options{})
	id, secret := c.AddUser(account, "/", "alice").AddKey(0)
	theirs, _ := c.AddUser(account, "/", "bob").AddKey(0)
	k := newClient(c, id, secret)
	for _, name := range []string{"bob", "nobody"} {
		if r := k.call(t, "DeleteAccessKey", "UserName", name, "AccessKeyId", theirs); r.Code != "AccessDenied" || !strings.Contains(r.Message, "user "+name+" because") {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	if r := k.call(t, "DeleteAccessKey", "UserName", "alice", "AccessKeyId", theirs); r.Code != "NoSuchEntity" {
		t.Errorf("under the caller's name: %s", r.body)
	}
	far, _ := c.AddUser("444455556666", "/", "alice").AddKey(0)
	if r := k.call(t, "GetAccessKeyLastUsed", "AccessKeyId", far); r.Code != "AccessDenied" || !strings.HasSuffix(r.Message, "on resource: access key "+far) {
		t.Errorf("last used in another account: %s", r.body)
	}
	if r := k.call(t, "GetAccessKeyLastUsed", "AccessKeyId", theirs); r.Code != "AccessDenied" || !strings.Contains(r.Message, "on resource: user bob because") {
		t.Errorf("last used: %s", r.body)
	}
}

func TestDenialsNameTheirLayer(t *testing.T) {
	const head = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:CreateAccessKey on resource: user alice "
	for _, tc := range []struct {
		name  string
		layer awssim.Layer
		tail  string
	}{
		{"nothing allows", awssim.NotAllowed, "because no identity-based policy allows the iam:CreateAccessKey action"},
		{"a policy denies", awssim.ExplicitDeny, "with an explicit deny in an identity-based policy"},
		{"no MFA", awssim.MFAGuard, "with an explicit deny in an identity-based policy"},
		{"the organization denies", awssim.SCP, "with an explicit deny in a service control policy: arn:aws:organizations::999999999999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid"},
		{"the boundary does not allow", awssim.Boundary, "because no permissions boundary allows the iam:CreateAccessKey action"},
		{"the boundary denies", awssim.BoundaryDeny, "with an explicit deny in a permissions boundary"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := awssim.New(awssim.Options{})
			u := c.AddUser(account, "/", "alice")
			id, secret := u.AddKey(0)
			k := newClient(c, id, secret)
			u.DenyAction("CreateAccessKey", tc.layer)
			if r := k.call(t, "CreateAccessKey"); r.status != 403 || r.Code != "AccessDenied" || r.Message != head+tc.tail {
				t.Errorf("answer %d %s %q", r.status, r.Code, r.Message)
			}
			if r := k.call(t, "ListAccessKeys"); r.status != 200 {
				t.Errorf("another action: %s", r.body)
			}
			if n := len(c.Keys(u)); n != 1 {
				t.Errorf("%d keys", n)
			}
			u.LiftDeny("CreateAccessKey")
			k.create(t)
		})
	}
}

func TestMFAGuardAcceptsASessionWithMFA(t *testing.T) {
	const guard = `{"Version":"2012-10-17","Statement":[
		{"Sid":"AllowAll","Effect":"Allow","Action":"*","Resource":"*"},
		{"Sid":"DenyAllExceptListedIfNoMFA","Effect":"Deny","NotAction":["iam:GetUser","iam:ListMFADevices","sts:GetSessionToken"],
		 "Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}`
	for _, tc := range []struct {
		name   string
		attach func(*awssim.User) error
	}{
		{"by a policy", func(u *awssim.User) error { return u.AllowPolicy(guard) }},
		{"by Deny", func(u *awssim.User) error { u.DenyAction("*", awssim.MFAGuard); return nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := awssim.New(awssim.Options{})
			u := c.AddUser(account, "/", "alice")
			if err := tc.attach(u); err != nil {
				t.Fatal(err)
			}
			serial := u.SetMFA("123456")
			id, secret := u.AddKey(0)
			bare := newClient(c, id, secret)
			if r := bare.call(t, "ListAccessKeys"); !strings.HasSuffix(r.Message, "with an explicit deny in an identity-based policy") {
				t.Errorf("bare key: %s", r.body)
			}
			if r := bare.call(t, "ListMFADevices"); !strings.Contains(r.body, "<SerialNumber>"+serial) {
				t.Errorf("devices: %s", r.body)
			}
			if r := bare.call(t, "GetSessionToken", "SerialNumber", serial, "TokenCode", "000000"); r.Code != "AccessDenied" {
				t.Errorf("wrong code: %s", r.body)
			}
			s := bare.call(t, "GetSessionToken", "SerialNumber", serial, "TokenCode", "123456").Session
			k := bare.with(s.AccessKeyId, s.SecretAccessKey)
			k.token = s.SessionToken
			if r := k.call(t, "CreateAccessKey", "UserName", "alice"); r.status != 200 {
				t.Errorf("session with MFA: %s", r.body)
			}
			if got := c.Keys(u)[1].CreatedBy; got != id {
				t.Errorf("made by %s, want the key behind the session, %s", got, id)
			}
			k.token += "x"
			if r := k.call(t, "ListAccessKeys"); r.Code != "InvalidClientTokenId" {
				t.Errorf("wrong token: %s", r.body)
			}
		})
	}
}

func TestAllowRefusesUnknownPolicyElements(t *testing.T) {
	u := awssim.New(awssim.Options{}).AddUser(account, "/", "alice")
	for name, doc := range map[string]string{
		"no JSON":             `{`,
		"unknown field":       `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}`,
		"unknown in a list":   `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]}`,
		"no effect":           `{"Statement":{"Action":"*","Resource":"*"}}`,
		"no resource":         `{"Statement":{"Effect":"Allow","Action":"*"}}`,
		"action twice":        `{"Statement":{"Effect":"Allow","Action":"*","NotAction":"iam:*","Resource":"*"}}`,
		"unknown condition":   `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}`,
		"number for a string": `{"Statement":{"Effect":"Allow","Action":7,"Resource":"*"}}`,
	} {
		if err := u.AllowPolicy(doc); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTagQuotaCountsNewTagsOnly(t *testing.T) {
	c := awssim.New(awssim.Options{})
	u := c.AddUser(account, "/", "alice")
	id, secret := u.AddKey(0)
	k := newClient(c, id, secret)
	tag := func(name string) reply {
		return k.call(t, "TagUser", "UserName", "alice", "Tags.member.1.Key", name, "Tags.member.1.Value", "v & <w>")
	}
	for i := range 50 {
		if r := tag(strings.Repeat("k", i+1)); r.status != 200 {
			t.Fatalf("tag %d: %s", i+1, r.body)
		}
	}
	if r := tag("k"); r.status != 200 {
		t.Errorf("an existing tag: %s", r.body)
	}
	if r := tag("one more"); r.status != 409 || r.Message != "Cannot exceed quota for TagsPerUser: 50" {
		t.Errorf("51st tag: %s", r.body)
	}
	if r := k.call(t, "GetUser"); !strings.Contains(r.body, "<Value>v &amp; &lt;w&gt;</Value>") {
		t.Errorf("values are not escaped: %s", r.body)
	}
}

// The policy that keyd policy prints lets a user describe access keys, and set or
// remove no other tag.
func TestTagsOfKeysOnly(t *testing.T) {
	c := awssim.New(awssim.Options{})
	u := c.AddUser(account, "/", "alice")
	doc, err := json.Marshal(iam.LeastPolicy("aws", "", true))
	if err != nil {
		t.Fatal(err)
	}
	if err := u.AllowPolicy(string(doc)); err != nil {
		t.Fatal(err)
	}
	id, secret := u.AddKey(0)
	k := newClient(c, id, secret)
	for _, tc := range []struct {
		action  string
		args    []string
		allowed bool
	}{
		{"TagUser", []string{"Tags.member.1.Key", id, "Tags.member.1.Value", "keyd"}, true},
		{"TagUser", []string{"Tags.member.1.Key", "role", "Tags.member.1.Value", "admin"}, false},
		{"TagUser", []string{"Tags.member.1.Key", id, "Tags.member.1.Value", "keyd", "Tags.member.2.Key", "role", "Tags.member.2.Value", "admin"}, false},
		{"TagUser", nil, false},
		{"UntagUser", []string{"TagKeys.member.1", "role"}, false},
		{"UntagUser", []string{"TagKeys.member.1", id}, true},
		{"ListAccessKeys", nil, true},
		{"GetAccessKeyLastUsed", []string{"AccessKeyId", id}, true},
	} {
		if r := k.call(t, tc.action, append([]string{"UserName", "alice"}, tc.args...)...); (r.status == 200) != tc.allowed {
			t.Errorf("%s %v: %d %s", tc.action, tc.args, r.status, r.Message)
		}
	}
}

// A denial with a timetable is in force at its hours only, and the quarantine of a
// leaked key denies changes only.
func TestDenialsOfEachKind(t *testing.T) {
	begin, ahead := time.Now(), time.Duration(0)
	c := awssim.New(awssim.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
	office := c.AddUser(account, "/", "office")
	office.DenyActionWhen("*", awssim.ExplicitDeny, func(t time.Time) bool { return t.Before(begin.Add(5 * time.Minute)) })
	id, secret := office.AddKey(0)
	k := newClient(c, id, secret)
	if r := k.call(t, "ListAccessKeys"); r.Code != "AccessDenied" {
		t.Errorf("before the hour: %s", r.body)
	}
	ahead = 6 * time.Minute
	if r := k.call(t, "ListAccessKeys"); r.status != 200 {
		t.Errorf("at the hour: %s", r.body)
	}
	for layer, words := range map[awssim.Layer]string{
		awssim.OldDeny: "user x with an explicit deny", awssim.RCP: "resource control policy", awssim.SessionDeny: "session policy",
		awssim.VPCEndpoint: "VPC endpoint policy", awssim.Quarantine: "policy/AWSCompromisedKeyQuarantineV3", awssim.QuarantineUnnamed: "deny in an identity-based policy",
	} {
		c := awssim.New(awssim.Options{})
		u := c.AddUser(account, "/", "x")
		u.DenyAction("*", layer)
		id, secret := u.AddKey(0)
		k := newClient(c, id, secret)
		leaked := layer == awssim.Quarantine || layer == awssim.QuarantineUnnamed
		if r := k.call(t, "ListAccessKeys"); (r.status == 200) != leaked {
			t.Errorf("%s: list: %s", words, r.body)
		}
		if r := k.call(t, "CreateAccessKey"); r.Code != "AccessDenied" || !strings.HasSuffix(r.Message, words) {
			t.Errorf("%s: create: %s", words, r.body)
		}
	}
}
