package iam

import (
	"errors"
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

// wrong is a setting whose value cannot be meant.
func wrong(setting, text string) error {
	return &SiteError{Setting: setting, Profile: -1, text: setting + " " + text}
}

// in notes whose setting it is that is wrong.
func in(profile int, err error) error {
	if e, ok := errors.AsType[*SiteError](err); ok && !e.Variable() {
		e.Profile = profile
	}
	return err
}
