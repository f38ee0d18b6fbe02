package install

import (
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"keyd/credfile"
)

// valueKind says how the value of an environment variable is taken over.
type valueKind int

const (
	plainValue    valueKind = iota
	pathValue               // a path, made absolute: a service runs in another folder
	fileValue               // a path that may hold other variables, which the service does not have
	pathListValue           // paths with the list separator of the system between them, each made absolute
	endpointValue           // a URL that the keys are sent to: without it they would be sent elsewhere
	proxyValue              // a URL that may hold a password
	unkeptValue             // stays out of the service; the installation says so
)

// variables lists every environment variable that decides which files keyd reads,
// and where and how it asks AWS. A service does not see what a shell has exported,
// so Install writes them into it. None of them holds a secret, unless a person has
// put one into a URL.
//
// SSL_CERT_FILE and SSL_CERT_DIR are read by Go itself, on Linux only. So is
// GODEBUG, on every system, where it can switch off parts of TLS; it can also make
// the HTTP client log what it reads, secrets included, so the service does not get
// it. Source: package documentation of crypto/x509 and net/http.
var variables = [...]struct {
	name    string
	kind    valueKind
	meaning string
}{
	{"AWS_SHARED_CREDENTIALS_FILE", fileValue, "the credentials file, instead of ~/.aws/credentials"},
	{"AWS_CONFIG_FILE", fileValue, "the config file, instead of ~/.aws/config"},
	{"KEYD_SETTINGS", pathValue, "keyd.ini"},
	{"KEYD_STATE_DIR", pathValue, "the folder with status, journals, history and log"},
	{"XDG_CONFIG_HOME", pathValue, "on Linux: the folder in which keyd-aws/keyd.ini is, instead of ~/.config"},
	{"XDG_STATE_HOME", pathValue, "on Linux: the folder in which keyd-aws/ is, instead of ~/.local/state"},

	{"AWS_REGION", plainValue, "the region of profiles that name none"},
	{"AWS_DEFAULT_REGION", plainValue, "the same, if AWS_REGION is not set"},
	{"AWS_ENDPOINT_URL", endpointValue, "where to ask instead of AWS"},
	{"AWS_ENDPOINT_URL_IAM", endpointValue, "the same for IAM alone"},
	{"AWS_ENDPOINT_URL_STS", endpointValue, "the same for STS alone"},
	{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", plainValue, "true: no endpoint_url of files and environment counts"},
	{"AWS_USE_FIPS_ENDPOINT", plainValue, "true: ask FIPS endpoints"},
	{"AWS_USE_DUALSTACK_ENDPOINT", plainValue, "true: ask endpoints that have IPv6"},
	{"AWS_STS_REGIONAL_ENDPOINTS", plainValue, "legacy: ask the global STS for some regions"},

	{"AWS_CA_BUNDLE", pathValue, "a file with the certificate authorities to trust"},
	{"REQUESTS_CA_BUNDLE", pathValue, "the same, if AWS_CA_BUNDLE is not set"},
	{"SSL_CERT_FILE", pathValue, "on Linux: a file with the system's certificate authorities"},
	{"SSL_CERT_DIR", pathListValue, "on Linux: folders with them"},
	{"HTTPS_PROXY", proxyValue, "the proxy for https"},
	{"https_proxy", proxyValue, "the same"},
	{"HTTP_PROXY", proxyValue, "the proxy for http"},
	{"http_proxy", proxyValue, "the same"},
	{"NO_PROXY", plainValue, "hosts to ask without a proxy"},
	{"no_proxy", plainValue, "the same"},

	{"GODEBUG", unkeptValue, "switches of Go; never kept in the service"},
}

// DescribedVariable is an environment variable and what it means to keyd.
type DescribedVariable struct{ Name, Meaning string }

// DescribeVariables returns the environment variables that decide which files keyd reads,
// and where and how it asks AWS.
func DescribeVariables() []DescribedVariable {
	var all []DescribedVariable
	for _, v := range variables {
		all = append(all, DescribedVariable{v.name, v.meaning})
	}
	return all
}

// Variable is one environment variable of the service.
type Variable struct{ Name, Value string }

// String returns the variable as NAME=value.
func (v Variable) String() string { return v.Name + "=" + v.Value }

// Omission is an environment variable that keyd reads and the service does not
// get.
type Omission struct {
	Name string
	Why  string // what the variable does or holds: "contains a password"
}

// Environment returns those variables that matter to keyd and are set, sorted by
// name, with absolute paths.
//
// left names those that the service does not get: proxies whose URL holds a user or
// a password, since every program of the user can read the definition, and backups
// copy it; and GODEBUG. Environment refuses an endpoint with a user, a password or a
// query: without the endpoint, the keys would be sent elsewhere. It also refuses a
// value with a control character. Both errors are of type *RefusedError.
func Environment(getenv func(string) string) (kept []Variable, left []Omission, err error) {
	for _, v := range variables {
		name, kind, value := v.name, v.kind, getenv(v.name)
		switch {
		case value == "":
			continue
		case kind == unkeptValue:
			left = append(left, Omission{name, "can make keyd log what AWS answers"})
			continue
		case strings.ContainsFunc(value, unicode.IsControl):
			return nil, nil, refuse("unset "+name, "%s holds a control character: nothing was installed", name)
		case kind == endpointValue && holdsSecret(value):
			return nil, nil, refuse("set it to a URL without a user, a password or a query",
				"%s holds a user, a password or a query, which a service should not keep: nothing was installed", name)
		case kind == proxyValue && holdsSecret(value):
			left = append(left, Omission{name, "contains a user name or a password"})
			continue
		case kind == fileValue && strings.ContainsAny(value, "$%"):
			if value, err = credfile.ExpandPath(value, getenv, runtime.GOOS); err != nil {
				return nil, nil, wrapError(err)
			}
		}
		if value, err = kind.absolute(value); err != nil {
			return nil, nil, wrapError(err)
		}
		kept = append(kept, Variable{name, value})
	}
	slices.SortFunc(kept, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(left, func(a, b Omission) int { return strings.Compare(a.Name, b.Name) })
	return kept, left, nil
}

// absolute returns the value with absolute paths. A leading ~ stays, because every
// program expands it by itself.
func (kind valueKind) absolute(value string) (string, error) {
	var paths []string
	switch kind {
	case pathValue, fileValue:
		paths = []string{value}
	case pathListValue:
		paths = filepath.SplitList(value)
	default:
		return value, nil
	}
	for i, path := range paths {
		if path == "" || strings.HasPrefix(path, "~") {
			continue
		}
		full, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		paths[i] = full
	}
	return strings.Join(paths, string(filepath.ListSeparator)), nil
}

// holdsSecret reports whether a URL, with or without a scheme, has a user or a
// query. A URL that cannot be parsed counts as one that has.
func holdsSecret(value string) bool {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	return err != nil || u.User != nil || u.RawQuery != ""
}
