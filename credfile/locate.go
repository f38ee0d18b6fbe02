package credfile

import (
	"errors"
	"fmt"
	"strings"
)

// Paths holds the paths of the two files, whether or not they exist.
type Paths struct{ Credentials, Config string }

// Locate returns the paths of the files by the rules of the AWS SDKs: the values
// of AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, otherwise credentials and
// config in .aws below the home directory. The home directory is HOME; on Windows,
// if HOME is empty, it is USERPROFILE or HOMEDRIVE with HOMEPATH. goos is a
// runtime.GOOS value and decides the separator.
//
// Locate expands variables and home directories in either variable, see ExpandPath.
// It returns relative paths unchanged, because every reader resolves them against its
// own working directory. It fails when it needs a home directory and finds none. Not
// guaranteed: Python programs on Windows, including the AWS CLI, ignore HOME, and
// they read no file when the variable is set to nothing, where all others read the
// default file.
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

var errNoHome = errors.New("credfile: the home directory is unknown, so ~/.aws cannot be found: set HOME")

// locateFile returns the path of one file: the value of variable, or base in .aws.
func locateFile(getenv func(string) string, goos, home, variable, base string) (string, error) {
	if value := getenv(variable); value != "" {
		path, err := ExpandPath(value, getenv, goos)
		if errors.Is(err, errNoHome) {
			return "", err
		}
		if err != nil {
			return "", fmt.Errorf("credfile: %s: %w", variable, err)
		}
		return path, nil
	}
	if home == "" {
		return "", errNoHome
	}
	return joinPath(goos, home, ".aws", base), nil
}

// homeDir returns the home directory, "" if the environment names none.
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

// joinPath joins the names to dir as filepath.Join does on the system goos.
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
