package iam_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// An identity is believed only when its parts fit together.
func TestCallerIdentityFitsTogether(t *testing.T) {
	const account = "123456789012"
	for _, test := range []struct {
		arn, id string
		want    remote.Identity
	}{
		{"arn:aws:iam::123456789012:user/Bob", "AIDA1", remote.Identity{Partition: "aws", User: "Bob", IsUser: true}},
		{"arn:aws-cn:iam::123456789012:user/eng/berlin/Carol", "AIDA1", remote.Identity{Partition: "aws-cn", User: "Carol", IsUser: true}},
		{"arn:aws:iam::123456789012:user/a+b=c,d.e@f-g_h", "AIDA1", remote.Identity{Partition: "aws", User: "a+b=c,d.e@f-g_h", IsUser: true}},
		{"arn:aws:iam::123456789012:root", account, remote.Identity{Partition: "aws", Root: true}},
		{"arn:aws:sts::123456789012:assumed-role/r/session", "AROA1:session", remote.Identity{Partition: "aws"}},
		{"arn:aws:sts::123456789012:federated-user/root", "1:x", remote.Identity{Partition: "aws"}},
		{"arn:aws:sts::123456789012:user/moto", "AKIA1", remote.Identity{Partition: "aws"}},
	} {
		test.want.Account, test.want.ARN, test.want.UserID = account, test.arn, test.id
		got, err := client(t, answers(body(200, identityXML(account, test.arn, test.id))), aws()).CallerIdentity(t.Context(), "")
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v", test.arn, got, err)
		}
	}
	for name, text := range map[string]string{
		"account of another ARN": identityXML("210987654321", "arn:aws:iam::123456789012:user/Bob", "AIDA1"),
		"account with a letter":  identityXML("12345678901x", "arn:aws:iam::12345678901x:user/Bob", "AIDA1"),
		"no account":             identityXML("", "arn:aws:iam:::user/Bob", "AIDA1"),
		"no ARN":                 identityXML(account, "", "AIDA1"),
		"no user id":             identityXML(account, "arn:aws:iam::123456789012:user/Bob", ""),
		"user without a name":    identityXML(account, "arn:aws:iam::123456789012:user/eng/", "AIDA1"),
		"no partition":           identityXML(account, "arn::iam::123456789012:user/Bob", "AIDA1"),
		"no fields":              document("GetCallerIdentity", " "),
	} {
		if got, err := client(t, answers(body(200, text)), aws()).CallerIdentity(t.Context(), ""); iam.ClassOf(err) != iam.Ambiguous || err == nil || got != (remote.Identity{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// A list spans all pages and keeps unknown statuses and absent fields.
func TestListKeysReadsAllPages(t *testing.T) {
	member := func(id, rest string) string {
		return "<member><AccessKeyId>" + id + "</AccessKeyId>" + rest + "</member>"
	}
	created := time.Date(2026, 11, 23, 0, 40, 3, 0, time.UTC)
	w := answers(
		body(200, listXML(member("AKIAIOSFODNN7EXAMP1", "<Status>Active</Status><UserName>Bob</UserName><CreateDate>2026-11-23T00:40:03Z</CreateDate>")+
			member("AKIAIOSFODNN7EXAMP2", "<Status>Inactive</Status><CreateDate>2026-11-23T00:40:03.411Z</CreateDate>"), "<IsTruncated>true</IsTruncated><Marker>m1</Marker>")),
		body(200, listXML(member("AKIAIOSFODNN7EXAMP3", "<Status>Expired</Status><CreateDate>2026-11-23T00:40:03.123456Z</CreateDate>"), "<IsTruncated>true</IsTruncated><Marker>m2</Marker>")),
		body(200, listXML(member("AKIAIOSFODNN7EXAMP4", "<Status>Suspended</Status>")+member("AKIAIOSFODNN7EXAMP5", ""), "")),
	)
	l, err := client(t, w, aws()).ListKeys(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	want := []iam.KeyInfo{
		{ID: "AKIAIOSFODNN7EXAMP1", Status: iam.Active, Created: created, User: "Bob"},
		{ID: "AKIAIOSFODNN7EXAMP2", Status: iam.Inactive, Created: created.Add(411 * time.Millisecond)},
		{ID: "AKIAIOSFODNN7EXAMP3", Status: iam.Expired, Created: created.Add(123456 * time.Microsecond)},
		{ID: "AKIAIOSFODNN7EXAMP4", Status: "Suspended"},
		{ID: "AKIAIOSFODNN7EXAMP5"},
	}
	if !slices.Equal(l.Keys, want) {
		t.Errorf("got  %v\nwant %v", l.Keys, want)
	}
	for _, k := range l.Keys {
		if k.Status.Usable() != (k.ID == "AKIAIOSFODNN7EXAMP1") {
			t.Errorf("%s is usable: %t", k.Status, k.Status.Usable())
		}
	}
	if l.Date.IsZero() || l.Offset.Abs() > 2*time.Second {
		t.Errorf("date %v, offset %s", l.Date, l.Offset)
	}
	for i, marker := range []string{"", "m1", "m2"} {
		if f := w.got[i].form; f.Get("Marker") != marker || f.Get("UserName") != user {
			t.Errorf("page %d was asked with %v", i, f)
		}
	}
}

// An answer that could make an existing key look absent is an error.
func TestListKeysRefusesIncompleteLists(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                    "",
		"no result":                document("ListAccessKeys", ""),
		"key without an id":        listXML("<member><Status>Active</Status></member>", ""),
		"page after page":          listXML("", "<IsTruncated>true</IsTruncated><Marker>same</Marker>"),
		"next page without marker": listXML("", "<IsTruncated>true</IsTruncated>"),
		"bad date":                 listXML("<member><AccessKeyId>A</AccessKeyId><CreateDate>soon</CreateDate></member>", ""),
		"web page":                 "<html><body>sign in</body></html>",
		"truncated":                listXML("", "")[:150],
	} {
		synctest.Test(t, func(t *testing.T) {
			l, err := client(t, answers(body(200, text)), aws()).ListKeys(t.Context(), user)
			if err == nil || iam.ClassOf(err) != iam.Ambiguous || len(l.Keys) != 0 {
				t.Errorf("%s: got %v, %v", name, l, err)
			}
		})
	}
}

// The SDK ignores the body of the answer when a call returns nothing. A captive
// portal's page must not count as a deactivated or deleted key.
func TestCallsWithoutResultRequireAnAnswerOfAWS(t *testing.T) {
	calls := map[string]func(context.Context, *iam.Client) error{
		"UpdateAccessKey": func(ctx context.Context, c *iam.Client) error { return c.SetStatus(ctx, user, oldID, iam.Inactive) },
		"DeleteAccessKey": func(ctx context.Context, c *iam.Client) error { return c.DeleteKey(ctx, user, oldID) },
		"TagUser": func(ctx context.Context, c *iam.Client) error {
			return c.DescribeKey(ctx, user, oldID, "keyd on laptop")
		},
		"UntagUser": func(ctx context.Context, c *iam.Client) error { return c.UndescribeKey(ctx, user, oldID) },
	}
	for action, call := range calls {
		whole := document(action, "")
		for name, text := range map[string]string{
			"web page": "<!doctype html><title>Sign in</title>", "empty": "", "blank": " \n", "truncated": whole[:len(whole)-5], "another answer": document("Other", ""),
		} {
			synctest.Test(t, func(t *testing.T) {
				w := answers(body(200, text))
				err := call(t.Context(), client(t, w, aws()))
				if e, ok := errors.AsType[*iam.Error](err); !ok || e.Definite() || e.Class != iam.Ambiguous || e.Call != action {
					t.Errorf("%s, %s: got %v", action, name, err)
				}
				if len(w.got) != 3 {
					t.Errorf("%s, %s: %d requests, want 3", action, name, len(w.got))
				}
			})
		}
		w := answers(body(200, whole))
		if err := call(t.Context(), client(t, w, aws())); err != nil || w.got[0].form.Get("Action") != action || w.got[0].form.Get("UserName") != user {
			t.Errorf("%s: %v, asked with %v", action, err, w.got[0].form)
		}
	}
}

// A call that may be repeated survives lost answers; a refused call is not
// repeated.
func TestRetriesOnlyWhatMayPass(t *testing.T) {
	fine := body(200, listXML("", "<IsTruncated>false</IsTruncated>"))
	for name, test := range map[string]struct {
		first    answer
		requests int
	}{
		"lost":        {fails(io.EOF), 3},
		"500":         {refusal(500, "ServiceFailure", ""), 3},
		"503":         {body(503, ""), 3},
		"throttled":   {refusal(400, "Throttling", "Rate exceeded"), 3},
		"denied":      {refusal(403, "AccessDenied", ""), 1},
		"replicating": {refusal(409, "LimitExceeded", "updates awaiting replication"), 1},
		"young key":   {refusal(403, "InvalidClientTokenId", ""), 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := answers(test.first, test.first, fine)
			_, err := client(t, w, aws()).ListKeys(t.Context(), user)
			if (err == nil) != (test.requests == 3) || len(w.got) != test.requests {
				t.Errorf("%s: got %v after %d requests", name, err, len(w.got))
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s: took %s", name, took)
			}
		})
	}
}

// A key that was never used has no last use.
func TestLastUsedReportsUseOrNone(t *testing.T) {
	used := func(inner string) string {
		return document("GetAccessKeyLastUsed", "<UserName>Bob</UserName><AccessKeyLastUsed>"+inner+"</AccessKeyLastUsed>")
	}
	for _, test := range []struct {
		text string
		want remote.Use
	}{
		{used("<Region>us-west-2</Region><LastUsedDate>2015-03-13T10:45:00Z</LastUsedDate><ServiceName>s3</ServiceName>"),
			remote.Use{At: time.Date(2015, 3, 13, 10, 45, 0, 0, time.UTC), Service: "s3", Region: "us-west-2"}},
		{used("<ServiceName>N/A</ServiceName><Region>N/A</Region>"), remote.Use{}},
		{used(""), remote.Use{}},
	} {
		w := answers(body(200, test.text))
		use, err := client(t, w, aws()).LastUsed(t.Context(), oldID, "")
		if err != nil || use != test.want || w.got[0].form.Has("UserName") {
			t.Errorf("got %+v, %v", use, err)
		}
	}
	if _, err := client(t, answers(body(200, document("GetAccessKeyLastUsed", "<UserName>Bob</UserName>"))), aws()).LastUsed(t.Context(), oldID, ""); err == nil {
		t.Error("an answer without a last use counts as never used")
	}
}

// A description is cut down to what a tag can hold.
func TestDescribeFitsATag(t *testing.T) {
	for text, want := range map[string]string{
		"keyd on laptop":         "keyd on laptop",
		"büro, 2. Stock (links)": "büro- 2. Stock -links-",
		"a\nb<c>":                "a-b-c-",
		strings.Repeat("é", 300): strings.Repeat("é", 256),
	} {
		w := answers(body(200, document("TagUser", "")))
		if err := client(t, w, aws()).DescribeKey(t.Context(), user, oldID, text); err != nil {
			t.Fatal(err)
		}
		if f := w.got[0].form; f.Get("Tags.member.1.Key") != oldID || f.Get("Tags.member.1.Value") != want {
			t.Errorf("%.20q: asked with %v", text, f)
		}
	}
}

// Descriptions are the tags that are named after a key, over all pages. A list without an end
// is no answer.
func TestDescriptionsAreTheTagsOfKeys(t *testing.T) {
	page := func(key, value, rest string) answer {
		return body(200, document("ListUserTags", "<Tags><member><Key>"+key+"</Key><Value>"+value+"</Value></member></Tags>"+rest))
	}
	more := "<IsTruncated>true</IsTruncated><Marker>m</Marker>"
	got, err := client(t, answers(page("team", "x", more), page(oldID, "keyd  laptop", more), page(newID, "mine", "<IsTruncated>false</IsTruncated>")), aws()).Descriptions(t.Context(), user)
	if err != nil || len(got) != 2 || got[oldID] != "keyd laptop" || got[newID] != "mine" {
		t.Errorf("%q, %v", got, err)
	}
	endless := make([]answer, 20)
	for i := range endless {
		endless[i] = page(oldID, "x", more)
	}
	if got, err := client(t, answers(endless...), aws()).Descriptions(t.Context(), user); err == nil {
		t.Errorf("a list without an end is %q", got)
	}
	if _, err := client(t, answers(refusal(403, "AccessDenied", "no")), aws()).Descriptions(t.Context(), user); iam.ClassOf(err) != iam.Denied {
		t.Error(err)
	}
}

// FuzzAnswers checks that no body crashes a call or passes for an answer to it
// that it is not.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{"", "<html>", listXML("<member><AccessKeyId>A</AccessKeyId></member>", ""), identityXML("123456789012", "arn:aws:iam::123456789012:user/Bob", "AIDA1"), document("DeleteAccessKey", ""), refusalXML("NoSuchEntity", "x")} {
		f.Add(200, text)
		f.Add(403, text)
	}
	f.Fuzz(func(t *testing.T, status int, text string) {
		synctest.Test(t, func(t *testing.T) {
			c := client(t, answers(func(r *http.Request) (*http.Response, error) { return body(status, text)(r) }), aws())
			if l, err := c.ListKeys(t.Context(), user); err == nil && !strings.Contains(text, "ListAccessKeysResult") {
				t.Errorf("listed %v", l)
			}
			if id, err := c.CallerIdentity(t.Context(), ""); err == nil && (len(id.Account) != 12 || id.IsUser == (id.User == "")) {
				t.Errorf("identified %+v", id)
			}
			if err := c.DeleteKey(t.Context(), user, oldID); err == nil && !strings.Contains(text, "DeleteAccessKeyResponse") {
				t.Error("deleted")
			} else if err != nil && fmt.Sprint(err) == "" {
				t.Error("an error without a message")
			}
		})
	})
}

// TestAnswerAboutAnotherUserIsRefused: an endpoint that answers for another user than it
// was asked about is not where the key lives.
func TestAnswerAboutAnotherUserIsRefused(t *testing.T) {
	listed := document("ListAccessKeys", "<IsTruncated>false</IsTruncated><AccessKeyMetadata><member><UserName>Bob</UserName><AccessKeyId>"+oldID+"</AccessKeyId><Status>Active</Status><CreateDate>2015-03-13T10:45:00Z</CreateDate></member></AccessKeyMetadata>")
	used := document("GetAccessKeyLastUsed", "<UserName>Bob</UserName><AccessKeyLastUsed></AccessKeyLastUsed>")
	for asked, want := range map[string]bool{"Bob": true, "bob": true, "Eve": false} {
		if _, err := client(t, answers(body(200, listed)), aws()).ListKeys(t.Context(), asked); (err == nil) != want {
			t.Errorf("a list of Bob's keys for %s: %v", asked, err)
		}
		if _, err := client(t, answers(body(200, used)), aws()).LastUsed(t.Context(), oldID, asked); (err == nil) != want {
			t.Errorf("the use of Bob's key for %s: %v", asked, err)
		}
	}
}
