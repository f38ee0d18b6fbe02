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

// Plan describes what Install would do.
type Plan struct {
	Platform string     // name of the service manager
	File     string     // path of the definition that is written
	Program  string     // path of the program that starts at login
	Env      []Variable // environment variables for the program, sorted by name
	LeftOut  []string   // names of variables that are left out, because they hold a user or a password
}

// Plan returns what Install would do. It writes nothing.
func (s *Service) Plan() (Plan, error) {
	program, err := s.host.Program()
	if err != nil {
		return Plan{}, err
	}
	env, secret, err := Environment(s.host.Getenv)
	if err != nil {
		return Plan{}, err
	}
	return Plan{Platform: s.login.Platform(), File: s.login.definitionPath(), Program: program, Env: env, LeftOut: secret}, nil
}

// A service does not see what a shell has exported. These variables decide which
// files keyd reads and which servers it asks, so Install writes them into the
// service. None of them holds a secret, unless a person has put one into a URL.
var (
	fileVariables = [...]string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} // may hold other variables
	pathVariables = [...]string{
		"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE",
		"KEYD_SETTINGS", "KEYD_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
	}
	listVariables     = [...]string{"SSL_CERT_DIR"} // several paths
	endpointVariables = [...]string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS"}
	proxyVariables    = [...]string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}
	plainVariables    = [...]string{
		"NO_PROXY", "no_proxy", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS",
	}
)

// Variable is one environment variable of the service.
type Variable struct{ Name, Value string }

// String returns the variable as NAME=value.
func (v Variable) String() string { return v.Name + "=" + v.Value }

// Environment returns those variables that matter to keyd and are set, sorted by
// name. It makes paths absolute, since a service runs in another folder.
//
// secret names the proxies that are left out because their URL holds a user or a
// password: every program of the user can read the definition, and backups copy
// it. Environment refuses an endpoint with a user, a password or a query: without
// the endpoint, the keys would be sent elsewhere. It also refuses a value with a
// control character. Both errors are of type *RefusedError.
func Environment(getenv func(string) string) (kept []Variable, secret []string, err error) {
	names := slices.Concat(fileVariables[:], pathVariables[:], listVariables[:], endpointVariables[:], proxyVariables[:], plainVariables[:])
	slices.Sort(names)
	for _, name := range names {
		value := getenv(name)
		switch {
		case value == "":
			continue
		case strings.ContainsFunc(value, unicode.IsControl):
			return nil, nil, refuse("unset "+name, "%s holds a control character: nothing was installed", name)
		case slices.Contains(endpointVariables[:], name) && holdsSecret(value):
			return nil, nil, refuse("set it to a URL without a user, a password or a query",
				"%s holds a user, a password or a query, which a service should not keep: nothing was installed", name)
		case slices.Contains(proxyVariables[:], name) && holdsSecret(value):
			secret = append(secret, name)
			continue
		case slices.Contains(fileVariables[:], name) && strings.ContainsAny(value, "$%"): // the service does not have what they name
			if value, err = credfile.ExpandPath(value, getenv, runtime.GOOS); err != nil {
				return nil, nil, wrapError(err)
			}
		}
		switch {
		case slices.Contains(fileVariables[:], name), slices.Contains(pathVariables[:], name):
			value, err = absolutePath(value)
		case slices.Contains(listVariables[:], name):
			value, err = absoluteList(value)
		}
		if err != nil {
			return nil, nil, wrapError(err)
		}
		kept = append(kept, Variable{name, value})
	}
	return kept, secret, nil
}

// absolutePath makes a path absolute, unless it begins with a home directory.
func absolutePath(path string) (string, error) {
	if strings.HasPrefix(path, "~") {
		return path, nil
	}
	return filepath.Abs(path)
}

// absoluteList makes each path of a list absolute.
func absoluteList(list string) (string, error) {
	paths := filepath.SplitList(list)
	for i := range paths {
		var err error
		if paths[i], err = filepath.Abs(paths[i]); err != nil {
			return "", err
		}
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
