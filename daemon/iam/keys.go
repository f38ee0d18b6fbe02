package iam

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// Status is what IAM says of a key. A status that this version does not know
// is kept as AWS spelt it, and is not usable.
type Status string

// The statuses that IAM knows.
// Source: IAM API reference, UpdateAccessKey; the SDK's model for Expired.
const (
	Active   Status = "Active"
	Inactive Status = "Inactive"
	Expired  Status = "Expired"
)

// Usable reports whether a key of this status signs requests.
func (s Status) Usable() bool { return s == Active }

// KeyInfo is one access key as ListAccessKeys shows it.
type KeyInfo struct {
	ID      string
	Status  Status
	Created time.Time // server time; differs by up to 2 s from what CreateAccessKey said; zero when not given
	User    string
}

// Listing is the access keys of one user at one moment.
type Listing struct {
	Keys   []KeyInfo     // as ordered by IAM
	Date   time.Time     // the server's clock, whole seconds; zero when the answer had none
	Offset time.Duration // server clock minus Options.Now, right to half the trip and half a second
}

// ListKeys returns all access keys of user, over all pages. IAM is eventually
// consistent: a key that was just made may be missing, one that was just
// deleted may still be there, and two answers in a row may differ either way.
// There can be more keys than the quota of two.
func (c *Client) ListKeys(ctx context.Context, user string) (Listing, error) {
	k := &call{name: "ListAccessKeys"}
	var l Listing
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		var err error
		l.Keys, err = c.listPages(ctx, user)
		return err
	})
	if err != nil {
		return Listing{}, err
	}
	l.Date, l.Offset = k.date, k.offset
	return l, nil
}

func (c *Client) listPages(ctx context.Context, user string) ([]KeyInfo, error) {
	var keys []KeyInfo
	var marker *string
	for range 100 {
		out, err := c.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &user, Marker: marker})
		if err != nil {
			return nil, err
		}
		for _, m := range out.AccessKeyMetadata {
			info := KeyInfo{
				ID: aws.ToString(m.AccessKeyId), Status: Status(m.Status),
				Created: aws.ToTime(m.CreateDate), User: aws.ToString(m.UserName),
			}
			if info.ID == "" {
				return nil, &answerError{"the answer lists a key without id"}
			}
			keys = append(keys, info)
		}
		if !out.IsTruncated {
			return keys, nil
		}
		next := aws.ToString(out.Marker)
		if next == "" || next == aws.ToString(marker) {
			break
		}
		marker = &next
	}
	return nil, &answerError{"the list of keys does not end"}
}

// SetStatus makes a key Active or Inactive. It may be repeated. The change
// takes some seconds to reach every region.
func (c *Client) SetStatus(ctx context.Context, user, id string, s Status) error {
	k := &call{name: "UpdateAccessKey", mutates: true}
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
			UserName: &user, AccessKeyId: &id, Status: types.StatusType(s),
		})
		return err
	})
}

// DeleteKey deletes a key for good. A key that does not exist is an error of
// class NoSuch; whether that is success is for the caller to say.
func (c *Client) DeleteKey(ctx context.Context, user, id string) error {
	k := &call{name: "DeleteAccessKey", mutates: true}
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &id})
		return err
	})
}

// LastUsed returns the last use of the key id. AWS shows a use late (minutes,
// up to four hours by its documentation) and only the first of several within
// 15 minutes; keyd's own calls count. A key that does not exist is answered
// with class Denied, as recorded against AWS.
func (c *Client) LastUsed(ctx context.Context, id string) (remote.Use, error) {
	k := &call{name: "GetAccessKeyLastUsed"}
	var use remote.Use
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.iam.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &id})
		if err != nil {
			return err
		}
		if out.AccessKeyLastUsed == nil {
			return &answerError{"the answer lacks the last use"}
		}
		last := out.AccessKeyLastUsed
		use = remote.Use{At: aws.ToTime(last.LastUsedDate), Service: valueOrNone(last.ServiceName), Region: valueOrNone(last.Region)}
		return nil
	})
	return use, err
}

// valueOrNone returns *s, or "" for IAM's N/A.
func valueOrNone(s *string) string {
	if v := aws.ToString(s); v != "N/A" {
		return v
	}
	return ""
}

// Created is a new access key.
type Created struct {
	Key  credfile.Key
	At   time.Time // CreateDate, or Date when AWS left it out
	Date time.Time // the server's clock at the answer, whole seconds; zero when unknown
}

// CreateKey makes a new access key for user. It sends one request and never
// repeats it, since each repetition makes another key.
//
// Only a complete, well-shaped, Active pair of this user is success. After an
// error with Definite() false a key may exist whose secret nobody has: list and
// reconcile before anything else. Created.Key.ID is then set if the answer
// named one, as a help for that, never the secret.
// Source: IAM API reference, CreateAccessKey (no idempotency token).
func (c *Client) CreateKey(ctx context.Context, user string) (Created, error) {
	k := &call{name: "CreateAccessKey", mutates: true, once: true}
	var created Created
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user}, func(o *iam.Options) {
			o.Retryer = aws.NopRetryer{}
		})
		if err != nil {
			return err
		}
		created, err = checkCreated(out.AccessKey, user)
		return err
	})
	created.Date = k.date
	if err == nil && created.At.IsZero() {
		created.At = k.date
	}
	return created, err
}

func checkCreated(a *types.AccessKey, user string) (Created, error) {
	if a == nil {
		return Created{}, &answerError{"the answer holds no key"}
	}
	key := credfile.Key{ID: aws.ToString(a.AccessKeyId), Secret: credfile.NewSecret(aws.ToString(a.SecretAccessKey))}
	named := Created{Key: credfile.Key{ID: key.ID}}
	switch {
	case key.ID == "" || key.Secret.IsZero():
		return named, &answerError{"the answer holds half a pair"}
	case key.Check() != nil:
		return named, &answerError{"the answer holds a pair that has not the shape of an access key"}
	case aws.ToString(a.UserName) != user:
		return named, &answerError{"the answer holds a key of another user"}
	case a.Status != types.StatusTypeActive:
		return named, &answerError{"the answer holds a key that is not active"}
	}
	return Created{Key: key, At: aws.ToTime(a.CreateDate)}, nil
}

// Describe sets the description of a key that the console shows: a tag on the
// user whose name is the key id. Characters that a tag cannot hold become "-";
// text beyond 256 characters is cut. A user has 50 tags at most, so undescribe
// a key that is deleted.
// Source: IAM API reference, Tag; IAM user guide, "Managing access keys".
func (c *Client) Describe(ctx context.Context, user, id, text string) error {
	k := &call{name: "TagUser", mutates: true}
	value := tagValue(text)
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.TagUser(ctx, &iam.TagUserInput{UserName: &user, Tags: []types.Tag{{Key: &id, Value: &value}}})
		return err
	})
}

// Undescribe removes the description of a key. It is no error when there is
// none.
func (c *Client) Undescribe(ctx context.Context, user, id string) error {
	k := &call{name: "UntagUser", mutates: true}
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: &user, TagKeys: []string{id}})
		return err
	})
}

// tagValue makes text a tag value: letters, digits, spaces and _.:/=+-@.
func tagValue(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.Z, unicode.N) || strings.ContainsRune("_.:/=+-@", r) {
			return r
		}
		return '-'
	}, text))
	return string(runes[:min(len(runes), 256)])
}
