package iam

import (
	"errors"
	"fmt"
	"strings"
)

// SiteError is a mistake in what says how AWS is reached, in the environment or
// in the AWS files: waiting does not mend it.
type SiteError struct {
	Setting string // the variable, or the setting of a profile: "AWS_REGION", "region", "ca_bundle"
	Profile int    // index in the argument of Resolve; -1 when it is not one profile's

	text string
	err  error
}

func (e *SiteError) Error() string { return e.text }

// Unwrap returns the cause, or nil.
func (e *SiteError) Unwrap() error { return e.err }

// Variable reports whether Setting is a variable of the environment.
func (e *SiteError) Variable() bool { return strings.HasPrefix(e.Setting, "AWS_") }

// newSettingError is a setting whose value cannot be meant.
func newSettingError(setting, text string) error {
	return &SiteError{Setting: setting, Profile: -1, text: setting + " " + text}
}

// ofProfile notes whose setting it is that is wrong.
func ofProfile(profile int, err error) error {
	if e, ok := errors.AsType[*SiteError](err); ok && !e.Variable() {
		e.Profile = profile
	}
	return err
}

// origin is a setting and the name of the place it was read from, for errors.
type origin struct{ value, from string }

// firstSet returns the first of origins that says something.
func firstSet(origins ...origin) origin {
	for _, o := range origins {
		if o.value != "" {
			return o
		}
	}
	return origin{}
}

// environment looks variables up. It is a function so that a test, and a
// command that speaks for another environment, need no real one.
type environment func(string) string

func (e environment) lookup(name string) origin { return origin{e(name), name} }

// lookupBool reads a variable as AWS tools do: true or false in any case; empty
// says nothing.
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
