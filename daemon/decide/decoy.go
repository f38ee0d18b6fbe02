package decide

import (
	"encoding/base32"
	"fmt"
	"slices"

	"keyd/credfile"
	"keyd/daemon/settings"
)

// decoyAccounts returns the accounts of canarytokens.org and similar services.
// Their keys are traps: the first call with one raises an alarm. never_accounts in
// keyd.ini adds other accounts.
// Source: github.com/trufflesecurity/trufflehog,
// pkg/detectors/aws/access_keys/canary.go (read in November 2026), and
// trufflesecurity.com/blog/canaries.
func decoyAccounts() []string {
	return []string{
		"052310077262", "171436882533", "266735846894", "534261010715", "595918472158",
		"717712589309", "730335385048", "819147034852", "893192397702", "992382622183",

		"044858866125", "251535659677", "344043088457", "351906852752", "390477818340", "426127672474",
		"427150556519", "439872796651", "445142720921", "465867158099", "637958123769", "693412236332",
		"732624840810", "735421457923", "959235150393", "982842642351",
	}
}

// accountFromID decodes the account from a key id, without a call. AWS does not
// document the encoding, and it has no checksum: the result is good enough to leave
// a key alone, never to act on it. Ids of keys made before about 2019 contain no
// account; in those ids the bit before the account is 0.
// Source: trufflesecurity.com/blog/research-uncovers-aws-account-numbers-hidden-in-access-keys.
func accountFromID(id string) (account string, ok bool) {
	if !credfile.IsLongTerm(id) || len(id) != 20 {
		return "", false
	}
	bytes, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil || len(bytes) != 10 || bytes[0]&0x80 == 0 { // fewer bytes: line ends and padding decode to nothing
		return "", false
	}
	n := uint64(0)
	for _, b := range bytes[:6] {
		n = n<<8 | uint64(b)
	}
	n = n & 0x7fff_ffff_ff80 >> 7
	return fmt.Sprintf("%012d", n), n < 1e12
}

// AccountFromID returns the account that a key id reveals, and false when it reveals
// none. AWS documents no such thing: the result is good enough to leave a key alone,
// never to act on it.
func AccountFromID(id string) (account string, ok bool) { return accountFromID(id) }

// excludedAccount returns the account of a key that never_accounts has; "" if it has none.
func excludedAccount(id, seen string, s settings.Settings) string {
	account, _ := accountFromID(id)
	for _, a := range []string{account, seen} {
		if slices.Contains(s.NeverAccounts, a) {
			return a
		}
	}
	return ""
}

// NeverSignReason returns why a key must not sign anything, or "" when it may. seen
// is the account that AWS named, or "" when AWS was never asked.
func NeverSignReason(id, seen string, s settings.Settings) string {
	account, _ := accountFromID(id)
	for _, a := range []string{account, seen} {
		switch {
		case a == "":
		case slices.Contains(s.NeverAccounts, a):
			return fmt.Sprintf("account %s is excluded by never_accounts in %s", a, s.FileOfAccount(a))
		case slices.Contains(decoyAccounts(), a):
			return fmt.Sprintf("decoy key: account %s is known for keys that raise an alarm when they are used", a)
		}
	}
	return ""
}
