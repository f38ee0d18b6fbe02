package awssim

import (
	"fmt"
	"strings"
	"time"
)

// CreateKey makes a key as another person would, in the console. It spreads
// with the usual lag. No quota is asked, so that a test reaches the states
// that AWS reaches under lag.
func (u *User) CreateKey() (id, secret string) {
	defer u.c.enter()()
	k := u.c.newKey(u, ByConsole, version{at: u.c.opt.Now(), status: statusActive})
	k.delivered = true
	return k.id, k.secret
}

// Move gives the user another path and name, as another person would with
// UpdateUser: the unique id stays, and so do the keys. It panics when the name
// is taken.
func (u *User) Move(path, name string) {
	defer u.c.enter()()
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
	defer u.c.enter()()
	k, ok := u.find(id)
	if !ok || status != statusActive && status != statusInactive && status != statusExpired {
		return fmt.Errorf("awssim: %s cannot be set %q: no such key of %s, or no such status", id, status, u.name)
	}
	k.set(status, u.c.opt.Now())
	return nil
}

// DeleteKey deletes a key as another person would.
func (u *User) DeleteKey(id string) error {
	defer u.c.enter()()
	k, ok := u.find(id)
	if !ok {
		return fmt.Errorf("awssim: %s cannot be deleted: no such key of %s", id, u.name)
	}
	k.set(statusDeleted, u.c.opt.Now())
	return nil
}

// Use records that a key was used now, say for "s3" in "eu-west-1".
func (u *User) Use(id, service, region string) error {
	return u.UseAgo(id, service, region, 0)
}

// UseAgo is Use some time ago. A use within 15 minutes after a recorded one
// is not recorded.
func (u *User) UseAgo(id, service, region string, ago time.Duration) error {
	defer u.c.enter()()
	k, ok := u.find(id)
	if !ok {
		return fmt.Errorf("awssim: %s cannot be used: no such key of %s", id, u.name)
	}
	k.use(Use{At: u.c.opt.Now().Add(-ago), Service: service, Region: region})
	return nil
}
