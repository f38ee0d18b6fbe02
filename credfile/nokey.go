package credfile

import (
	"fmt"
	"io/fs"
)

// NoKeyError reports that there is no credentials file, and no key in the config file. It
// is fs.ErrNotExist. The file may be on a disk that is not mounted, so this is no proof
// that there are no keys.
type NoKeyError struct {
	Paths    Paths
	Profiles []Profile // those of the config file, which sign in without a key
}

// Error names both files.
func (e *NoKeyError) Error() string {
	return fmt.Sprintf("credfile: there is no %s, and no key in %s: nothing to rotate", e.Paths.Credentials, e.Paths.Config)
}

// Is reports whether target is fs.ErrNotExist.
func (e *NoKeyError) Is(target error) bool { return target == fs.ErrNotExist }

// Hint asks for the key. Nobody needs one whose profiles sign in without.
func (e *NoKeyError) Hint() string {
	if len(e.Profiles) > 0 {
		return "set AWS_SHARED_CREDENTIALS_FILE if the file is elsewhere; without an access key there is nothing to do"
	}
	return "set AWS_SHARED_CREDENTIALS_FILE if the file is elsewhere; if you have an access key and no file, enter it with: aws configure"
}
