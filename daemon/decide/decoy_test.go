package decide

import (
	"testing"
)

func TestAccountFromID(t *testing.T) {
	cases := map[string]string{
		"AKIASP2TPHJSQH3FJRUX":                 "171436882533", // from trufflehog's own tests
		"AKIAYVP4CIPPAAAAAAAA":                 "595918472158", // the prefix is published; only eight letters hold the account
		"AKIAY34FZKBOKMUTVV7A":                 "609629065308",
		"AKIAIOSFODNN7EXAMPLE":                 "", // of the old kind, which holds no account
		"AKIAJZZZZZZZZZZZZZZZ":                 "",
		"ASIAY34FZKBOKMUTVV7A":                 "", // temporary: nothing to rotate
		"AKIA":                                 "",
		"AKIAY34FZKBOKMUTVV7":                  "",
		"AKIAY34F1KBOKMUTVV7A":                 "", // 1 is not a base32 digit
		"":                                     "",
		"AKIA\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n": "", // which base32 ignores
		"AKIAY34FZKBO========":                 "",
	}
	for id, want := range cases {
		if got, ok := accountFromID(id); got != want && (ok || want != "") || ok != (want != "") {
			t.Errorf("%s: %s, %v, want %q", id, got, ok, want)
		}
	}
}

func FuzzAccountOf(f *testing.F) {
	f.Add("AKIASP2TPHJSQH3FJRUX")
	f.Add("AKIA\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n")
	f.Add("AKIAY34FZKBOK\n======")
	f.Fuzz(func(t *testing.T, id string) {
		account, ok := accountFromID(id)
		if ok && len(account) != 12 {
			t.Errorf("%q: %q", id, account)
		}
	})
}
