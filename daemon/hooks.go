package daemon

import (
	"context"
	"errors"

	"keyd/daemon/notify"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// Hooks runs the commands of hooks as programs.
type Hooks struct{}

// Check returns an error if the program of the hook does not exist or may not be executed.
func (Hooks) Check(h settings.Hook) error { return notify.FindProgram(h.Command[0]) }

// Run runs the hook. See notify.Hook for what its command gets, and what is hidden in what
// it prints.
func (Hooks) Run(ctx context.Context, call rotate.HookCall) rotate.HookOutcome {
	program := notify.Hook{Argv: call.Hook.Command, Stdin: call.Stdin, Limit: call.Hook.Timeout}
	for _, secret := range call.Secrets {
		program.Secrets = append(program.Secrets, secret.Reveal())
	}
	printed, err := program.Run(ctx)
	_, definite := errors.AsType[*notify.NotStartedError](err)
	return rotate.HookOutcome{Err: err, Definite: definite, Said: printed.Last, Output: printed.Text, Leaked: printed.Leaked}
}
