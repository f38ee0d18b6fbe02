package iam

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"keyd/credfile"
)

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
	err := c.do(ctx, k, func(ctx context.Context) error {
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
