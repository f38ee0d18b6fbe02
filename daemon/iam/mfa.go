package iam

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// SessionLimit is the longest time for which a session of an IAM user can be opened.
// Source: STS API reference, GetSessionToken: 129,600 seconds.
const SessionLimit = 36 * time.Hour

// Session is temporary credentials of a user that were opened with an MFA code. IAM
// accepts them like the user's key, and policies that ask for MFA let them pass. Key.Secret
// and Token are secrets.
type Session struct {
	Key     credfile.Key    // its id begins with ASIA
	Token   credfile.Secret // sent with each request
	Expires time.Time       // by this machine's clock
}

// OpenSession opens a session of the client's user, for SessionLimit. serial is the
// device: the ARN of a virtual one, or the serial number of a hardware one. code is the six
// digits that it shows.
//
// The call is sent once, because AWS accepts no code twice: after a lost answer the code
// is used up. A wrong or used code is an error with DenialCode; a device that is not this
// user's, or that shows no codes, is one with DenialDevice.
// Source: STS API reference, GetSessionToken.
func (c *Client) OpenSession(ctx context.Context, region, serial, code string) (Session, error) {
	if !remote.IsMFACode(code) {
		return Session{}, fmt.Errorf("iam: an MFA code has six digits")
	}
	k := &call{name: "GetSessionToken", once: true}
	var s Session
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		in := &sts.GetSessionTokenInput{SerialNumber: &serial, TokenCode: &code, DurationSeconds: new(int32(SessionLimit / time.Second))}
		out, err := c.sts.GetSessionToken(ctx, in, func(o *sts.Options) {
			o.Retryer = aws.NopRetryer{}
			if region != "" {
				o.Region = region
			}
		})
		if err != nil {
			return err
		}
		got := out.Credentials
		if got == nil || !keyIDShape.matches(aws.ToString(got.AccessKeyId)) || aws.ToString(got.SecretAccessKey) == "" || aws.ToString(got.SessionToken) == "" || got.Expiration == nil {
			return &answerError{"the answer lacks a part of the session"}
		}
		s.Key = credfile.Key{ID: *got.AccessKeyId, Secret: credfile.NewSecret(*got.SecretAccessKey)}
		s.Token, s.Expires = credfile.NewSecret(*got.SessionToken), got.Expiration.Add(-k.offset)
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// WithSession returns a client whose calls to IAM are signed with the session, but for
// ListDevices. Its calls to STS, which tell whether a key works, are still signed with the
// key of c. The new client shares c's transport and clock.
func (c *Client) WithSession(s Session) *Client {
	twin := *c
	signed := &signer{v4: c.signer.v4, clock: c.clock, key: s.Key, token: s.Token}
	twin.iam, _ = c.connectSDK(signed, &wire{http: c.opt.HTTP, clock: c.clock, onSend: c.opt.OnSend}, appID(c.opt.App, c.opt.Installation))
	twin.session = s.Key.ID
	return &twin
}

// Device is an MFA device of a user.
type Device struct{ Serial string }

// ShowsCodes reports whether the device shows codes, see remote.ShowsCodes.
func (d Device) ShowsCodes() bool { return remote.ShowsCodes(d.Serial) }

// deviceShape is that of a serial number, which people paste and read.
// Source: IAM API reference, MFADevice (9 to 256 characters).
var deviceShape = newShape(6, 256, word+"=/:,.@+-")

// ListDevices returns the MFA devices of user. The call is signed with the client's key,
// also when the client has a session: AWS's guards for MFA leave it open, so that it tells
// whether IAM knows the key.
func (c *Client) ListDevices(ctx context.Context, user string) ([]Device, error) {
	k := &call{name: "ListMFADevices", bare: true}
	var devices []Device
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.bareIAM.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: &user})
		if err != nil {
			return err
		}
		for _, d := range out.MFADevices {
			if err := checkUser(aws.ToString(d.UserName), user); err != nil {
				return err
			}
			serial := aws.ToString(d.SerialNumber)
			if !deviceShape.matches(serial) {
				return &answerError{"the answer lists an MFA device without a serial number"}
			}
			devices = append(devices, Device{serial})
		}
		return nil
	})
	return devices, err
}

// Profile is what GetUser tells about a user, as far as keyd needs it.
type Profile struct {
	Created     time.Time // of the user: none of its keys is older; zero when AWS left it out
	Description string    // what the console shows for the key that was asked about; "" when it has none
}

// DescribeUser returns when user was created, and how the key id is described. AWS's guards
// for MFA leave the call open.
func (c *Client) DescribeUser(ctx context.Context, user, id string) (Profile, error) {
	k := &call{name: "GetUser"}
	var p Profile
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.iam.GetUser(ctx, &iam.GetUserInput{UserName: &user})
		if err != nil {
			return err
		}
		if out.User == nil {
			return &answerError{"the answer holds no user"}
		}
		if err := checkUser(aws.ToString(out.User.UserName), user); err != nil {
			return err
		}
		p.Created = aws.ToTime(out.User.CreateDate)
		if i := slices.IndexFunc(out.User.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == id }); i >= 0 {
			p.Description = cleanText(aws.ToString(out.User.Tags[i].Value), longestWord)
		}
		return nil
	})
	return p, err
}
