package awssim

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"time"
)

// The statuses of a key. IAM has no "Deleted": here it ends the log of a key.
const (
	statusActive   = "Active"
	statusInactive = "Inactive"
	statusExpired  = "Expired"
	statusDeleted  = "Deleted"
)

// The values of KeyState.CreatedBy that are not the id of a signing key.
const (
	BySeed    = "seed"    // AddKey: the key existed before the test
	ByConsole = "console" // CreateKey: a person, out of sight of the client under test
)

// key is the true state of one long-term access key.
type key struct {
	id, secret string
	user       *User
	created    time.Time
	by         string // BySeed, ByConsole or the id of the key that signed CreateAccessKey
	delivered  bool   // the client received a complete answer that held the secret
	log        []version
	uses       []Use // as recorded, in order of time
}

// version is one entry in the log of a key's status.
type version struct {
	at         time.Time
	status     string
	everywhere bool // every replica has always known it
}

func (k *key) currentStatus() string { return k.log[len(k.log)-1].status }

func (k *key) isDeleted() bool { return k.currentStatus() == statusDeleted }

// setStatus appends to the log, unless the status stays the same.
func (k *key) setStatus(status string, at time.Time) {
	if k.currentStatus() != status {
		k.log = append(k.log, version{at: at, status: status})
	}
}

// Use is one recorded use of a key: when, for which service, in which region.
type Use struct {
	At              time.Time
	Service, Region string
}

// useGranularity is the least distance between recorded uses. Of several uses
// within 15 minutes only the first counts. Source: IAM user guide, credential
// report format.
const useGranularity = 15 * time.Minute

// recordUse records a use, unless an earlier one covers it.
func (k *key) recordUse(u Use) {
	i := len(k.uses)
	for i > 0 && k.uses[i-1].At.After(u.At) {
		i--
	}
	if i > 0 && u.At.Sub(k.uses[i-1].At) < useGranularity {
		return
	}
	k.uses = append(k.uses[:i], append([]Use{u}, k.uses[i:]...)...)
}

// lastUse returns the last use recorded by t.
func (k *key) lastUse(t time.Time) (Use, bool) {
	for i := len(k.uses) - 1; i >= 0; i-- {
		if !k.uses[i].At.After(t) {
			return k.uses[i], true
		}
	}
	return Use{}, false
}

// newKey makes a key for u and adds it to the cloud.
func (c *Cloud) newKey(u *User, by string, v version) *key {
	k := &key{
		user: u, by: by, created: v.at, log: []version{v},
		id: c.newKeyID(u.account), secret: c.newKeySecret(),
	}
	c.keys[k.id] = k
	u.keys = append(u.keys, k)
	return k
}

func (c *Cloud) newRand() *rand.Rand {
	return rand.New(rand.NewPCG(c.opt.Seed, uint64(c.nextSerial())))
}

// newID returns an id that contains the account as AWS's ids do: base32 of ten
// bytes; of the first 48 bits, bits 46 to 7 are the account.
// Source: Aidan Steele, Tal Be'ery, "AWS access key id formats"; undocumented.
func (c *Cloud) newID(prefix, account string) string {
	rng := c.newRand()
	n, _ := strconv.ParseUint(account, 10, 40) // checked by addUser
	head := 1<<47 | n<<7 | rng.Uint64()&0x7f
	b := binary.BigEndian.AppendUint64(nil, head<<16)[:6]
	b = binary.BigEndian.AppendUint32(b, rng.Uint32())
	return prefix + base32.StdEncoding.EncodeToString(b)
}

// accountOf returns the account in an id of newID. For ids of AWS's older formats
// the result is meaningless.
func accountOf(id string) string {
	b, err := base32.StdEncoding.DecodeString(id[min(4, len(id)):])
	if err != nil || len(b) < 6 {
		return ""
	}
	head := binary.BigEndian.Uint64(append(b[:6:6], 0, 0)) >> 16
	s := strconv.FormatUint(head&0x7fffffffff80>>7, 10)
	for len(s) < 12 {
		s = "0" + s
	}
	return s
}

// newSecret returns 40 characters that include '/' and '+', the two on which
// careless quoting, escaping and patterns break.
func (c *Cloud) newSecret() string {
	rng := c.newRand()
	b := make([]byte, 0, 32)
	for len(b) < 30 {
		b = binary.BigEndian.AppendUint64(b, rng.Uint64())
	}
	s := []byte(base64.StdEncoding.EncodeToString(b[:30]))
	p := rng.Perm(len(s))
	s[p[0]], s[p[1]] = '/', '+'
	return string(s)
}

// newUUID returns a random UUID, the form of AWS's request ids.
func (c *Cloud) newUUID() string {
	const hex = "0123456789abcdef"
	rng := c.newRand()
	s := []byte("xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx")
	for i := range s {
		if s[i] == 'x' {
			s[i] = hex[rng.IntN(16)]
		}
	}
	return string(s)
}
