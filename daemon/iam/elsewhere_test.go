package iam_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

const (
	cephAccount = "RGW33567154695143645"
	cephARN     = "arn:aws:iam::" + cephAccount + ":user/store/alice"
	cephUserID  = "9b1c2d3e-4f50-4a6b-8c7d-0e1f2a3b4c5d"
)

// otherKey has the shape of Ceph's keys.
func otherKey() credfile.Key {
	return credfile.Key{ID: "0555B35654AD1656D804", Secret: credfile.NewSecret("h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdB")}
}

func elsewhere() remote.Endpoints {
	return remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: "https://rgw.example.org", STSURL: "https://rgw.example.org"}
}

func userXML(arn, name, id string) string {
	return document("GetUser", "<User><Path>/store/</Path><UserName>"+name+"</UserName><UserId>"+id+"</UserId><Arn>"+arn+"</Arn><CreateDate>2026-11-23T00:40:03Z</CreateDate></User>")
}

// s3Error is an error document as S3 has them.
func s3Error(status int, code string) answer {
	return body(status, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>`+code+`</Code><Message></Message><RequestId>tx0001</RequestId><HostId>1-default</HostId></Error>`)
}

// GetUser tells whose key it is where an endpoint that is surely not AWS's does not know
// GetCallerIdentity. What a proxy says is no such answer, nor is a refusal of another kind.
func TestIdentityWithoutGetCallerIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		found := body(200, userXML(cephARN, "alice", cephUserID))
		page := body(404, "<html>not found</html>")
		proxied := elsewhere()
		proxied.IAMURL = "https://iam.amazonaws.com"
		for _, test := range []struct {
			name      string
			endpoints remote.Endpoints
			key       credfile.Key
			first     answer
			asksUser  bool
		}{
			{"Ceph", elsewhere(), otherKey(), s3Error(405, "MethodNotAllowed"), true},
			{"Ceph, with a key like AWS's", elsewhere(), oldKey(), s3Error(405, "MethodNotAllowed"), true},
			{"an action that is not known", elsewhere(), oldKey(), refusal(400, "InvalidAction", "Could not find operation GetCallerIdentity for version 2011-06-15"), true},
			{"not implemented", elsewhere(), otherKey(), refusal(501, "NotImplemented", "A header you provided implies functionality that is not implemented"), true},
			{"MinIO", elsewhere(), otherKey(), refusal(400, "InvalidParameterValue", "Unsupported action GetCallerIdentity"), true},
			{"nothing but a status", elsewhere(), otherKey(), body(404, ""), true},
			{"JSON", elsewhere(), otherKey(), body(405, `{"detail":"Method Not Allowed"}`), true},

			{"a proxy before a key like AWS's", elsewhere(), oldKey(), page, false},
			{"a status for a key like AWS's", elsewhere(), oldKey(), body(405, ""), false},
			{"AWS behind a proxy", aws(), oldKey(), page, false},
			{"AWS itself", aws(), oldKey(), refusal(400, "InvalidAction", "Could not find operation"), false},
			{"AWS in another form", aws(), oldKey(), s3Error(405, "MethodNotAllowed"), false},
			{"IAM of AWS", proxied, otherKey(), s3Error(405, "MethodNotAllowed"), false},
			{"an unknown key", elsewhere(), otherKey(), s3Error(403, "InvalidAccessKeyId"), false},
			{"denied", elsewhere(), otherKey(), s3Error(403, "AccessDenied"), false},
			{"out of order", elsewhere(), otherKey(), body(500, ""), false},
		} {
			w := answers(test.first, found)
			if !test.asksUser {
				w = answers(test.first, test.first, test.first, found)
			}
			c, err := iam.New(test.key, test.endpoints, iam.Options{HTTP: w})
			if err != nil {
				t.Fatal(err)
			}
			who, err := c.CallerIdentity(t.Context(), "")
			last := w.got[len(w.got)-1]
			if asked := last.form.Get("Action") == "GetUser"; asked != test.asksUser || asked != (err == nil) {
				t.Errorf("%s: asked %s last; %v", test.name, last.form.Get("Action"), err)
			}
			if err == nil && (who.Account != cephAccount || who.User != "alice" || who.UserID != cephUserID || who.ARN != cephARN || who.Partition != "aws" || !who.IsUser) {
				t.Errorf("%s: %+v", test.name, who)
			}
			if test.asksUser && last.form.Has("UserName") {
				t.Errorf("%s: GetUser names a user, who need not be the one that signs", test.name)
			}
		}
	})
}

// The answer to the first question counts from then on, for all clients that share it.
func TestIdentitySourceIsRemembered(t *testing.T) {
	found := body(200, userXML(cephARN, "alice", cephUserID))
	shared := &iam.Sources{}
	ask := func(w *wire) error {
		c, err := iam.New(otherKey(), elsewhere(), iam.Options{HTTP: w, Sources: shared})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.CallerIdentity(t.Context(), "")
		return err
	}
	first, second := answers(s3Error(405, "MethodNotAllowed"), found), answers(found)
	upgraded := answers(s3Error(405, "MethodNotAllowed"), body(200, identityXML(cephAccount, cephARN, cephUserID)))
	if err := ask(first); err != nil {
		t.Error(err)
	}
	if err := ask(second); err != nil || len(second.got) != 1 {
		t.Errorf("the second time: %d requests, %v", len(second.got), err)
	}
	if err := ask(upgraded); err != nil || upgraded.got[1].form.Get("Action") != "GetCallerIdentity" {
		t.Errorf("GetUser has gone: %v", err)
	}
}

// What fails says what helps: the permission for GetUser, or that there is no way at all.
func TestIdentityFailsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := s3Error(405, "MethodNotAllowed")
		for _, test := range []struct {
			name   string
			second answer
			class  iam.Class
			says   string
		}{
			{"denied", s3Error(403, "AccessDenied"), iam.Denied, "GetUser"},
			{"not known", unknown, iam.Invalid, "GetCallerIdentity"},
			{"another name", body(200, userXML(cephARN, "bob", cephUserID)), iam.Ambiguous, "do not fit together"},
			{"no ARN", body(200, userXML("", "alice", cephUserID)), iam.Ambiguous, "do not fit together"},
			{"no account", body(200, userXML("arn:aws:iam:::user/alice", "alice", cephUserID)), iam.Ambiguous, "do not fit together"},
			{"no user", body(200, document("GetUser", "<x>1</x>")), iam.Ambiguous, "holds no user"},
		} {
			c, err := iam.New(otherKey(), elsewhere(), iam.Options{HTTP: answers(unknown, test.second)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.CallerIdentity(t.Context(), "")
			if iam.ClassOf(err) != test.class || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: class %v: %v", test.name, iam.ClassOf(err), err)
			}
		}
	})
}

func TestIdentitiesElsewhere(t *testing.T) {
	for _, test := range []struct {
		account, arn, user string
		root, wrong        bool
	}{
		{cephAccount, cephARN, "alice", false, false},
		{cephAccount, "arn:aws:iam::" + cephAccount + ":root", "", true, false},
		{"100000052685", "arn:aws:iam::100000052685:user/alice", "alice", false, false},
		{cephAccount, "arn:ceph:iam::" + cephAccount + ":user/alice", "alice", false, false},
		{cephAccount, "arn:aws:iam::" + cephAccount + ":user//alice", "alice", false, false},
		{cephAccount, "arn:aws:iam::RGW00000000000000000:user/alice", "", false, true},
		{cephAccount, "arn:aws:iam::" + cephAccount + ":user/", "", false, true},
		{"an account", "arn:aws:iam::an account:user/alice", "", false, true},
	} {
		answer := body(200, identityXML(test.account, test.arn, cephUserID))
		c, err := iam.New(otherKey(), elsewhere(), iam.Options{HTTP: answers(answer)})
		if err != nil {
			t.Fatal(err)
		}
		who, err := c.CallerIdentity(t.Context(), "")
		if (err != nil) != test.wrong || err == nil && (who.User != test.user || who.Root != test.root || who.Partition != "aws") {
			t.Errorf("%s: %+v, %v", test.arn, who, err)
		}
		if _, err := client(t, answers(answer), aws()).CallerIdentity(t.Context(), ""); err == nil && test.account == cephAccount {
			t.Errorf("%s is taken for an answer of AWS", test.arn)
		}
	}
}

// CreateAccessKey may answer with a pair of another shape than AWS's only where that is asked
// for, and never at AWS.
func TestCreatedPairsOfOtherShapes(t *testing.T) {
	other := otherKey()
	answer := body(200, document("CreateAccessKey", keyXML(user, other.ID, "Active", other.Secret.Reveal())))
	for _, test := range []struct {
		name      string
		endpoints remote.Endpoints
		other, ok bool
	}{
		{"elsewhere", elsewhere(), true, true},
		{"elsewhere, where no profile could hold it", elsewhere(), false, false},
		{"AWS", aws(), true, false},
	} {
		c, err := iam.New(oldKey(), test.endpoints, iam.Options{HTTP: answers(answer), OtherShapes: test.other})
		if err != nil {
			t.Fatal(err)
		}
		created, err := c.CreateKey(t.Context(), user)
		if (err == nil) != test.ok || created.Key.ID != other.ID || err != nil && (iam.ClassOf(err) != iam.Ambiguous || !created.Key.Secret.IsZero()) {
			t.Errorf("%s: %s, %v", test.name, created.Key, err)
		}
	}
}

// What an IAM need not have is no failure: it is told apart from what it denies.
func TestCallsThatAreNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			endpoints remote.Endpoints
			answer    answer
			want      bool // of a call that reads
			wantTag   bool
		}{
			{elsewhere(), s3Error(405, "MethodNotAllowed"), true, true},
			{elsewhere(), body(404, ""), false, true},
			{elsewhere(), refusal(501, "NotImplemented", ""), true, true},
			{elsewhere(), s3Error(403, "AccessDenied"), false, false},
			{aws(), refusal(400, "InvalidAction", "Could not find operation"), false, false},
			{aws(), body(404, ""), false, false},
		} {
			used := client(t, answers(test.answer, test.answer, test.answer), test.endpoints)
			_, err := used.LastUsed(t.Context(), oldID, user)
			if iam.IsNotOffered(err) != test.want {
				t.Errorf("GetAccessKeyLastUsed: %v", err)
			}
			err = client(t, answers(test.answer, test.answer, test.answer), test.endpoints).DescribeKey(t.Context(), user, oldID, "x")
			if iam.IsNotOffered(err) != test.wantTag {
				t.Errorf("TagUser: %v", err)
			}
			err = client(t, answers(test.answer, test.answer, test.answer), test.endpoints).DeleteKey(t.Context(), user, oldID)
			if e := iam.ClassOf(err); test.want && e == iam.NoSuch {
				t.Errorf("DeleteAccessKey: %v", err)
			}
		}
		// A proxy in front of the store answers so while the store is away.
		_, err := client(t, answers(body(404, ""), body(404, ""), body(404, "")), elsewhere()).ListKeys(t.Context(), user)
		if e, ok := errors.AsType[*iam.Error](err); !ok || e.Class != iam.Ambiguous {
			t.Errorf("a status alone is taken for an answer of IAM: %v", err)
		}
		bare := client(t, answers(body(405, ""), body(405, ""), body(405, "")), elsewhere())
		if err := bare.DeleteKey(t.Context(), user, oldID); iam.ClassOf(err) != iam.Ambiguous {
			t.Errorf("a status alone says that nothing was deleted: %v", err)
		}
	})
}

// A key of another IAM never signs a request to AWS, whatever the endpoints are.
func TestEndpointsKeepOtherKeysFromAWS(t *testing.T) {
	const ceph, sts, proxy, vpce = "https://rgw.example.org", "https://sts.example.org", "https://iam.corp.example", "https://vpce-1.iam.us-east-1.vpce.amazonaws.com"
	const realIAM, realSTS = "https://iam.amazonaws.com", "https://sts.eu-west-1.amazonaws.com"
	for _, test := range []struct {
		id, iam, sts, wantSTS string
		namesIAM, wrong       bool
	}{
		{otherKey().ID, ceph, ceph, ceph, false, false},
		{otherKey().ID, ceph, sts, sts, false, false},
		{otherKey().ID, ceph, "", ceph, false, false},
		{otherKey().ID, ceph, realSTS, ceph, false, false},
		{otherKey().ID, "", "", "", false, true},
		{otherKey().ID, "", ceph, "", false, true},
		{otherKey().ID, realIAM, ceph, "", false, true},
		{otherKey().ID, vpce, "", "", false, true},
		{oldID, "", "", "", false, false},
		{oldID, proxy, "", proxy, false, false},
		{oldID, proxy, realSTS, realSTS, false, false},
		{oldID, vpce, "", "", false, false},
		{oldID, realIAM, "", "", false, false},
		{"", "", "", "", false, false},
		{oldID, ceph, "", ceph, true, false},
		{oldID, ceph, realSTS, realSTS, true, false}, // a profile that says so itself
		{oldID, "", "", "", true, true},
		{oldID, realIAM, realSTS, "", true, true},
		{oldID, vpce, "", "", true, true},
	} {
		got, err := iam.EndpointsFor(remote.Endpoints{IAMURL: test.iam, STSURL: test.sts}, test.id, test.namesIAM)
		if (err != nil) != test.wrong || err == nil && (got.IAMURL != test.iam || got.STSURL != test.wantSTS) {
			t.Errorf("%s at %q and %q: %+v, %v", credfile.Short(test.id), test.iam, test.sts, got, err)
		}
	}
}

// seen is a client of HTTP that keeps what travels.
type seen struct {
	to   iam.Doer
	sent strings.Builder
}

func (s *seen) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	s.sent.WriteString(r.Header.Get("Authorization") + string(body) + "\n")
	return s.to.Do(r)
}

// The client works through the life of a key at each dialect of the simulator.
func TestDialects(t *testing.T) {
	for _, dialect := range []awssim.Dialect{awssim.Ceph, awssim.Wasabi, awssim.Backblaze, awssim.AWS} {
		cloud := awssim.New(awssim.Options{Seed: 3, Dialect: dialect})
		account := "111122223333"
		if dialect == awssim.Ceph {
			account = cephAccount
		}
		id, secret := cloud.AddUser(account, "/store/", "alice").AddKey(0)
		wire := &seen{to: cloud}
		endpoints := elsewhere()
		endpoints.IAMURL, endpoints.STSURL = "http://127.0.0.1:4566", "http://127.0.0.1:4566"
		newClient := func(k credfile.Key) *iam.Client {
			c, err := iam.New(k, endpoints, iam.Options{HTTP: wire, OtherShapes: true})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		old := newClient(credfile.Key{ID: id, Secret: credfile.NewSecret(secret)})
		who, err := old.CallerIdentity(t.Context(), "us-east-1")
		if err != nil || who.User != "alice" || who.Account != account {
			t.Errorf("%q: %+v, %v", dialect, who, err)
		}
		made, err := old.CreateKey(t.Context(), "alice")
		if err != nil {
			t.Fatalf("%q: %v", dialect, err)
		}
		next := newClient(made.Key)
		if again, err := next.CallerIdentity(t.Context(), "us-east-1"); err != nil || again != who {
			t.Errorf("%q: the new key is %+v, %v", dialect, again, err)
		}
		listing, err := next.ListKeys(t.Context(), "alice")
		if err != nil || len(listing.Keys) != 2 || listing.Keys[0].Created.IsZero() {
			t.Errorf("%q: %+v, %v", dialect, listing.Keys, err)
		}
		if _, err := next.LastUsed(t.Context(), id, "alice"); iam.IsNotOffered(err) != (dialect == awssim.Ceph) && dialect != awssim.Backblaze {
			t.Errorf("%q: the last use: %v", dialect, err)
		}
		if err := next.DescribeKey(t.Context(), "alice", made.Key.ID, "x"); iam.IsNotOffered(err) != (dialect != awssim.AWS) {
			t.Errorf("%q: the description: %v", dialect, err)
		}
		if err := next.SetStatus(t.Context(), "alice", id, iam.Inactive); err != nil {
			t.Errorf("%q: %v", dialect, err)
		}
		if _, err := old.CallerIdentity(t.Context(), "us-east-1"); iam.ClassOf(err) != iam.BadKey {
			t.Errorf("%q: the old key: %v", dialect, err)
		}
		if err := next.DeleteKey(t.Context(), "alice", id); err != nil {
			t.Errorf("%q: %v", dialect, err)
		}
		if err := next.DeleteKey(t.Context(), "alice", id); iam.ClassOf(err) != iam.NoSuch {
			t.Errorf("%q: deleted twice: %v", dialect, err)
		}
		if strings.Contains(wire.sent.String(), made.Key.Secret.Reveal()) || strings.Contains(wire.sent.String(), secret) {
			t.Errorf("%q: a secret has travelled", dialect)
		}
	}
}
