package shadow

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Options says where Find looks, and for what.
type Options struct {
	IDs []string // the ids of the key: during a rotation, the old and the new one

	Home      string                      // the home folder; "" means that no file of it is read
	Dir       string                      // the current folder, for direnv; "" means none
	LookupEnv func(string) (string, bool) // the environment of this process; nil means that it is not looked at
	Config    string                      // $XDG_CONFIG_HOME, if it is not ~/.config

	// System is the folder in which etc stands; "" means that no file outside of Home is
	// read, and no registry of Windows.
	System string
	// Proc is the folder /proc, or one that stands in for it in a test; "" means that no
	// process is looked at.
	Proc string
}

// Standard returns the options for this user on this machine.
func Standard(home, dir string, lookupEnv func(string) (string, bool), ids ...string) Options {
	config, _ := lookupEnv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = ""
	}
	return Options{IDs: ids, Home: home, Dir: dir, LookupEnv: lookupEnv, Config: config, System: "/", Proc: "/proc"}
}

// Report is what Find has found. It holds no secret.
type Report struct {
	Shadows   []Shadow  `json:"shadows,omitzero"`
	Processes []Process `json:"processes,omitzero"` // ordered by their ids, at most MaxProcesses

	MoreProcesses int      `json:"more_processes,omitzero"` // how many are left out
	Denied        int      `json:"denied,omitzero"`         // processes of this user whose environment may not be read
	Unseen        []string `json:"unseen,omitzero"`         // what was not looked at, and why

	Blind bool `json:"-"` // Unseen says why running processes were not looked at, or not all of them
}

// Shadow is a place that sets AWS_ACCESS_KEY_ID, so that it outranks the AWS files for
// every program that gets its environment from there.
type Shadow struct {
	Kind     Kind   `json:"kind"`
	Path     string `json:"path,omitzero"` // of a file
	Line     int    `json:"line,omitzero"` // from 1; 0 when the file has no lines
	Process  string `json:"process,omitzero"`
	PID      int    `json:"pid,omitzero"`
	Variable string `json:"variable"`

	// KeyID is the key id to which the variable is set. It is "" when the value is
	// computed, or has not the form of a key id.
	KeyID string `json:"key,omitzero"`
	// Computed is set when a command or another variable makes the value.
	Computed bool `json:"computed,omitzero"`
}

// IsOneOf reports whether the variable is set to one of these ids. If not, another key
// outranks the files.
func (s Shadow) IsOneOf(ids ...string) bool { return s.KeyID != "" && slices.Contains(ids, s.KeyID) }

// Place returns where that is, for a person: path and line, or the process.
func (s Shadow) Place() string {
	switch {
	case s.Kind == ThisProcess:
		return "the environment of this shell"
	case s.Path == "":
		return fmt.Sprintf("the environment of %s (pid %d)", s.Process, s.PID)
	case s.Line == 0:
		return s.Path
	}
	return fmt.Sprintf("%s:%d", s.Path, s.Line)
}

// Process is a running process of this user whose environment holds one of the ids.
type Process struct {
	Name      string   `json:"name"` // as the kernel knows it: at most 15 bytes on Linux
	PID       int      `json:"pid"`
	Parent    int      `json:"parent,omitzero"`
	KeyID     string   `json:"key"`
	Variables []string `json:"variables,omitzero"` // the names of the variables that hold the id
}

// String returns name and pid.
func (p Process) String() string { return fmt.Sprintf("%s (pid %d)", p.Name, p.PID) }

// MaxProcesses is how many processes a Report lists.
const MaxProcesses = 256

// Find looks for what outranks the AWS files, and for the processes that hold one of the
// ids. It returns what it has found by then when ctx ends, with a line in Unseen. A file
// or a process that is gone or may not be read is no error: Denied and Unseen say so.
func Find(ctx context.Context, o Options) Report {
	r := Report{}
	if o.LookupEnv != nil {
		for _, name := range variables {
			if value, ok := o.LookupEnv(name); ok && value != "" {
				r.Shadows = append(r.Shadows, Shadow{Kind: ThisProcess, Variable: name, KeyID: idIn(value)})
			}
		}
	}
	files := reader{report: &r, home: o.Home, seen: map[string]bool{}}
	for _, f := range startFiles(o) {
		if ctx.Err() != nil {
			r.Unseen = append(r.Unseen, "some shell start files: the time was over")
			return r
		}
		files.readFile(f.path, f.kind, &shellState{}, 0)
	}
	if o.System != "" {
		r.Shadows = append(r.Shadows, userVariables()...)
	}
	if o.Proc != "" {
		findProcesses(ctx, o, &r)
	}
	if runtime.GOOS == "darwin" {
		r.Unseen = append(r.Unseen, "what launchctl setenv has set: only programs that were started since show it")
	}
	return r
}

// idIn returns value if it has the form of an access key id, and else "": it could be a
// secret in the wrong place.
func idIn(value string) string {
	value = strings.TrimSpace(value)
	if len(value) < 16 || len(value) > 128 || value[0] != 'A' {
		return ""
	}
	for _, c := range []byte(value) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return value
}

// variables are the names under which AWS tools look for a key id in their environment.
// Source: the SDK reference names AWS_ACCESS_KEY_ID; the SDKs for Java 1 and Go 1 read
// AWS_ACCESS_KEY as well (EnvironmentVariableCredentialsProvider, credentials.EnvProvider).
var variables = []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"}
