package awssim

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- RFC 6238 says so
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// device is an MFA device of a user. A device with a seed shows codes as RFC 6238 says;
// one with a fixed code always the same, for tests that are not about codes; one with
// neither is a security key, which shows none.
type device struct {
	serial  string
	seed    []byte        // of its codes; nil when it shows none
	fixed   string        // a code that never changes and may be used again
	ahead   time.Duration // its clock minus AWS's
	last    int64         // the last period whose code was accepted
	enabled time.Time
}

const (
	// codePeriod is how long a device shows a code. Source: RFC 6238, 5.2.
	codePeriod = 30 * time.Second
	// codeDrift is how many periods a code may be too old or too new. AWS does not say how
	// many it accepts; one on either side is what RFC 6238 recommends.
	codeDrift = 1
	// devicesPerUser is the quota of MFA devices. Source: IAM user guide, quotas.
	devicesPerUser = 8
)

// SetMFA gives the user a virtual MFA device with a code that never changes. It
// returns the serial number of the device.
func (u *User) SetMFA(code string) (serial string) {
	defer u.c.lockAndSettle()()
	return u.addDevice(&device{serial: u.deviceARN("mfa", u.name), fixed: code})
}

// AddVirtualMFA gives the user a virtual MFA device, such as an app on a phone, and
// returns its serial number, which is an ARN. Code returns what it shows.
func (u *User) AddVirtualMFA(name string) (serial string) {
	defer u.c.lockAndSettle()()
	return u.addDevice(&device{serial: u.deviceARN("mfa", name), seed: []byte(u.c.newSecret())})
}

// AddHardwareMFA gives the user a device that shows codes and whose serial number is no
// ARN, such as GAHT12345678.
func (u *User) AddHardwareMFA(serial string) {
	defer u.c.lockAndSettle()()
	u.addDevice(&device{serial: serial, seed: []byte(u.c.newSecret())})
}

// AddSecurityKey gives the user a FIDO security key or a passkey. It shows no codes, and
// GetSessionToken cannot use it.
// Source: IAM user guide, "Passkeys and security keys": the AWS CLI and API are not
// supported.
func (u *User) AddSecurityKey(name string) (serial string) {
	defer u.c.lockAndSettle()()
	return u.addDevice(&device{serial: u.deviceARN("u2f", "user/"+u.name+"/"+name)})
}

func (u *User) deviceARN(kind, name string) string {
	return "arn:" + u.partition + ":iam::" + u.account + ":" + kind + "/" + name
}

// addDevice adds a device, in place of one with the same serial number.
func (u *User) addDevice(d *device) (serial string) {
	u.devices = slices.DeleteFunc(u.devices, func(o *device) bool { return o.serial == d.serial })
	if len(u.devices) == devicesPerUser {
		panic(fmt.Sprintf("awssim: %s has %d MFA devices already", u.name, devicesPerUser))
	}
	d.enabled = u.c.opt.Now()
	u.devices = append(u.devices, d)
	return d.serial
}

// RemoveMFA takes a device away from the user.
func (u *User) RemoveMFA(serial string) {
	defer u.c.lockAndSettle()()
	u.devices = slices.DeleteFunc(u.devices, func(d *device) bool { return d.serial == serial })
}

// DriftMFA sets how far the clock of a device is ahead of AWS's. A code that is more than
// one period off is refused.
func (u *User) DriftMFA(serial string, ahead time.Duration) {
	defer u.c.lockAndSettle()()
	if d := u.findDevice(serial); d != nil {
		d.ahead = ahead
	}
}

// Code returns the six digits that the device shows now, "" for a device that shows none.
func (u *User) Code(serial string) string { return u.CodeAgo(serial, 0) }

// CodeAgo returns the six digits that the device showed some time ago.
func (u *User) CodeAgo(serial string, ago time.Duration) string {
	defer u.c.lockAndSettle()()
	d := u.findDevice(serial)
	switch {
	case d == nil:
		return ""
	case d.seed == nil:
		return d.fixed
	}
	return codeAt(d.seed, periodOf(u.c.opt.Now().Add(u.c.skew+d.ahead-ago)))
}

func (u *User) findDevice(serial string) *device {
	i := slices.IndexFunc(u.devices, func(d *device) bool { return d.serial == serial })
	if i < 0 {
		return nil
	}
	return u.devices[i]
}

func periodOf(t time.Time) int64 { return t.Unix() / int64(codePeriod/time.Second) }

// codeAt returns the code of a period. Source: RFC 4226, 5.3, and RFC 6238, 4.2.
func codeAt(seed []byte, period int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(period))
	mac := hmac.New(sha1.New, seed)
	_, _ = mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff)%1_000_000)
}

// accept reports whether the device takes the code at time t, by AWS's clock. A device
// takes each code once, and none of an earlier period afterwards.
// Source: IAM user guide, "Troubleshoot MFA": each code can be used once.
func (d *device) accept(code string, t time.Time) bool {
	if d.seed == nil {
		return d.fixed != "" && code == d.fixed
	}
	for period := periodOf(t) - codeDrift; period <= periodOf(t)+codeDrift; period++ {
		if period > d.last && codeAt(d.seed, period) == code {
			d.last = period
			return true
		}
	}
	return false
}

var codeShape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d{6}$`) })

// checkMFACode reports whether the session counts as opened with MFA. The texts of the
// refusals come from reports, not from a recording.
func (x *exchange) checkMFACode() (mfa bool, r *refusal) {
	serial, code := x.params.Get("SerialNumber"), x.params.Get("TokenCode")
	switch {
	case serial == "" && code == "":
		return false, nil
	case serial == "" || code == "":
		return false, newRefusal(403, "AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	case !codeShape().MatchString(code):
		return false, validationError("Value at 'tokenCode' failed to satisfy constraint: Member must have length greater than or equal to 6")
	}
	switch d := x.caller.user.findDevice(serial); {
	case d == nil || d.seed == nil && d.fixed == "":
		return false, newRefusal(403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	case !d.accept(code, x.t.Add(x.c.skew)):
		return false, newRefusal(403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	}
	return true, nil
}

func (x *exchange) listMFADevices() ([]node, *refusal) {
	u, r := x.findUser()
	if r != nil {
		return nil, r
	}
	start, end, r := x.cutPage(len(u.devices))
	if r != nil {
		return nil, r
	}
	var members []node
	for _, d := range u.devices[start:end] {
		members = append(members, branch("member",
			leaf("UserName", u.name), leaf("SerialNumber", d.serial), leaf("EnableDate", x.formatDate(d.enabled))))
	}
	result := []node{branch("MFADevices", members...), leaf("IsTruncated", strconv.FormatBool(end < len(u.devices)))}
	if end < len(u.devices) {
		result = append(result, leaf("Marker", strconv.Itoa(end)))
	}
	return result, nil
}

// GuardWithMFA attaches the policies of AWS's guide with which a user manages its own
// keys and devices, and may do nothing else without MFA: everything on itself is allowed,
// and DenyAllExceptListedIfNoMFA denies what does not open a session with MFA.
// Source: IAM user guide, "Allows MFA-authenticated IAM users to manage their own
// credentials on the Security credentials page".
func (u *User) GuardWithMFA() error {
	return u.AllowPolicy(`{"Version": "2012-10-17", "Statement": [
		{"Sid": "AllowManageOwn", "Effect": "Allow", "Action": "*", "Resource": "*"},
		{"Sid": "DenyAllExceptListedIfNoMFA", "Effect": "Deny", "NotAction": ["iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser",
			"iam:GetMFADevice", "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken"], "Resource": "*",
			"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]}`)
}
