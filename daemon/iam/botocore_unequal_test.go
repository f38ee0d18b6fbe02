package iam_test

import (
	"fmt"
	"strings"

	"keyd/credfile"
)

// problem is one thing in which keyd and botocore differ.
type problem struct{ about, text string }

// unequal returns in what the two differ.
func unequal(v botoVector, a keydAnswer) (problems []problem) {
	add := func(about, format string, args ...any) {
		problems = append(problems, problem{about, fmt.Sprintf(format, args...)})
	}
	if !a.found {
		return []problem{{"profile", "keyd does not find it"}}
	}
	for _, s := range []struct {
		name       string
		boto, keyd botoEndpoint
	}{{"sts", v.Answer.STS, a.sts}, {"iam", v.Answer.IAM, a.iam}} {
		boto := botoEndpoint{URL: strings.TrimSuffix(s.boto.URL, "/"), Region: s.boto.Region, Error: s.boto.Error}
		configured := a.resolved.STSURL
		if s.name == "iam" {
			configured = a.resolved.IAMURL
		}
		switch {
		case boto.Error != "" && a.err == nil:
			add(s.name, "botocore says %s, keyd asks %s", boto.Error, s.keyd.URL)
		case boto.Error == "" && a.err != nil:
			add(s.name, "botocore asks %s, keyd says %v", boto.URL, a.err)
		case boto.Error == "" && (boto.URL != s.keyd.URL || configured == "" && boto.Region != s.keyd.Region):
			add(s.name, "botocore asks %s for %s, keyd %s for %s", boto.URL, boto.Region, s.keyd.URL, s.keyd.Region)
		}
	}
	if a.err == nil && v.Answer.Bundle != a.resolved.CABundle {
		add("bundle", "botocore has %q, keyd %q", v.Answer.Bundle, a.resolved.CABundle)
	}
	switch s3 := v.Answer.S3; {
	case strings.HasPrefix(s3, "error: "):
	case a.profile.Skip == credfile.OtherStore && !isForeign(s3) && a.profile.Endpoints.PluginS3 == "" && a.profile.Endpoints.PluginIAM == "":
		add("s3", "botocore sends it to %q, keyd takes the key for that of another store", s3)
	case a.profile.Skip == credfile.Rotatable && isForeign(s3) && a.profile.Endpoints.EndpointIAM == "":
		add("s3", "botocore sends it to %s, keyd takes the key for that of AWS", s3)
	}
	if who, boto := whoSigns(a.profile), signer(v.Answer.Who.Method); who != boto && v.Answer.Who.Error == "" {
		add("who", "to botocore it is %s, to keyd %s", boto, who)
	}
	if key := a.profile.Key.ID; v.Answer.Who.Key != "" && key != v.Answer.Who.Key {
		add("key", "botocore signs with %s, keyd with %s", v.Answer.Who.Key, key)
	}
	return problems
}

// isForeign reports whether a URL leads away from AWS.
func isForeign(u string) bool {
	return strings.Contains(u, "://") && !strings.Contains(u, ".amazonaws.com")
}

// whoSigns returns who signs for the profile, as far as keyd tells: static, role, sso, login,
// process, or nobody.
func whoSigns(p credfile.Profile) string {
	for _, w := range p.Warnings {
		switch {
		case strings.Contains(w.Text, "also assumes a role"):
			return "role"
		case strings.Contains(w.Text, "also signs in through IAM Identity Center"):
			return "sso"
		case strings.Contains(w.Text, "also has login_session"):
			return "login"
		}
	}
	switch p.Skip {
	case credfile.Role:
		return "role"
	case credfile.SSO:
		return "sso"
	case credfile.Login:
		return "login"
	case credfile.NoKeys:
		return "nobody"
	}
	return "static"
}

// signer translates botocore's name for a provider.
func signer(method string) string {
	switch {
	case method == "shared-credentials-file" || method == "config-file":
		return "static"
	case strings.HasPrefix(method, "assume-role"):
		return "role"
	case method == "":
		return "nobody"
	}
	return method
}
