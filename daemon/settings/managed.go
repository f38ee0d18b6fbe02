package settings

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
)

// Managed says what of an administrator's settings is in force.
type Managed struct {
	Path    string    `json:"path"`
	SHA256  string    `json:"sha256,omitzero"`         // of the contents in force, in hexadecimal; "" when none are
	Never   bool      `json:"allow_never"`             // users may exclude keys
	Problem string    `json:"problem,omitzero"`        // why the file cannot be used; the last good one is in force then
	Hint    string    `json:"hint,omitzero"`           // what helps against it
	Ignored []Ignored `json:"without_effect,omitzero"` // what keyd.ini says and may not say
}

// Ignored is a line of keyd.ini that has no effect, because it would weaken what is managed.
type Ignored struct {
	Line string `json:"line"` // as file:line
	Text string `json:"text"` // the setting, and why it has no effect, with the managed file and line that rule
}

// String returns the line with its text.
func (i Ignored) String() string { return i.Line + ": " + i.Text }

// IgnoredLines returns the lines of keyd.ini that have no effect, each with what rules.
func (s Settings) IgnoredLines() (texts []string) {
	if s.Managed == nil {
		return nil
	}
	for _, i := range s.Managed.Ignored {
		texts = append(texts, i.String())
	}
	return texts
}

// ManagedProblem returns why the managed settings in force are not those of the file, or nil.
func (s Settings) ManagedProblem() error {
	if s.Managed == nil || s.Managed.Problem == "" {
		return nil
	}
	return &ManagedError{Path: s.Managed.Path, text: s.Managed.Problem, hint: s.Managed.Hint}
}

// LacksManaged reports whether there are managed settings of which nothing can be used, not
// even a last good copy.
func (s Settings) LacksManaged() bool { return s.Managed != nil && s.Managed.SHA256 == "" }

// MayExclude reports whether rotate = never and never_accounts count in keyd.ini.
func (s Settings) MayExclude() bool { return s.Managed == nil || s.Managed.Never }

// ExcludeHint says how a person excludes the key of a profile, as a command to that person:
// where the managed settings forbid it to users, whom to ask.
func (s Settings) ExcludeHint(profile string) string {
	if !s.MayExclude() {
		return "ask whoever manages this machine to exclude it"
	}
	return fmt.Sprintf("write rotate = never below [profile %s] in keyd.ini", profile)
}

// IsManaged reports whether the managed settings set a setting. section is as Settings.From
// takes it.
func (s Settings) IsManaged(section, name string) bool { return s.isManaged(s.From(section, name)) }

// FileOf names for people the file that sets a setting: keyd.ini, or the managed settings.
// section is as Settings.From takes it.
func (s Settings) FileOf(section, name string) string {
	if s.IsManaged(section, name) {
		return managedFile
	}
	return "keyd.ini"
}

// FileOfAccount names for people the file whose never_accounts has an account. Managed
// settings come first: nobody gets it out of never_accounts in keyd.ini then.
func (s Settings) FileOfAccount(account string) string {
	if s.Managed == nil || slices.Contains(s.userAccounts, account) || !slices.Contains(s.NeverAccounts, account) {
		return "keyd.ini"
	}
	return managedFile
}

// managedFile is how texts for people call the managed settings.
const managedFile = "the managed settings"

// ExcludingFile names for people the file that excludes one of the profiles.
func (s Settings) ExcludingFile(profiles []string) string {
	for _, profile := range profiles {
		for _, name := range []string{profile, credfile.ProfileName(profile)} {
			if s.ProfileRotateAfter[name] == Never {
				return s.FileOf("profile "+name, "rotate")
			}
		}
	}
	return "keyd.ini"
}

// EditHint says how a person makes a change in the file that FileOf or ExcludingFile names.
func (s Settings) EditHint(file, otherwise string) string {
	if file == managedFile {
		return "ask whoever manages this machine: it is in " + s.Managed.Path
	}
	return otherwise
}

// isManaged reports whether a line, as file:line, is one of the managed settings.
func (s Settings) isManaged(line string) bool {
	return s.Managed != nil && strings.HasPrefix(line, s.Managed.Path+":")
}

// ManagedFile is an administrator's keyd.ini for every user of the machine. Its values are
// the defaults of users who say nothing, and bounds for those who do.
//
// It counts only if nobody but an administrator can have written it: it can start programs as
// every user. A file that cannot be read, trusted or understood does not count as absent:
// the last good one stays in force, and without one there are no settings. Only a file that
// does not exist is absent.
//
// Not guaranteed: that a user rotates. A user may run another program than keyd, or none,
// and change the copy, which belongs to the user. What keyd.ini and the environment of keyd
// say weakens nothing.
type ManagedFile struct {
	Path string // "" for none
	Copy string // managed.good in the state folder: the last good one
	Root string // the folder above which nothing is judged: "/", but in tests
}

// ManagedError reports managed settings that cannot be used.
type ManagedError struct {
	Path       string
	text, hint string
}

// Error names the file, and the line if there is one, and what is wrong with it.
func (e *ManagedError) Error() string { return "the managed settings: " + e.text }

// Hint names who can correct it. It is no command for a user.
func (e *ManagedError) Hint() string { return e.hint }

// newManagedError returns the error for a file that cannot be used because of err.
func (m ManagedFile) newManagedError(err error) *ManagedError {
	failed := &ManagedError{Path: m.Path, text: err.Error(), hint: "ask whoever manages this machine to correct " + m.Path}
	if wrong, ok := errors.AsType[*atomicfile.NotSystem](err); ok && wrong.Repair != "" {
		failed.hint = "ask whoever manages this machine to run: " + hint.Command(wrong.Repair, wrong.Path)
	} else if errors.Is(err, fs.ErrPermission) {
		failed.hint = "ask whoever manages this machine to make " + m.Path + " readable for every user"
	}
	return failed
}

// read returns the managed settings, or nil if there are none. While the file cannot be used
// it returns the last good ones, or nil with an error if none are known. With keep, it brings
// the copy up to date.
func (m ManagedFile) read(sys atomicfile.Sys, keep bool) (*Settings, error) {
	s, data, err := m.readFile(sys)
	failed, ok := errors.AsType[*ManagedError](err)
	if !ok {
		if keep {
			m.keepCopy(sys, s != nil, data)
		}
		return s, nil
	}
	if data, err = readChecked(sys, m.Copy); err != nil {
		return nil, failed
	}
	if s, err = m.parse(data); err != nil {
		return nil, failed
	}
	s.Managed.Problem, s.Managed.Hint = failed.text, failed.hint
	return s, nil
}

// readFile reads the file itself. It returns nil if there is none. Its error is a
// *ManagedError.
func (m ManagedFile) readFile(sys atomicfile.Sys) (s *Settings, data []byte, err error) {
	if m.Path == "" {
		return nil, nil, nil
	}
	data, err = os.ReadFile(m.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, absent := sys.Lstat(m.Path); errors.Is(absent, fs.ErrNotExist) {
			return nil, nil, nil
		}
	}
	if err == nil {
		err = atomicfile.CheckSystem(sys, m.Path, m.Root)
	}
	if err == nil {
		s, err = m.parse(data)
	}
	if err != nil {
		return nil, nil, m.newManagedError(err)
	}
	return s, data, nil
}

// parse reads the text of managed settings.
func (m ManagedFile) parse(data []byte) (*Settings, error) {
	p := parser{path: m.Path, managed: true, data: data, result: Default()}
	p.result.Managed = &Managed{Path: m.Path, SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
	p.parseText()
	p.checkClash()
	return &p.result, p.err
}

// keepCopy copies the contents of the file, and removes the copy if there is no file. Good
// settings are not refused when the copy cannot be written.
func (m ManagedFile) keepCopy(sys atomicfile.Sys, exists bool, data []byte) {
	switch {
	case m.Copy == "":
	case !exists:
		if _, err := sys.Lstat(m.Copy); err == nil {
			_ = sys.Remove(m.Copy)
		}
	default:
		writeChecked(sys, m.Copy, data)
	}
}

// ParseManaged parses data as managed settings that were read from path, for those who write
// such a file.
func ParseManaged(path string, data []byte) (Settings, error) {
	s, err := ManagedFile{Path: path}.parse(data)
	return *s, err
}
