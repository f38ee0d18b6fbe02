package forms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// published derives an SMTP password as the Python program on the page "Obtaining Amazon
// SES SMTP credentials" of the SES developer guide does:
//
//	signature = sign(("AWS4" + secret_access_key).encode("utf-8"), DATE)
//	signature = sign(signature, region)
//	signature = sign(signature, SERVICE)
//	signature = sign(signature, TERMINAL)
//	signature = sign(signature, MESSAGE)
//	signature_and_version = bytes([VERSION]) + signature
//	smtp_password = base64.b64encode(signature_and_version)
//
// with DATE = "11111111", SERVICE = "ses", MESSAGE = "SendRawEmail", TERMINAL =
// "aws4_request" and VERSION = 0x04.
func published(secret, region string) string {
	signature := []byte("AWS4" + secret)
	for _, message := range []string{"11111111", region, "ses", "aws4_request", "SendRawEmail"} {
		h := hmac.New(sha256.New, signature)
		h.Write([]byte(message))
		signature = h.Sum(nil)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{0x04}, signature...))
}

// TestSMTPPassword holds the vectors of the AWS provider of Terraform, whose passwords are
// known to work (internal/service/iam/access_key_test.go,
// TestSESSMTPPasswordFromSecretKeySigV4 and ...SigV2), and one that AWS's Python program gave
// for the key of AWS's documentation.
func TestSMTPPassword(t *testing.T) {
	for _, c := range []struct{ region, secret, want string }{
		{"eu-central-1", "some+secret+key", "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2"},
		{"eu-central-1", "another+secret+key", "BBbphbrQmrKMx42d1N6+C7VINYEBGI5v9VsZeTxwskfh"},
		{"us-west-1", "some+secret+key", "BH+jbMzper5WwlwUar9E1ySBqHa9whi0GPo+sJ0mVYJj"},
		{"us-west-1", "another+secret+key", "BKVmjjMDFk/qqw8EROW99bjCS65PF8WKvK5bSr4Y6EqF"},
		{"us-east-1", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9"},
	} {
		for name, got := range map[string]string{"Find's": smtpPassword(c.secret, c.region), "ReadBack's": derived(c.secret, c.region), "the page's": published(c.secret, c.region)} {
			if got != c.want {
				t.Errorf("%s password for %s is %s, want %s", name, c.region, got, c.want)
			}
		}
	}
	const version2 = "AnkqhOiWEcszZZzTMCQbOY1sPGoLFgMH9zhp4eNgSjo4"
	if a, b := smtpPassword2("some+secret+key"), older("some+secret+key"); a != version2 || b != version2 {
		t.Errorf("the passwords of version 2 are %s and %s, want %s", a, b, version2)
	}
}

// TestSMTPForms tries each setting with each kind of password.
func TestSMTPForms(t *testing.T) {
	ireland, frankfurt := published(oldPair.Secret, "eu-west-1"), published(oldPair.Secret, "eu-central-1")
	elsewhere := published(oldPair.Secret, "xx-moon-1")
	form := func(region string) Form {
		f, err := ParseForm("ses-smtp " + region)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	line := func(password string) string { return "[smtp]:587 " + oldPair.ID + ":" + password + "\n" }
	for _, c := range []struct {
		name, data   string
		form         Form
		says, remedy string
	}{
		{"not set", line(ireland), Form{}, "derived from the secret for eu-west-1", "form = ses-smtp eu-west-1 into the link"},
		{"not set, with the secret too", fill(pairText, oldPair, plain) + line(ireland), Form{}, "derived from the secret for eu-west-1", "form = ses-smtp eu-west-1"},
		{"not set, in an address", "smtp://" + oldPair.ID + ":" + url.QueryEscape(ireland) + "@host", Form{}, "derived from the secret for eu-west-1", "form = ses-smtp eu-west-1"},
		{"not set, in base64", "user: " + base64OfText(oldPair.ID) + "\npassword: " + base64OfText(ireland) + "\n", Form{}, "in a text of base64: an SMTP password", "form = ses-smtp eu-west-1"},
		{"not set, version 2", line(smtpPassword2(oldPair.Secret)), Form{}, "for any region", "form = ses-smtp REGION"},
		{"not set, a region that keyd does not know", line(elsewhere), Form{}, "has the form of an SMTP password", "form = ses-smtp REGION"},
		{"another region", line(frankfurt), form("eu-west-1"), "derived from the secret for eu-central-1", "form = ses-smtp eu-central-1"},
		{"two regions", line(ireland) + "x" + line(frankfurt), form("eu-west-1"), "eu-central-1", "ses-smtp eu-central-1"},
		{"no password", fill(pairText, oldPair, plain), form("eu-west-1"), "no SMTP password of that region", "remove the line with form"},
		{"only the password", "x " + ireland + "\n", form("eu-west-1"), "the SMTP password of AKIA..MPLE stands here without its id", "write the id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := refused(t, c.data, c.form)
			if !strings.Contains(r.Text, c.says) || !strings.Contains(r.Remedy, c.remedy) || strings.Contains(r.Text+r.Remedy, ireland) {
				t.Errorf("%s (%s)", r.Text, r.Remedy)
			}
		})
	}
	for _, c := range []struct{ name, before, after string }{
		{"version 4", line(ireland), published(nextPair.Secret, "eu-west-1")},
		{"version 2 becomes version 4", line(smtpPassword2(oldPair.Secret)), published(nextPair.Secret, "eu-west-1")},
	} {
		got, places, err := Replace("f", []byte(c.before), form("eu-west-1"), oldPair, nextPair)
		if want := "[smtp]:587 " + nextPair.ID + ":" + c.after + "\n"; err != nil || string(got) != want || len(places) != 2 || places[1].Value != SMTPPassword {
			t.Errorf("%s: %q, %v, %v", c.name, got, places, err)
		}
	}
	moon, err := ParseForm("ses-smtp xx-moon-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Replace("f", []byte(line(elsewhere)), moon, oldPair, nextPair); err != nil {
		t.Error(err)
	}
}

func TestParseForm(t *testing.T) {
	for _, text := range []string{"", "ses-smtp eu-west-1", "ses-smtp us-gov-west-1", "ses-smtp eusc-de-east-1"} {
		f, err := ParseForm("  " + strings.ReplaceAll(text, " ", "\t ") + " ")
		if err != nil || f.String() != text || (text == "") != (f == Form{}) {
			t.Errorf("ParseForm(%q) = %q, %v", text, f, err)
		}
	}
	for text, says := range map[string]string{
		"ses":                    `did you mean "ses-smtp"?`,
		"SES_SMTP eu-west-1":     `did you mean "ses-smtp eu-west-1"?`,
		"ses-smpt eu-west-1":     `did you mean "ses-smtp eu-west-1"?`,
		"base64":                 `the only form that needs to be written is "ses-smtp REGION"`,
		"ses-smtp":               "lacks the region",
		"ses-smtp a-b-1 c-d-2":   "more than one region",
		"ses-smtp euwest1":       `did you mean "ses-smtp eu-west-1"?`,
		"ses-smtp Ireland":       "not the name of a region",
		"ses-smtp eu_central_1":  `did you mean "ses-smtp eu-central-1"?`,
		"ses-smtp eu-west-1; rm": "more than one region",
	} {
		if _, err := ParseForm(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseForm(%q): %v, want ...%s", text, err, says)
		}
	}
}
