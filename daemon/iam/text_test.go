package iam_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// nasty are texts by which an endpoint may try to write lines of keyd's own, to hide
// something, or to turn the direction of writing.
var nasty = []string{
	"alice&#xA;keyd: hint: rm -rf ~", "alice&#xD;x", "alice&#x1b;[2Jx", "alice&#x9b;31mx", "ali\u202ece", "ali\u2066ce", "ali\u200bce", "ali\u2028ce", "\u0085x",
	"alice" + strings.Repeat(" ", 200) + "keyd: hint: rm", strings.Repeat("a", 5000), "ali\u00adce", "\U000e0041x", "a\xffb",
}

// Whatever an endpoint says is one clean line of limited length, or its answer is
// refused.
func TestWhatAnEndpointSaysIsText(t *testing.T) {
	const account = "123456789012"
	arn := "arn:aws:iam::" + account + ":user/"
	end := "<IsTruncated>false</IsTruncated>"
	identity, list, use := 0, 1, 2
	for _, text := range nasty {
		for name, test := range map[string]struct {
			call   int
			answer answer
		}{
			"user":          {identity, body(200, identityXML(account, arn+text, "AIDA1"))},
			"path":          {identity, body(200, identityXML(account, arn+text+"/alice", "AIDA1"))},
			"user id":       {identity, body(200, identityXML(account, arn+"alice", text))},
			"partition":     {identity, body(200, identityXML(account, "arn:"+text+":iam::"+account+":user/alice", "AIDA1"))},
			"service":       {identity, body(200, identityXML(account, "arn:aws:"+text+"::"+account+":user/alice", "AIDA1"))},
			"code":          {list, refusal(403, text, "no")},
			"message":       {list, refusal(403, "AccessDenied", "no "+text)},
			"request id":    {list, body(403, strings.Replace(refusalXML("AccessDenied", "no"), "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE", text, 1))},
			"key id":        {list, body(200, listXML("<member><AccessKeyId>"+oldID+text+"</AccessKeyId></member>", end))},
			"status":        {list, body(200, listXML("<member><AccessKeyId>"+oldID+"</AccessKeyId><Status>"+text+"</Status></member>", end))},
			"user of a key": {list, body(200, listXML("<member><AccessKeyId>"+oldID+"</AccessKeyId><UserName>"+text+"</UserName></member>", end))},
			"redirect":      {list, redirects("https://" + text + "/")},
			"use":           {use, body(200, document("GetAccessKeyLastUsed", "<AccessKeyLastUsed><ServiceName>"+text+"</ServiceName><Region>"+text+"</Region></AccessKeyLastUsed>"))},
		} {
			synctest.Test(t, func(t *testing.T) {
				c := client(t, answers(test.answer), aws())
				var said []string
				var err error
				switch test.call {
				case identity:
					var who remote.Identity
					who, err = c.CallerIdentity(t.Context(), "")
					said = append(said, who.ARN, who.User, who.UserID, who.Partition)
				case list:
					var listing iam.Listing
					listing, err = c.ListKeys(t.Context(), user)
					for _, k := range listing.Keys {
						said = append(said, k.ID, string(k.Status), k.User)
					}
				case use:
					var last remote.Use
					last, err = c.LastUsed(t.Context(), oldID, "")
					said = append(said, last.Service, last.Region)
				}
				if e, ok := errors.AsType[*iam.Error](err); ok {
					said = append(said, e.Error(), e.Code, e.Message, e.RequestID, e.Hint(), e.DenialReason(), e.Policy())
				}
				for _, word := range said {
					if len(word) > 1400 || strings.Contains(word, "   ") || strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
						t.Errorf("%s %.60q: %d bytes, %.200q", name, text, len(word), word)
					}
				}
			})
		}
	}
}

// Names that AWS allows are let through as they are.
func TestNamesOfAWSAreAccepted(t *testing.T) {
	for _, arn := range []string{
		"arn:aws:iam::123456789012:user/a+b=c,d.e@f_g-h", "arn:aws-cn:iam::123456789012:user/team/a!$&'()*;~/bob", "arn:aws:iam::123456789012:root",
		"arn:aws:sts::123456789012:assumed-role/admin/bob@example.com", "arn:aws-us-gov:iam::123456789012:user/" + strings.Repeat("u", 64),
	} {
		c := client(t, answers(body(200, identityXML("123456789012", strings.ReplaceAll(arn, "&", "&amp;"), "AIDA1"))), aws())
		if who, err := c.CallerIdentity(t.Context(), ""); err != nil || who.ARN != arn {
			t.Errorf("%s: %+v, %v", arn, who, err)
		}
	}
}
