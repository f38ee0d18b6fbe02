package install

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
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
	endpointVariables = [...]string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS"}
	proxyVariables    = [...]string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}
	plainVariables    = [...]string{
		"NO_PROXY", "no_proxy", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT",
	}
)

// Variable is one environment variable that the service is given.
type Variable struct{ Name, Value string }

func (v Variable) String() string { return v.Name + "=" + v.Value }

// Environment returns the variables that matter to keyd and are set, in the
// order of their names, and the names of the proxies that are left out because
// their URL holds a user or a password: what is installed can be read by every
// program of the user, and is copied into backups. An endpoint like that is
// refused: without it the keys would be sent elsewhere. Paths are made absolute,
// since a service runs in another folder.
func Environment(getenv func(string) string) (kept []Variable, secret []string, err error) {
	names := slices.Concat(pathVariables[:], endpointVariables[:], proxyVariables[:], plainVariables[:])
	slices.Sort(names)
	for _, name := range names {
		value := getenv(name)
		switch {
		case value == "":
			continue
		case strings.ContainsFunc(value, unicode.IsControl):
			return nil, nil, refuse("unset "+name, "%s holds a control character: nothing was installed", name)
		case slices.Contains(endpointVariables[:], name) && holdsSecret(value):
			return nil, nil, refuse("set it to a URL without user, password and query",
				"%s holds a user, a password or a query, which a service should not keep: nothing was installed", name)
		case slices.Contains(proxyVariables[:], name) && holdsSecret(value):
			secret = append(secret, name)
			continue
		case slices.Contains(pathVariables[:], name) && !strings.HasPrefix(value, "~"):
			if value, err = filepath.Abs(value); err != nil {
				return nil, nil, wrapError(err)
			}
		}
		kept = append(kept, Variable{name, value})
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
