package awssim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

func TestSignatureDateMayBeFifteenMinutesOff(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		time.Sleep(time.Until(time.Date(2026, 11, 23, 0, 41, 32, 0, time.UTC)))
		for _, tc := range []struct {
			ahead time.Duration // of the cloud's clock
			want  string        // the refusal, or empty
		}{
			{0, ""},
			{15 * time.Minute, ""},
			{-15 * time.Minute, ""},
			{15*time.Minute + time.Second, "Signature expired: 20261123T004132Z is now earlier than 20261123T004133Z (20261123T005633Z - 15 min.)"},
			{20 * time.Minute, "Signature expired: 20261123T004132Z is now earlier than 20261123T004632Z (20261123T010132Z - 15 min.)"},
			{-15*time.Minute - time.Second, "Signature not yet current: 20261123T004132Z is still later than 20261123T004131Z (20261123T002631Z + 15 min.)"},
		} {
			c.SkewDate(tc.ahead)
			r := old.call(t, "ListAccessKeys")
			if r.Message != tc.want || tc.want != "" && (r.Code != "SignatureDoesNotMatch" || r.status != 403) {
				t.Errorf("%v: %d %s %q, want %q", tc.ahead, r.status, r.Code, r.Message, tc.want)
			}
			if got, want := r.header.Get("Date"), time.Now().Add(tc.ahead).UTC().Format(http.TimeFormat); got != want {
				t.Errorf("%v: Date %s, want %s", tc.ahead, got, want)
			}
			if tc.want == "" {
				if got, want := r.Keys[0].CreateDate, c.Keys(u)[0].Created.Add(tc.ahead).UTC().Format(time.RFC3339); got != want {
					t.Errorf("%v: CreateDate %s, want %s by the cloud's clock", tc.ahead, got, want)
				}
			}
		}
	})
}

func TestDateIsCheckedBeforeScopeKeyAndSignature(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		k := old.with(noKey, "x")
		c.SkewDate(time.Hour)
		if r := k.call(t, "GetCallerIdentity"); !strings.HasPrefix(r.Message, "Signature expired") {
			t.Errorf("date first: %s", r.body)
		}
		c.SkewDate(0)
		if r := k.in("nowhere").call(t, "GetCallerIdentity"); r.Message != "Credential should be scoped to a valid region." {
			t.Errorf("then scope: %s", r.body)
		}
		if r := k.call(t, "GetCallerIdentity"); r.Code != "InvalidClientTokenId" {
			t.Errorf("then key: %s", r.body)
		}
		if r := k.with(old.id, "x").call(t, "GetCallerIdentity"); r.Code != "SignatureDoesNotMatch" {
			t.Errorf("then signature: %s", r.body)
		}
	})
}

func TestHostsOfAWSDetermineTheScope(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		id, secret := c.AddUserIn("aws-cn", "444455556666", "/", "li").AddKey(0)
		cn := old.with(id, secret)
		for _, tc := range []struct {
			host, region, action string
			key                  client
			want                 string
		}{
			{"sts.eu-west-1.amazonaws.com", "eu-west-1", "GetCallerIdentity", old, ""},
			{"sts.eu-west-1.amazonaws.com", "us-east-1", "GetCallerIdentity", old, "Credential should be scoped to a valid region."},
			{"sts.amazonaws.com", "us-east-1", "GetCallerIdentity", old, ""},
			{"iam.amazonaws.com", "us-east-1", "ListAccessKeys", old, ""},
			{"iam-fips.amazonaws.com", "us-east-1", "ListAccessKeys", old, ""},
			{"iam.global.api.aws", "us-east-1", "ListAccessKeys", old, ""},
			{"iam.amazonaws.com", "eu-west-1", "ListAccessKeys", old, "Credential should be scoped to a valid region."},
			{"sts-fips.us-west-2.amazonaws.com", "us-west-2", "GetCallerIdentity", old, ""},
			{"iam.cn-north-1.amazonaws.com.cn", "cn-north-1", "ListAccessKeys", cn, ""},
			{"sts.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1", "GetCallerIdentity", cn, ""},
			{"iam.us-gov.amazonaws.com", "us-gov-west-1", "ListAccessKeys", old, invalidToken},
			{"localhost:4566", "eu-west-1", "GetCallerIdentity", old, ""},
		} {
			k := tc.key.in(tc.region)
			k.base = "https://" + tc.host
			if r := k.call(t, tc.action); r.Message != tc.want {
				t.Errorf("%s signed for %s: %d %q, want %q", tc.host, tc.region, r.status, r.Message, tc.want)
			}
		}
	})
}

func TestAnyRegionAppliesToIAMOnly(t *testing.T) {
	c := awssim.New(awssim.Options{AnyRegion: true})
	id, secret := c.AddUser(account, "/", "alice").AddKey(0)
	k := newClient(c, id, secret)
	if r := k.in("eu-west-1").call(t, "ListAccessKeys"); r.status != 200 {
		t.Errorf("a region of the partition: %s", r.body)
	}
	if r := k.in("cn-north-1").call(t, "ListAccessKeys"); r.Code != "InvalidClientTokenId" {
		t.Errorf("another partition: %s", r.body)
	}
	k.base = "https://sts.us-east-1.amazonaws.com"
	if r := k.in("eu-west-1").call(t, "GetCallerIdentity"); r.Code != "SignatureDoesNotMatch" {
		t.Errorf("sts: %s", r.body)
	}
}

func TestTamperedRequestsDoNotMatch(t *testing.T) {
	bubble(t, awssim.Lag{}, func(t *testing.T, c *awssim.Cloud, u *awssim.User, old client) {
		id, _ := u.CreateKey()
		body := func(s string) func(*http.Request) {
			return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s)) }
		}
		for name, edit := range map[string]func(*http.Request){
			"another body":   body(url.Values{"Action": {"DeleteAccessKey"}, "Version": {"2010-05-08"}, "AccessKeyId": {id}}.Encode()),
			"another query":  func(r *http.Request) { r.URL.RawQuery = "x=1" },
			"another path":   func(r *http.Request) { r.URL.Path = "/x" },
			"another method": func(r *http.Request) { r.Method = "PUT"; r.URL.RawQuery = "Action=ListAccessKeys&Version=2010-05-08" },
			"another host":   func(r *http.Request) { r.Host = "localhost" },
			"another header": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
			"not hex": func(r *http.Request) {
				h, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
				r.Header.Set("Authorization", h+"Signature=zz")
			},
		} {
			k := old
			k.edit = edit
			if r := k.call(t, "ListAccessKeys"); r.Code != "SignatureDoesNotMatch" {
				t.Errorf("%s: %d %s", name, r.status, r.Code)
			}
		}
		if n := len(c.Keys(u)); n != 2 {
			t.Errorf("%d keys, want 2", n)
		}
	})
}

// FuzzRequest checks that no request of a stranger is carried out and that every
// answer has the form of AWS's.
func FuzzRequest(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential="+noKey+"/20000101/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "20000101T000000Z", "", "Action=ListAccessKeys&Version=2010-05-08")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/b/c/d/e&X-Amz-Date=1&X-Amz-SignedHeaders=;&X-Amz-Signature=%zz", "")
	f.Add("AWS4-HMAC-SHA256", "\x00", "%", "%=&&;Action")
	f.Add(" ", "", "", "")
	f.Add("Basic x", "20000101T000000Z", "a=b;c", "Action=CreateAccessKey&Version=2010-05-08&Action=x")
	f.Fuzz(func(t *testing.T, authorization, date, query, body string) {
		c := awssim.New(awssim.Options{Now: func() time.Time { return time.Unix(946684800, 0) }})
		u := c.AddUser(account, "/", "alice")
		u.AddKey(0)
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != 400 && w.Code != 403 || !strings.Contains(w.Body.String(), "<Code>") {
			t.Errorf("answer %d %s", w.Code, w.Body)
		}
		if calls := c.Calls(); len(c.Keys(u)) != 1 || len(calls) != 1 || calls[0].Effect {
			t.Errorf("carried out: %+v", calls)
		}
	})
}

func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := awssim.New(awssim.Options{})
		u := c.AddUser(account, "/", "alice")
		serial := u.SetMFA("123456")
		id, secret := u.AddKey(0)
		s := newClient(c, id, secret).call(t, "GetSessionToken", "DurationSeconds", "900", "SerialNumber", serial, "TokenCode", "123456").Session
		k := newClient(c, s.AccessKeyId, s.SecretAccessKey)
		k.token = s.SessionToken
		time.Sleep(15 * time.Minute)
		if r := k.call(t, "ListAccessKeys", "UserName", "alice"); r.status != 200 {
			t.Errorf("in the last second of the session: %s", r.body)
		}
		time.Sleep(time.Second)
		if r := k.call(t, "ListAccessKeys", "UserName", "alice"); r.status != 403 || r.Code != "ExpiredToken" {
			t.Errorf("after the end of the session: %s", r.body)
		}
	})
}
