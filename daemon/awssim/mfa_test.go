package awssim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestDeviceTakesEachCodeOnce opens sessions with codes of now, of before, of a clock that
// drifts, and of devices that show none.
func TestDeviceTakesEachCodeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := awssim.New(awssim.Options{})
		u := c.AddUser(account, "/", "alice")
		serial, other := u.AddVirtualMFA("phone"), u.AddVirtualMFA("tablet")
		fido := u.AddSecurityKey("yubikey")
		u.AddHardwareMFA("GAHT12345678")
		id, secret := u.AddKey(0)
		k := newClient(c, id, secret)
		open := func(serial, code string) string {
			return k.call(t, "GetSessionToken", "SerialNumber", serial, "TokenCode", code).Message
		}
		const invalid, unknown = "invalid MFA one time pass code", "unable to validate MFA code"
		check := func(what, got, want string) {
			t.Helper()
			if want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		now := u.Code(serial)
		check("now", open(serial, now), "")
		check("the same again", open(serial, now), invalid)
		check("one before it", open(serial, u.CodeAgo(serial, 30*time.Second)), invalid)
		check("of another device", open(other, u.Code(serial)), invalid)
		check("the other device", open(other, u.Code(other)), "")
		check("a hardware device", open("GAHT12345678", u.Code("GAHT12345678")), "")
		check("a security key", open(fido, "123456"), unknown)
		check("an unknown device", open(serial+"x", "123456"), unknown)
		check("no code", open(serial, ""), "must provide both")
		check("five digits", open(serial, "12345"), "validation error")
		time.Sleep(2 * time.Minute)
		check("two minutes late", open(serial, u.CodeAgo(serial, 2*time.Minute)), invalid)
		check("a period late", open(serial, u.CodeAgo(serial, 30*time.Second)), "")
		time.Sleep(2 * time.Minute)
		u.DriftMFA(serial, 5*time.Minute)
		check("a clock five minutes ahead", open(serial, u.Code(serial)), invalid)
		u.DriftMFA(serial, 20*time.Second)
		check("a clock twenty seconds ahead", open(serial, u.Code(serial)), "")
		u.RemoveMFA(serial)
		check("a device that is gone", open(serial, "123456"), unknown)
		if u.Code(fido) != "" {
			t.Error("a security key shows a code")
		}
		if list := k.call(t, "ListMFADevices", "MaxItems", "2").body; strings.Count(list, "<SerialNumber>") != 2 || !strings.Contains(list, "<Marker>2") {
			t.Errorf("%s", list)
		}
	})
}

// TestSessionsMayEndWithTheirKey: by default a session outlives the key that opened it.
// Session calls name their user, and their record names the key behind them.
func TestSessionsMayEndWithTheirKey(t *testing.T) {
	for _, ends := range []bool{false, true} {
		c := awssim.New(awssim.Options{SessionsEndWithKey: ends})
		u := c.AddUser(account, "/", "alice")
		if err := u.GuardWithMFA(); err != nil {
			t.Fatal(err)
		}
		serial := u.AddVirtualMFA("phone")
		id, secret := u.AddKey(0)
		bare := newClient(c, id, secret)
		if r := bare.call(t, "ListAccessKeys"); r.Code != "AccessDenied" {
			t.Errorf("without MFA: %s", r.body)
		}
		s := bare.call(t, "GetSessionToken", "SerialNumber", serial, "TokenCode", u.Code(serial)).Session
		k := newClient(c, s.AccessKeyId, s.SecretAccessKey)
		k.token = s.SessionToken
		if r := k.call(t, "ListAccessKeys"); r.Code != "ValidationError" {
			t.Errorf("without UserName: %s", r.body)
		}
		if r := k.call(t, "UpdateAccessKey", "UserName", "alice", "AccessKeyId", id, "Status", "Inactive"); r.status != 200 {
			t.Errorf("with a session: %s", r.body)
		}
		if r := k.call(t, "ListAccessKeys", "UserName", "alice"); (r.Code == "InvalidClientTokenId") != ends {
			t.Errorf("after the key is Inactive, ends = %t: %s", ends, r.body)
		}
		if call := c.LastCall(); call.Opener != id || call.KeyID != s.AccessKeyId {
			t.Errorf("the record is %+v", call)
		}
		if secrets := c.Secrets(); secrets[s.AccessKeyId+" token"] != s.SessionToken {
			t.Error("the token is not among the secrets")
		}
		twin := c.Clone(time.Now)
		if n := len(twin.Secrets()); n != 3 {
			t.Errorf("the clone has %d secrets", n)
		}
	}
}
