package install

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
)

// State describes the installed service and the program that it starts.
type State struct {
	Installed      bool   // the definition exists, or the service manager knows the service
	File           string // path of the definition, also when it does not exist
	Program        string // path of the program that the service starts; "" when the definition names none
	ProgramMissing bool   // Program does not exist
	OtherBuild     bool   // Program is another build than this process
	Version        string // version of Program; "" when it is not known, or Program is this process

	// Only the service manager knows the fields below; Service.State sets them.
	Enabled bool   // the service starts at login
	Running bool   // the service runs now
	PID     int    // process id of the daemon; 0 when it does not run or the id is not known
	Detail  string // why the service does not run, in the words of the service manager; "" when not known
}

// State reads the files and asks the service manager, which starts processes.
// When the service manager cannot be asked, Detail says why.
func (s *Service) State() State {
	state := s.QuickState()
	compared := state.Program
	if err := s.login.queryState(&state); err != nil {
		state.Detail = err.Error()
	}
	if state.Program != compared { // only the Run key of Windows names a program without a definition
		s.compareProgram(&state)
	}
	return state
}

// QuickState reads the files only and starts no process. That takes less than a
// millisecond, unless the service starts another file than this program: then the
// build information of that file has to be read.
func (s *Service) QuickState() State {
	state := State{File: s.login.definitionPath()}
	definition, err := os.ReadFile(state.File)
	if err != nil {
		return state
	}
	state.Installed, state.Program = true, s.login.parseProgram(definition)
	s.compareProgram(&state)
	return state
}

// compareProgram compares the program that the service starts with this one.
func (s *Service) compareProgram(state *State) {
	if state.Program == "" {
		return
	}
	if _, err := os.Stat(state.Program); err != nil {
		state.ProgramMissing = true
		return
	}
	mine, ok := debug.ReadBuildInfo()
	if sameFile(state.Program, s.host.Executable) || !ok {
		return
	}
	theirs, err := buildinfo.ReadFile(state.Program)
	if err != nil {
		state.OtherBuild = true
		return
	}
	state.Version = theirs.Main.Version
	state.OtherBuild = theirs.String() != mine.String()
}
