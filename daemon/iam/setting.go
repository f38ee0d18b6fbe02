package iam

import (
	"errors"
	"fmt"
	"strings"
)

// SettingError describes a mistake in a setting that says how AWS is reached, in
// the environment or in the AWS files. Waiting does not fix it.
type SettingError struct {
	Setting string // the variable, or the setting of a profile: "AWS_REGION", "region", "ca_bundle"
	Profile int    // index in the argument of Resolve; -1 when the setting belongs to no single profile

	text string
	err  error
}

// Error names the setting and what is wrong with it.
func (e *SettingError) Error() string { return e.text }

// Unwrap returns the cause, or nil.
func (e *SettingError) Unwrap() error { return e.err }

// IsVariable reports whether Setting is an environment variable.
func (e *SettingError) IsVariable() bool { return strings.HasPrefix(e.Setting, "AWS_") }

// newSettingError returns the error for a setting with an impossible value. text
// follows the name of the setting and never quotes a possible password.
func newSettingError(setting, text string) error {
	return &SettingError{Setting: setting, Profile: -1, text: setting + " " + text}
}

// ofProfile records in err which profile the wrong setting belongs to. A variable
// of the environment belongs to none.
func ofProfile(profile int, err error) error {
	if e, ok := errors.AsType[*SettingError](err); ok && !e.IsVariable() {
		e.Profile = profile
	}
	return err
}

// origin is the value of a setting, with the name that errors give to the place
// it was read from.
type origin struct{ value, from string }

// firstSet returns the first of origins with a value.
func firstSet(origins ...origin) origin {
	for _, o := range origins {
		if o.value != "" {
			return o
		}
	}
	return origin{}
}

// environment looks up variables. It is a function so that tests, and commands
// that speak for another environment, do not need the real one.
type environment func(string) string

func (e environment) lookup(name string) origin { return origin{e(name), name} }

// lookupBool reads a variable as AWS tools do: true or false in upper or lower
// case. ok is false for an empty one.
func (e environment) lookupBool(name string) (value, ok bool, err error) {
	switch v := e(name); {
	case v == "":
		return false, false, nil
	case strings.EqualFold(v, "true"):
		return true, true, nil
	case strings.EqualFold(v, "false"):
		return false, true, nil
	default:
		return false, false, newSettingError(name, fmt.Sprintf("is %q: must be true or false", v))
	}
}
