package awssim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// User is one IAM user, or the root identity of an account.
type User struct {
	c *Cloud

	partition, account string
	path, name         string // name is empty for root
	id                 string
	created            time.Time
	keys               []*key // deleted ones too, by creation
	tags               []tag
	policies           []policy // none: everything on itself
	denials            []denial
	mfa                *device
}

type tag struct{ key, value string }

// userName is how IAM finds a user: names are unique in an account whatever
// their path and case.
type userName struct{ account, name string }

var accountShape = regexp.MustCompile(`^\d{12}$`)

// AddUser makes a user of partition aws. The path begins and ends with a
// slash; empty means "/". Like AddUserIn it panics when the account is not 12
// digits or the name is taken: both are mistakes of the caller's.
func (c *Cloud) AddUser(account, path, name string) *User {
	return c.AddUserIn("aws", account, path, name)
}

// AddUserIn makes a user of another partition, such as aws-cn or aws-us-gov.
func (c *Cloud) AddUserIn(partition, account, path, name string) *User {
	defer c.enter()()
	if path == "" {
		path = "/"
	}
	return c.addUser(&User{partition: partition, account: account, path: path, name: name})
}

// AddRoot returns the root identity of an account. No policy binds it, and
// GetCallerIdentity gives an Arn that ends in ":root".
func (c *Cloud) AddRoot(account string) *User {
	defer c.enter()()
	return c.addUser(&User{partition: "aws", account: account})
}

func (c *Cloud) addUser(u *User) *User {
	n := userName{u.account, strings.ToLower(u.name)}
	if !accountShape.MatchString(u.account) || c.users[n] != nil {
		panic(fmt.Sprintf("awssim: account %q is not 12 digits, or has a user %q already", u.account, u.name))
	}
	u.c, u.created = c, c.opt.Now()
	u.id = u.account
	if !u.root() {
		u.id = c.newID("AIDA", u.account)
	}
	c.users[n] = u
	return u
}

func (u *User) root() bool { return u.name == "" }

// Name returns the user's name, empty for root.
func (u *User) Name() string { return u.name }

// Account returns the 12 digits of the user's account.
func (u *User) Account() string { return u.account }

// ARN returns what GetCallerIdentity calls the user, path included.
func (u *User) ARN() string {
	if u.root() {
		return "arn:" + u.partition + ":iam::" + u.account + ":root"
	}
	return "arn:" + u.partition + ":iam::" + u.account + ":user" + u.path + u.name
}

// AddKey gives the user an active key that is age old and known everywhere.
// It asks no quota.
func (u *User) AddKey(age time.Duration) (id, secret string) {
	return u.add(age, statusActive)
}

// AddInactiveKey is AddKey for a key that has been inactive for as long.
func (u *User) AddInactiveKey(age time.Duration) (id, secret string) {
	return u.add(age, statusInactive)
}

func (u *User) add(age time.Duration, status string) (id, secret string) {
	defer u.c.enter()()
	at := u.c.opt.Now().Add(-age)
	u.created = earlier(u.created, at)
	k := u.c.newKey(u, BySeed, version{at: at, status: status, everywhere: true})
	k.delivered = true
	return k.id, k.secret
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// present returns the user's keys that are not deleted.
func (u *User) present() []*key {
	return slices.DeleteFunc(slices.Clone(u.keys), (*key).deleted)
}

// find returns the user's key with that id, unless it is deleted.
func (u *User) find(id string) (*key, bool) {
	k, ok := u.c.keys[id]
	return k, ok && k.user == u && !k.deleted()
}
