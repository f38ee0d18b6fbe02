package install

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
)

// State is how the service stands.
type State struct {
	Installed bool
	File      string // its definition
	Program   string // what it starts; "" when the definition does not say
	Missing   bool   // there is no such program any more
	Other     bool   // that program is another build than this one
	Version   string // of that program, "" when it does not say

	// Only the service manager knows these.
	Enabled bool   // starts at login
	Running bool   // runs now
	PID     int    // 0 when it does not run or nobody can tell
	Detail  string // the service manager's own words, when it does not run
}

// State asks the files and the service manager.
func (s *Service) State() State {
	state := s.Installed()
	s.login.queryState(&state)
	if state.Installed && state.Program == "" {
		s.compareProgram(&state)
	}
	return state
}

// Installed asks the files only: no process is started. That takes less than a
// millisecond, unless the installed program is another file than this one,
// whose build it then reads.
func (s *Service) Installed() State {
	state := State{File: s.login.definitionPath()}
	definition, err := os.ReadFile(state.File)
	if err != nil {
		return state
	}
	state.Installed, state.Program = true, s.login.parseProgram(definition)
	s.compareProgram(&state)
	return state
}

// compareProgram compares the installed program with this one.
func (s *Service) compareProgram(state *State) {
	if state.Program == "" {
		return
	}
	if _, err := os.Stat(state.Program); err != nil {
		state.Missing = true
		return
	}
	mine, ok := debug.ReadBuildInfo()
	if sameFile(state.Program, s.host.Executable) || !ok {
		return
	}
	theirs, err := buildinfo.ReadFile(state.Program)
	if err != nil {
		state.Other = true
		return
	}
	state.Version = theirs.Main.Version
	state.Other = theirs.String() != mine.String()
}
