package awssim

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"time"
)

// What a key can be. IAM knows no "Deleted": it is how the log ends.
const (
	statusActive   = "Active"
	statusInactive = "Inactive"
	statusExpired  = "Expired"
	statusDeleted  = "Deleted"
)

// Creators that are not the id of a signing key.
const (
	BySeed    = "seed"    // AddKey: there before the test began
	ByConsole = "console" // CreateKey: a person, unseen by the client under test
)

// key is one long-term access key as it really is.
type key struct {
	id, secret string
	user       *User
	created    time.Time
	by         string // BySeed, ByConsole or the id of the key that signed CreateAccessKey
	delivered  bool   // an answer that held the secret reached the client whole
	log        []version
	uses       []Use // as recorded, by time
}

// version is one entry of a key's log.
type version struct {
	at         time.Time
	status     string
	everywhere bool // known to all replicas since ever
}

func (k *key) currentStatus() string { return k.log[len(k.log)-1].status }

func (k *key) isDeleted() bool { return k.currentStatus() == statusDeleted }

// setStatus appends to the log, unless nothing changes.
func (k *key) setStatus(status string, at time.Time) {
	if k.currentStatus() != status {
		k.log = append(k.log, version{at: at, status: status})
	}
}

// Use is one recorded use of a key.
type Use struct {
	At              time.Time
	Service, Region string
}

// Recorded uses lie at least this far apart: of several in a 15-minute span only
// the first counts. Source: IAM user guide, credential report format.
const useGranularity = 15 * time.Minute

// recordUse records a use unless an earlier one covers it.
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

// newKey makes a key of u and puts it into the cloud.
func (c *Cloud) newKey(u *User, by string, v version) *key {
	k := &key{
		user: u, by: by, created: v.at, log: []version{v},
		id: c.newID("AKIA", u.account), secret: c.newSecret(),
	}
	c.keys[k.id] = k
	u.keys = append(u.keys, k)
	return k
}

func (c *Cloud) newRand() *rand.Rand {
	return rand.New(rand.NewPCG(c.opt.Seed, uint64(c.nextSerial())))
}

// newID returns an id that carries the account as AWS's do: base32 of ten
// bytes, of which bits 46 to 7 of the first 48 are the account.
// Source: Aidan Steele, Tal Be'ery, "AWS access key id formats"; undocumented.
func (c *Cloud) newID(prefix, account string) string {
	rng := c.newRand()
	n, _ := strconv.ParseUint(account, 10, 40) // checked by addUser
	head := 1<<47 | n<<7 | rng.Uint64()&0x7f
	b := binary.BigEndian.AppendUint64(nil, head<<16)[:6]
	b = binary.BigEndian.AppendUint32(b, rng.Uint32())
	return prefix + base32.StdEncoding.EncodeToString(b)
}

// accountOf undoes newID. It returns nonsense for ids of AWS's older formats.
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

// newSecret returns 40 characters of which at least one is '/' and one '+':
// the two that careless quoting, escaping and patterns break on.
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

// newUUID returns a random UUID, as AWS numbers requests.
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
