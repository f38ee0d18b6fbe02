package daemon

import (
	"encoding/base32"
	"fmt"
	"slices"

	"keyd/credfile"
)

// decoys are the accounts of canarytokens.org, and of those who do the same,
// whose keys are laid out as traps: the first call with one raises an alarm.
// Others are named by never_accounts in keyd.ini.
// Source: github.com/trufflesecurity/trufflehog,
// pkg/detectors/aws/access_keys/canary.go (read in November 2026), and
// trufflesecurity.com/blog/canaries.
func decoys() []string {
	return []string{
		"052310077262", "171436882533", "266735846894", "534261010715", "595918472158",
		"717712589309", "730335385048", "819147034852", "893192397702", "992382622183",

		"044858866125", "251535659677", "344043088457", "351906852752", "390477818340", "426127672474",
		"427150556519", "439872796651", "445142720921", "465867158099", "637958123769", "693412236332",
		"732624840810", "735421457923", "959235150393", "982842642351",
	}
}

// accountOf reads the account out of a key id, without a call. It is not
// documented by AWS and has no checksum: good enough to leave a key alone,
// never to do something with it. Ids of keys that were made before about 2019
// hold none; they are told by the bit before the account, which is 0 in them.
// Source: trufflesecurity.com/blog/research-uncovers-aws-account-numbers-hidden-in-access-keys.
func accountOf(id string) (account string, ok bool) {
	if !credfile.LongTerm(id) || len(id) != 20 {
		return "", false
	}
	bytes, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil || len(bytes) != 10 || bytes[0]&0x80 == 0 { // fewer: line ends and padding hold nothing
		return "", false
	}
	n := uint64(0)
	for _, b := range bytes[:6] {
		n = n<<8 | uint64(b)
	}
	n = n & 0x7fff_ffff_ff80 >> 7
	return fmt.Sprintf("%012d", n), n < 1e12
}

// leaveAlone says why a key must not sign anything, or "". seen is the account
// that AWS named, "" when it was never asked.
func leaveAlone(id, seen string, never []string) string {
	account, _ := accountOf(id)
	for _, a := range []string{account, seen} {
		switch {
		case a == "":
		case slices.Contains(never, a):
			return fmt.Sprintf("account %s is excluded by never_accounts in keyd.ini", a)
		case slices.Contains(decoys(), a):
			return fmt.Sprintf("decoy key: account %s is known for keys that raise an alarm when they are used", a)
		}
	}
	return ""
}
