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
	defer c.lockAndSettle()()
	if path == "" {
		path = "/"
	}
	return c.addUser(&User{partition: partition, account: account, path: path, name: name})
}

// AddRoot returns the root identity of an account. No policy binds it, and
// GetCallerIdentity gives an Arn that ends in ":root".
func (c *Cloud) AddRoot(account string) *User {
	defer c.lockAndSettle()()
	return c.addUser(&User{partition: "aws", account: account})
}

func (c *Cloud) addUser(u *User) *User {
	n := userName{u.account, strings.ToLower(u.name)}
	if !accountShape.MatchString(u.account) || c.users[n] != nil {
		panic(fmt.Sprintf("awssim: account %q is not 12 digits, or has a user %q already", u.account, u.name))
	}
	u.c, u.created = c, c.opt.Now()
	u.id = u.account
	if !u.isRoot() {
		u.id = c.newID("AIDA", u.account)
	}
	c.users[n] = u
	return u
}

func (u *User) isRoot() bool { return u.name == "" }

// Name returns the user's name, empty for root.
func (u *User) Name() string { return u.name }

// Account returns the 12 digits of the user's account.
func (u *User) Account() string { return u.account }

// ARN returns what GetCallerIdentity calls the user, path included.
func (u *User) ARN() string {
	if u.isRoot() {
		return "arn:" + u.partition + ":iam::" + u.account + ":root"
	}
	return "arn:" + u.partition + ":iam::" + u.account + ":user" + u.path + u.name
}

// AddKey gives the user an active key that is age old and known everywhere.
// It asks no quota.
func (u *User) AddKey(age time.Duration) (id, secret string) {
	return u.addKey(age, statusActive)
}

// AddInactiveKey is AddKey for a key that has been inactive for as long.
func (u *User) AddInactiveKey(age time.Duration) (id, secret string) {
	return u.addKey(age, statusInactive)
}

func (u *User) addKey(age time.Duration, status string) (id, secret string) {
	defer u.c.lockAndSettle()()
	at := u.c.opt.Now().Add(-age)
	u.created = earlierTime(u.created, at)
	k := u.c.newKey(u, BySeed, version{at: at, status: status, everywhere: true})
	k.delivered = true
	return k.id, k.secret
}

func earlierTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// existingKeys returns the user's keys that are not deleted.
func (u *User) existingKeys() []*key {
	return slices.DeleteFunc(slices.Clone(u.keys), (*key).isDeleted)
}

// findKey returns the user's key with that id, unless it is deleted.
func (u *User) findKey(id string) (*key, bool) {
	k, ok := u.c.keys[id]
	return k, ok && k.user == u && !k.isDeleted()
}

// CreateKey makes a key as another person would, in the console. It spreads
// with the usual lag. No quota is asked, so that a test reaches the states
// that AWS reaches under lag.
func (u *User) CreateKey() (id, secret string) {
	defer u.c.lockAndSettle()()
	k := u.c.newKey(u, ByConsole, version{at: u.c.opt.Now(), status: statusActive})
	k.delivered = true
	return k.id, k.secret
}

// Move gives the user another path and name, as another person would with
// UpdateUser: the unique id stays, and so do the keys. It panics when the name
// is taken.
func (u *User) Move(path, name string) {
	defer u.c.lockAndSettle()()
	n := userName{u.account, strings.ToLower(name)}
	if other := u.c.users[n]; other != nil && other != u {
		panic(fmt.Sprintf("awssim: account %s has a user %q already", u.account, name))
	}
	delete(u.c.users, userName{u.account, strings.ToLower(u.name)})
	u.path, u.name, u.c.users[n] = path, name, u
}

// SetStatus makes a key "Active" or "Inactive" as another person would, or
// "Expired", which AWS's model has since 2026 and no call can ask for.
func (u *User) SetStatus(id, status string) error {
	defer u.c.lockAndSettle()()
	k, ok := u.findKey(id)
	if !ok || status != statusActive && status != statusInactive && status != statusExpired {
		return fmt.Errorf("awssim: %s cannot be set %q: no such key of %s, or no such status", id, status, u.name)
	}
	k.setStatus(status, u.c.opt.Now())
	return nil
}

// DeleteKey deletes a key as another person would.
func (u *User) DeleteKey(id string) error {
	defer u.c.lockAndSettle()()
	k, ok := u.findKey(id)
	if !ok {
		return fmt.Errorf("awssim: %s cannot be deleted: no such key of %s", id, u.name)
	}
	k.setStatus(statusDeleted, u.c.opt.Now())
	return nil
}

// Use records that a key was used now, say for "s3" in "eu-west-1".
func (u *User) Use(id, service, region string) error {
	return u.UseAgo(id, service, region, 0)
}

// UseAgo is Use some time ago. A use within 15 minutes after a recorded one
// is not recorded.
func (u *User) UseAgo(id, service, region string, ago time.Duration) error {
	defer u.c.lockAndSettle()()
	k, ok := u.findKey(id)
	if !ok {
		return fmt.Errorf("awssim: %s cannot be used: no such key of %s", id, u.name)
	}
	k.recordUse(Use{At: u.c.opt.Now().Add(-ago), Service: service, Region: region})
	return nil
}
