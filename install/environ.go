package install

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// A service does not see what a shell has exported. These variables decide
// which files keyd reads and whom it asks, so they are written down when it is
// installed. None of them holds a secret, unless a person has put one into a
// URL.
var (
	pathVariables = [...]string{
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE",
		"KEYD_SETTINGS", "KEYD_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
	}
	urlVariables = [...]string{
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS",
		"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy",
	}
	plainVariables = [...]string{
		"NO_PROXY", "no_proxy", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT",
	}
)

// Variable is one environment variable that the service is given.
type Variable struct{ Name, Value string }

func (v Variable) String() string { return v.Name + "=" + v.Value }

// Environment returns the variables that matter to keyd and are set, in the
// order of their names, and the names of those that are left out because their
// URL holds a user or a password: what is installed can be read by every
// program of the user, and is copied into backups. Paths are made absolute: a
// service runs in another folder.
func Environment(getenv func(string) string) (kept []Variable, secret []string, err error) {
	for _, name := range pathVariables {
		if value := getenv(name); value != "" && !strings.HasPrefix(value, "~") {
			if value, err = filepath.Abs(value); err != nil {
				return nil, nil, wrap(err)
			}
			kept = append(kept, Variable{name, value})
		} else if value != "" {
			kept = append(kept, Variable{name, value})
		}
	}
	for _, name := range plainVariables {
		if value := getenv(name); value != "" {
			kept = append(kept, Variable{name, value})
		}
	}
	for _, name := range urlVariables {
		switch value := getenv(name); {
		case value == "":
		case holdsSecret(value):
			secret = append(secret, name)
		default:
			kept = append(kept, Variable{name, value})
		}
	}
	slices.SortFunc(kept, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	for _, v := range kept {
		if strings.ContainsFunc(v.Value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, nil, refuse("unset "+v.Name, "%s holds a control character: nothing was installed", v.Name)
		}
	}
	return kept, secret, nil
}

// holdsSecret reports whether a URL, with or without scheme, names a user, or
// cannot be understood well enough to tell.
func holdsSecret(value string) bool {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	return err != nil || u.User != nil || u.RawQuery != ""
}
