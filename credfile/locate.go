package credfile

import (
	"errors"
	"fmt"
	"strings"
)

// Paths are where the two files stand, existing or not.
type Paths struct{ Credentials, Config string }

// Locate finds the files by the rules of the AWS SDKs: AWS_SHARED_CREDENTIALS_FILE
// and AWS_CONFIG_FILE, else .aws below the home directory. The home directory is
// HOME, and on Windows also USERPROFILE or HOMEDRIVE and HOMEPATH. goos is a
// runtime.GOOS value and decides the separator.
//
// A leading ~ in either variable stands for the home directory. Relative paths
// are returned as they are: every reader takes them from its own working
// directory. Not guaranteed: Python programs on Windows, the AWS CLI among
// them, pass over HOME.
// Source: smithy-rs file-location-tests.
func Locate(getenv func(string) string, goos string) (Paths, error) {
	home := homeDir(getenv, goos)
	credentials, err := locateFile(getenv, goos, home, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
	if err != nil {
		return Paths{}, err
	}
	config, err := locateFile(getenv, goos, home, "AWS_CONFIG_FILE", "config")
	if err != nil {
		return Paths{}, err
	}
	return Paths{Credentials: credentials, Config: config}, nil
}

var errNoHome = errors.New("credfile: no home directory is known, so neither is ~/.aws: set HOME")

func locateFile(getenv func(string) string, goos, home, variable, base string) (string, error) {
	path := getenv(variable)
	switch {
	case path != "" && path[0] != '~':
		return path, nil
	case home == "":
		return "", errNoHome
	case path == "":
		return joinPath(goos, home, ".aws", base), nil
	case path == "~":
		return home, nil
	case path[1] == '/' || goos == "windows" && path[1] == '\\':
		return joinPath(goos, home, path[2:]), nil
	}
	return "", fmt.Errorf("credfile: %s: the home directory of another user is not looked up: write the path in full", variable)
}

func homeDir(getenv func(string) string, goos string) string {
	if home := getenv("HOME"); home != "" || goos != "windows" {
		return home
	}
	if home := getenv("USERPROFILE"); home != "" {
		return home
	}
	if path := getenv("HOMEPATH"); path != "" {
		return getenv("HOMEDRIVE") + path
	}
	return ""
}

// joinPath is filepath.Join for another system than this one.
func joinPath(goos, dir string, names ...string) string {
	separator, ends := "/", "/"
	if goos == "windows" {
		separator, ends = `\`, `/\`
	}
	for _, name := range names {
		dir = strings.TrimRight(dir, ends) + separator + name
	}
	return dir
}
