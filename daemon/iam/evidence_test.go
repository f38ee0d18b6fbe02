package iam_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// Every call that changes something leaves a receipt, whatever became of it, with
// AWS's request id and date. Calls that only read leave none.
func TestChangesLeaveReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		done := remote.Receipt{RequestID: "7a62c49f", Date: now, Region: "us-east-1", Endpoint: "iam.amazonaws.com", KeyID: oldID, SignedBy: oldID, Outcome: remote.Done}
		for name, test := range map[string]struct {
			call   func(context.Context, *iam.Client) error
			answer answer
			want   func(*remote.Receipt) // how the receipt differs from done; nil: there is none
		}{
			"created": {func(ctx context.Context, c *iam.Client) error { _, err := c.CreateKey(ctx, user); return err },
				named(body(200, createdXML())), func(r *remote.Receipt) { r.Call, r.KeyID = "CreateAccessKey", newID }},
			"created, answer without a secret": {func(ctx context.Context, c *iam.Client) error { _, err := c.CreateKey(ctx, user); return err },
				named(body(200, document("CreateAccessKey", keyXML(user, newID, "Active", "")))), func(r *remote.Receipt) {
					r.Call, r.KeyID, r.Outcome = "CreateAccessKey", newID, remote.Unknown
				}},
			"deactivated": {func(ctx context.Context, c *iam.Client) error { return c.SetStatus(ctx, user, oldID, iam.Inactive) },
				named(body(200, document("UpdateAccessKey", ""))), func(r *remote.Receipt) { r.Call = "UpdateAccessKey" }},
			"deleted": {func(ctx context.Context, c *iam.Client) error { return c.DeleteKey(ctx, user, oldID) },
				named(body(200, document("DeleteAccessKey", ""))), func(r *remote.Receipt) { r.Call = "DeleteAccessKey" }},
			"described": {func(ctx context.Context, c *iam.Client) error { return c.DescribeKey(ctx, user, oldID, "x") },
				named(body(200, document("TagUser", ""))), func(r *remote.Receipt) { r.Call = "TagUser" }},
			"refused": {func(ctx context.Context, c *iam.Client) error { return c.DeleteKey(ctx, user, oldID) },
				refusal(403, "AccessDenied", "no"), func(r *remote.Receipt) {
					r.Call, r.RequestID, r.Outcome, r.Code = "DeleteAccessKey", "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE", remote.Refused, "AccessDenied"
				}},
			"lost": {func(ctx context.Context, c *iam.Client) error { _, err := c.CreateKey(ctx, user); return err },
				fails(io.EOF), func(r *remote.Receipt) {
					r.Call, r.KeyID, r.RequestID, r.Date, r.Outcome = "CreateAccessKey", "", "", time.Time{}, remote.Unknown
				}},
			"listed": {func(ctx context.Context, c *iam.Client) error { _, err := c.ListKeys(ctx, user); return err },
				body(200, listXML("", "<IsTruncated>false</IsTruncated>")), nil},
		} {
			var got []remote.Receipt
			c, err := iam.New(oldKey(), aws(), iam.Options{HTTP: answers(test.answer), OnReceipt: func(r remote.Receipt) { got = append(got, r) }})
			if err != nil {
				t.Fatal(err)
			}
			_ = test.call(t.Context(), c)
			if test.want == nil {
				if len(got) != 0 {
					t.Errorf("%s: %+v", name, got)
				}
				continue
			}
			want := done
			test.want(&want)
			if len(got) != 1 || got[0] != want {
				t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
			}
		}
	})
}

// named adds the request id that AWS sends in a header of its successes.
func named(a answer) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := a(r)
		resp.Header.Set("X-Amzn-Requestid", "7a62c49f")
		return resp, err
	}
}

// Every call tells whether its endpoint answered. A web page is no answer of it.
func TestTripsTellWhoAnswered(t *testing.T) {
	synctest.Test(t, checkTrips)
}

func checkTrips(t *testing.T) {
	for name, test := range map[string]struct {
		answer   answer
		answered bool
	}{
		"success": {body(200, listXML("", "<IsTruncated>false</IsTruncated>")), true},
		"refusal": {refusal(403, "AccessDenied", "no"), true},
		"no name": {fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}), false},
		"portal":  {body(200, "<html>"), false},
	} {
		var got []remote.Trip
		c, err := iam.New(oldKey(), aws(), iam.Options{HTTP: answers(test.answer), OnTrip: func(r remote.Trip) { got = append(got, r) }})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.ListKeys(t.Context(), user)
		if len(got) != 1 || got[0].Endpoint != "iam.amazonaws.com" || got[0].Answered != test.answered {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The difference of the clocks is as exact as the quickest answer, and the truth lies
// within what is claimed. An answer that contradicts it counts: a clock has been set.
func TestClockIsKnownAsWellAsTheTripWasQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := 3 * time.Second
		serve := func(there, back time.Duration) answer {
			return func(r *http.Request) (*http.Response, error) {
				time.Sleep(there)
				resp, err := body(200, listXML("", "<IsTruncated>false</IsTruncated>"))(r)
				resp.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
				time.Sleep(back)
				return resp, err
			}
		}
		w := answers(serve(0, 5*time.Second), serve(5*time.Second, 0), serve(100*time.Millisecond, 100*time.Millisecond), serve(4*time.Second, 0))
		c := client(t, w, aws())
		for i, most := range []time.Duration{3500 * time.Millisecond, 3500 * time.Millisecond, 1100 * time.Millisecond, 1100 * time.Millisecond} {
			time.Sleep(time.Duration(i) * 370 * time.Millisecond)
			l, err := c.ListKeys(t.Context(), user)
			if err != nil || l.Within != most || (l.Offset-ahead).Abs() > l.Within || l.Clock() != (remote.Clock{Offset: l.Offset, Within: l.Within}) {
				t.Errorf("answer %d: %v, %s within %s, want %s within %s", i, err, l.Offset, l.Within, ahead, most)
			}
		}
		ahead = time.Minute
		if l, err := c.ListKeys(t.Context(), user); err != nil || (l.Offset-ahead).Abs() > l.Within || l.Within != 3*time.Second {
			t.Errorf("after the clock was set: %v, %s within %s", err, l.Offset, l.Within)
		}
	})
}

// The user agent names the installation, and nothing in it breaks the header.
func TestUserAgentNamesTheInstallation(t *testing.T) {
	for installation, want := range map[string]string{
		"": "app/keyd ", "0f3a9c": "app/keyd-0f3a9c ", "a b\r\nX: y/ü": "app/keyd-a-b--X--y-- ", strings.Repeat("x", 99): "app/keyd-" + strings.Repeat("x", 45) + " ",
	} {
		w := answers(body(200, listXML("", "<IsTruncated>false</IsTruncated>")))
		c, err := iam.New(oldKey(), aws(), iam.Options{HTTP: w, Installation: installation})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ListKeys(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		if agent := w.got[0].Header.Get("User-Agent") + " "; !strings.Contains(agent, want) {
			t.Errorf("%q: %q", installation, agent)
		}
	}
}
