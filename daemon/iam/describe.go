package iam

import (
	"context"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Describe sets the description of a key that the console shows: a tag on the
// user whose name is the key id. Characters that a tag cannot hold become "-";
// text beyond 256 characters is cut. A user has 50 tags at most, so undescribe
// a key that is deleted.
// Source: IAM API reference, Tag; IAM user guide, "Managing access keys".
func (c *Client) Describe(ctx context.Context, user, id, text string) error {
	k := &call{name: "TagUser", mutates: true}
	value := tagValue(text)
	return c.do(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.TagUser(ctx, &iam.TagUserInput{UserName: &user, Tags: []types.Tag{{Key: &id, Value: &value}}})
		return err
	})
}

// Undescribe removes the description of a key. It is no error when there is
// none.
func (c *Client) Undescribe(ctx context.Context, user, id string) error {
	k := &call{name: "UntagUser", mutates: true}
	return c.do(ctx, k, func(ctx context.Context) error {
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
