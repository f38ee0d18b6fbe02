package awssim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// User is one IAM user, or the root identity of an account.
type User struct {
	c *Cloud

	partition, account string
	path, name         string // name is empty for root
	id                 string
	created            time.Time
	keys               []*key // in order of creation, deleted ones included
	tags               []tag
	policies           []policy // none: the user may do everything to itself
	denials            []denial
	devices            []*device
}

type tag struct{ key, value string }

// userName identifies a user. Names are unique in an account regardless of path
// and case, so name is in lower case.
type userName struct{ account, name string }

var accountShape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d{12}$`) })

// AddUser adds a user to partition aws. The path begins and ends with a slash;
// empty means "/". Like AddUserIn it panics when the account is not 12 digits or
// the name is taken, because both are mistakes of the caller.
func (c *Cloud) AddUser(account, path, name string) *User {
	return c.AddUserIn("aws", account, path, name)
}

// AddUserIn adds a user to another partition, such as aws-cn or aws-us-gov.
func (c *Cloud) AddUserIn(partition, account, path, name string) *User {
	defer c.lockAndSettle()()
	if path == "" {
		path = "/"
	}
	return c.addUser(&User{partition: partition, account: account, path: path, name: name})
}

// AddRoot adds the root identity of an account. No policy applies to it, and
// GetCallerIdentity returns an Arn that ends in ":root".
func (c *Cloud) AddRoot(account string) *User {
	defer c.lockAndSettle()()
	return c.addUser(&User{partition: "aws", account: account})
}

func (c *Cloud) addUser(u *User) *User {
	n := userName{u.account, strings.ToLower(u.name)}
	if !c.opt.Dialect.isAccount(u.account) || c.users[n] != nil {
		panic(fmt.Sprintf("awssim: account %q is not 12 digits, or already has a user %q", u.account, u.name))
	}
	u.c, u.created = c, c.opt.Now()
	u.id = u.account
	if !u.isRoot() {
		u.id = c.newUserID(u.account)
	}
	c.users[n] = u
	return u
}

func (u *User) isRoot() bool { return u.name == "" }

// Name returns the user's name, "" for root.
func (u *User) Name() string { return u.name }

// Account returns the 12 digits of the user's account.
func (u *User) Account() string { return u.account }

// ARN returns the Arn of GetCallerIdentity, path included.
func (u *User) ARN() string {
	if u.isRoot() {
		return "arn:" + u.partition + ":iam::" + u.account + ":root"
	}
	return "arn:" + u.partition + ":iam::" + u.account + ":user" + u.path + u.name
}

// AddKey gives the user an active key of this age that every replica knows. It
// ignores the quota.
func (u *User) AddKey(age time.Duration) (id, secret string) {
	return u.addKey(age, statusActive)
}

// AddInactiveKey is AddKey for a key that has been inactive since its creation.
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

// RestoreKey gives the user a key that a Cloud had before, with the id, the status, the
// creation date and the creator that Keys reported, and lets every replica know it. It
// is for disks that an earlier keyd has left behind. It ignores the quota.
func (u *User) RestoreKey(was KeyState, secret string) {
	defer u.c.lockAndSettle()()
	u.created = earlierTime(u.created, was.Created)
	k := u.c.newKey(u, was.CreatedBy, version{at: was.Created, status: was.Status, everywhere: true})
	delete(u.c.keys, k.id)
	k.id, k.secret, k.delivered = was.ID, secret, was.Delivered
	u.c.keys[k.id] = k
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

// findKey returns the user's key with this id, unless it is deleted.
func (u *User) findKey(id string) (*key, bool) {
	k, ok := u.c.keys[id]
	return k, ok && k.user == u && !k.isDeleted()
}

// CreateKey makes a key as another person would in the console. The key becomes
// visible with the usual lag. CreateKey ignores the quota, so that a test can
// reach every state that AWS reaches under lag.
func (u *User) CreateKey() (id, secret string) {
	defer u.c.lockAndSettle()()
	k := u.c.newKey(u, ByConsole, version{at: u.c.opt.Now(), status: statusActive})
	k.delivered = true
	return k.id, k.secret
}

// Rename gives the user another path and name, as another person would with
// UpdateUser. The unique id and the keys stay. Move panics when the name is
// taken.
func (u *User) Rename(path, name string) {
	defer u.c.lockAndSettle()()
	n := userName{u.account, strings.ToLower(name)}
	if other := u.c.users[n]; other != nil && other != u {
		panic(fmt.Sprintf("awssim: account %s already has a user %q", u.account, name))
	}
	delete(u.c.users, userName{u.account, strings.ToLower(u.name)})
	u.path, u.name, u.c.users[n] = path, name, u
}

// SetStatus makes a key "Active" or "Inactive" as another person would. It also
// accepts "Expired", a status that AWS's model has had since 2026 and that no
// call can set.
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

// SetTag sets a tag of the user, as an administrator would. The description of a key in the
// console is the tag with the id of the key.
func (u *User) SetTag(name, value string) {
	defer u.c.lockAndSettle()()
	u.tags = append(slices.DeleteFunc(u.tags, func(t tag) bool { return t.key == name }), tag{name, value})
}

// UseKey records that a key was used now, for example for "s3" in "eu-west-1".
func (u *User) UseKey(id, service, region string) error {
	return u.UseKeyAgo(id, service, region, 0)
}

// UseKeyAgo records a use that took place some time ago. A use within 15 minutes
// after a recorded one is not recorded.
func (u *User) UseKeyAgo(id, service, region string, ago time.Duration) error {
	defer u.c.lockAndSettle()()
	k, ok := u.findKey(id)
	if !ok {
		return fmt.Errorf("awssim: %s cannot be used: no such key of %s", id, u.name)
	}
	k.recordUse(Use{At: u.c.opt.Now().Add(-ago), Service: service, Region: region})
	return nil
}
