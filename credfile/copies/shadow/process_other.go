//go:build !linux && !darwin

package shadow

import "errors"

// processes is empty: Windows shows the environment of another process only to a
// debugger, which keyd is not.
type processes struct{}

func openProcesses(string) (processes, error) {
	return processes{}, errors.New("they are not looked at on this system")
}

func (processes) pids() []int { return nil }

func (processes) describe(int) (running, bool) { return running{}, false }

func (processes) environ(int, []string) (held, error) { return held{}, nil }
