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

// Status is the status of a key in IAM. A status that this version does not
// know is kept as AWS spells it and counts as not usable.
type Status string

// The statuses in IAM's model.
// Source: IAM API reference, UpdateAccessKey; the SDK's model for Expired.
const (
	Active   Status = "Active"
	Inactive Status = "Inactive"
	Expired  Status = "Expired"
)

// Usable reports whether AWS accepts requests signed with a key of this status.
func (s Status) Usable() bool { return s == Active }

// KeyInfo describes one access key as ListAccessKeys shows it.
type KeyInfo struct {
	ID      string
	Status  Status
	Created time.Time // server time; up to 2 s away from what CreateAccessKey said; zero when AWS left it out
	User    string
}

// Listing holds the access keys of one user at one moment.
type Listing struct {
	Keys   []KeyInfo     // as ordered by IAM
	Date   time.Time     // the server's clock, whole seconds; zero when the answer had no date
	Offset time.Duration // server clock minus Options.Now, by the quickest of the client's answers so far
	Within time.Duration // how far Offset can be off in either direction; 0 when it was not measured
}

// Clock returns what the listing says of the two clocks.
func (l *Listing) Clock() remote.Clock { return remote.Clock{Offset: l.Offset, Within: l.Within} }

// ListKeys returns all access keys of user, over all pages. IAM is eventually
// consistent: a new key may be missing, a deleted key may still be listed, and
// two lists in a row may differ in either direction. There can be more keys
// than the quota of two.
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
	best := c.clock.best()
	l.Date, l.Offset, l.Within = k.date, best.Offset, best.Within
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
			if err := info.check(c.idShape()); err != nil {
				return nil, err
			}
			if err := checkUser(info.User, user); err != nil {
				return nil, err
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

// checkUser returns an error if an answer is about another user than the question. IAM's
// names differ in more than their case.
func checkUser(answered, asked string) error {
	if answered == "" || asked == "" || strings.EqualFold(answered, asked) {
		return nil
	}
	return &answerError{"the answer is about a key of user " + cleanText(answered, longestWord) + ", and the question was about " + asked}
}

// check returns an error unless k looks like a key that AWS lists.
func (k *KeyInfo) check(id *shape) error {
	switch {
	case !id.matches(k.ID):
		return &answerError{"the answer lists a key without a well-formed id"}
	case k.Status != "" && !statusShape.matches(string(k.Status)):
		return &answerError{"the answer lists a key with a status that is none"}
	case k.User != "" && !userNameShape.matches(k.User):
		return &answerError{"the answer lists a key of a user whose name is none"}
	}
	return nil
}

// idShape returns what the id of a key looks like at the endpoints of the client.
func (c *Client) idShape() *shape {
	if c.elsewhere {
		return otherIDShape
	}
	return keyIDShape
}

// SetStatus makes a key Active or Inactive. Repeating it does no harm. The
// change takes some seconds to reach every region.
func (c *Client) SetStatus(ctx context.Context, user, id string, s Status) error {
	k := &call{name: "UpdateAccessKey", mutates: true, keyID: id}
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
			UserName: &user, AccessKeyId: &id, Status: types.StatusType(s),
		})
		return err
	})
}

// DeleteKey deletes a key permanently. A key that does not exist is an error of
// class NoSuch; the caller decides whether that counts as success.
func (c *Client) DeleteKey(ctx context.Context, user, id string) error {
	k := &call{name: "DeleteAccessKey", mutates: true, keyID: id}
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &id})
		return err
	})
}

// LastUsed returns the last use of the key id. AWS reports a use minutes later,
// up to four hours by its documentation, and of several uses within 15 minutes
// only the first. keyd's own calls count as uses. For a key that does not exist
// AWS answers with a refusal of class Denied, as recordings show.
//
// An answer that names another user than the given one is an error, and so is one to
// ListKeys: it does not come from where the key lives. "" stands for a user who is not
// known.
func (c *Client) LastUsed(ctx context.Context, id, user string) (remote.Use, error) {
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
		if err := checkUser(aws.ToString(out.UserName), user); err != nil {
			return err
		}
		last := out.AccessKeyLastUsed
		use = remote.Use{At: aws.ToTime(last.LastUsedDate), Service: valueOrNone(last.ServiceName), Region: valueOrNone(last.Region)}
		return nil
	})
	return use, err
}

// valueOrNone returns *s, fit to print, or "" where IAM says N/A.
func valueOrNone(s *string) string {
	if v := cleanText(aws.ToString(s), longestWord); v != "N/A" {
		return v
	}
	return ""
}

// CreatedKey is a new access key, with the only copy of its secret.
type CreatedKey struct {
	Key  credfile.Key
	At   time.Time // CreateDate; Date when AWS left it out
	Date time.Time // the server's clock when it answered, whole seconds; zero when unknown

	Clock remote.Clock // the difference between the two clocks, by the quickest of the client's answers so far
}

// CreateKey makes a new access key for user. It sends one request and never
// repeats it, because each repetition makes another key.
//
// Only a complete, well-shaped, Active pair of this user counts as success.
// After an error whose Definite method returns false, a key may exist whose
// secret is lost: list and reconcile before anything else. To help with that,
// Key.ID is set if the answer named a well-formed id. The secret is never set.
// Source: IAM API reference, CreateAccessKey (no idempotency token).
func (c *Client) CreateKey(ctx context.Context, user string) (CreatedKey, error) {
	k := &call{name: "CreateAccessKey", mutates: true, once: true}
	var created CreatedKey
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user}, func(o *iam.Options) {
			o.Retryer = aws.NopRetryer{}
		})
		if err != nil {
			return err
		}
		created, err = c.checkCreated(out.AccessKey, user)
		k.keyID = created.Key.ID
		return err
	})
	created.Date, created.Clock = k.date, c.clock.best()
	if err == nil && created.At.IsZero() {
		created.At = k.date
	}
	return created, err
}

func (c *Client) checkCreated(a *types.AccessKey, user string) (CreatedKey, error) {
	if a == nil {
		return CreatedKey{}, &answerError{"the answer holds no key"}
	}
	key := credfile.Key{ID: aws.ToString(a.AccessKeyId), Secret: credfile.NewSecret(aws.ToString(a.SecretAccessKey))}
	named := CreatedKey{}
	if c.idShape().matches(key.ID) {
		named.Key.ID = key.ID
	}
	switch {
	case key.ID == "" || key.Secret.IsZero():
		return named, &answerError{"the answer holds half a pair"}
	case !c.isShaped(key):
		return named, &answerError{"the answer holds a pair that has not the shape of an access key"}
	case aws.ToString(a.UserName) != user:
		return named, &answerError{"the answer holds a key of another user"}
	case a.Status != types.StatusTypeActive:
		return named, &answerError{"the answer holds a key that is not active"}
	}
	return CreatedKey{Key: key, At: aws.ToTime(a.CreateDate)}, nil
}

// isShaped reports whether a new pair has the shape of a key that keyd can keep: AWS's, or
// that of any other IAM where Options allow it and the endpoints are not AWS's.
func (c *Client) isShaped(key credfile.Key) bool {
	if c.elsewhere && c.opt.OtherShapes {
		return key.CheckOther() == nil
	}
	return key.Check() == nil
}

// DescribeKey sets the description that the console shows for a key: a tag on the
// user, named after the key id. Characters that a tag cannot hold become "-";
// text beyond 256 characters is cut. A user has at most 50 tags, so call
// Undescribe for a key that is deleted.
// Source: IAM API reference, Tag; IAM user guide, "Managing access keys".
func (c *Client) DescribeKey(ctx context.Context, user, id, text string) error {
	k := &call{name: "TagUser", mutates: true, keyID: id}
	value := tagValue(text)
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.TagUser(ctx, &iam.TagUserInput{UserName: &user, Tags: []types.Tag{{Key: &id, Value: &value}}})
		return err
	})
}

// UndescribeKey removes the description of a key. A key without a description is
// not an error.
func (c *Client) UndescribeKey(ctx context.Context, user, id string) error {
	k := &call{name: "UntagUser", mutates: true, keyID: id}
	return c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: &user, TagKeys: []string{id}})
		return err
	})
}

// Descriptions returns the descriptions that the console shows for the keys of a user, by
// key id: the tags of the user that are named after a key.
// Source: IAM API reference, ListUserTags.
func (c *Client) Descriptions(ctx context.Context, user string) (map[string]string, error) {
	k := &call{name: "ListUserTags"}
	found := map[string]string{}
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		var marker *string
		for range 10 { // a user has at most 50 tags
			out, err := c.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: &user, Marker: marker})
			if err != nil {
				return err
			}
			for _, tag := range out.Tags {
				if id := aws.ToString(tag.Key); c.idShape().matches(id) {
					found[id] = cleanText(aws.ToString(tag.Value), 256)
				}
			}
			if !out.IsTruncated {
				return nil
			}
			marker = out.Marker
		}
		return &answerError{"the list of tags does not end"}
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// tagValue turns text into a tag value, which holds letters, digits, spaces and
// _.:/=+-@ only.
func tagValue(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.Z, unicode.N) || strings.ContainsRune("_.:/=+-@", r) {
			return r
		}
		return '-'
	}, text))
	return string(runes[:min(len(runes), 256)])
}
