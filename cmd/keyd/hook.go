package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const hookLong = `List the hooks of keyd.ini, with the state that each has for each key.

A hook is a command that brings a new pair to a place that is not a file, such as
the secrets of a repository, or that restarts a program. It runs when the new pair
is in the files and AWS has accepted it, and again when the files go back to the
old pair after that. Its section in keyd.ini:

  [hook github]
  command  = gh secret set --repo me/app --env-file -
  secrets  = stdin
  format   = env
  profiles = default

command is a program and its arguments, without a shell. Blanks separate
arguments, "..." and '...' keep blanks together, and no other character is
special. It works in your home folder, with keyd's environment without the
variables that hold credentials of AWS. It gets one JSON object on standard
input: version (1), hook, event (rotated, put back or tried), profiles, account,
user, region, old_key_id and new_key_id; and with secrets = stdin access_key_id
and secret_access_key. format = env gives it two lines instead,
AWS_ACCESS_KEY_ID=... and AWS_SECRET_ACCESS_KEY=... A secret is never in its
arguments or in its environment.

required = true, the default: the old key stays usable until the command has
ended with exit code 0. It is tried again after minutes, then hours; after a week
keyd calls you. required = false: it is tried three times, and the rotation
continues without it. timeout = 1m, at most 10m: the command and what it started
are ended then. profiles: the hook runs for the keys of these. Without it, a hook
that gets the pair runs only while the files hold one key.

The last line that it prints is in keyd status. A secret in it is hidden. A hook
may run more than once for one pair, for example after a crash, and has to end
well then, too. A command that is changed in keyd.ini is run again.`

const hookExample = `  keyd hook                    the state of each hook
  keyd hook run github work    run one now, with the pair in the files`

const hookRunLong = `Run a hook of keyd.ini now, with the pair that the files show of a profile, and
print what it prints. A secret in that is hidden. In the middle of a rotation, a
hook that has ended well counts as run.

keyd asks before it gives a secret to the command.`

func newHookCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "hook",
		Short:   "list the hooks of keyd.ini, or run one now",
		Long:    hookLong,
		Example: hookExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usageError(suggestNearest(args[0], commandNames(cmd), "keyd hook -h"), "unknown command %q: keyd hook takes list or run", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listHooks() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "list the hooks of keyd.ini",
		Long:  hookLong,
		Args:  limitArgs(0, 0, ""),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listHooks() },
	}, newHookRunCommand(a))
	return cmd
}

func newHookRunCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "run NAME PROFILE",
		Short:             "run a hook now, with the present pair of a profile",
		Long:              hookRunLong,
		Args:              limitArgs(2, 2, "the name of a hook and a profile"),
		ValidArgsFunction: a.completeHooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runHook(cmd.Context(), args[0], args[1], yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask before the secret is given to the command")
	return cmd
}

// completeHooks offers names of hooks, and then profiles.
func (a *app) completeHooks(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return a.completeProfiles(2)(cmd, args, typed)
	}
	loc, err := a.findLocations()
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := a.readSettings(loc)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return hookNames(s), cobra.ShellCompDirectiveNoFileComp
}

func hookNames(s settings.Settings) (names []string) {
	for _, h := range s.Hooks {
		names = append(names, h.Name)
	}
	return names
}

// listHooks prints the hooks of keyd.ini, and how they stood at the end of the last pass.
func (a *app) listHooks() error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	s, err := a.readSettings(loc)
	if err != nil {
		return err
	}
	status, err := state.LoadStatus(loc.folders.StateDir)
	if err != nil {
		return err
	}
	if len(s.Hooks) == 0 {
		a.term.printf("%s has no hooks; keyd hook -h shows how to write one\n", a.term.shortenHome(loc.folders.SettingsFile))
		return nil
	}
	for _, h := range s.Hooks {
		a.term.printf("%s: %s: %s\n", h.Name, describeHook(&h), a.term.shortenHome(strings.Join(h.Command, " ")))
		for _, l := range status.Keys {
			i := slices.IndexFunc(l.Hooks, func(report decide.HookReport) bool { return report.Name == h.Name })
			if i >= 0 {
				a.term.printf("  %s: %s\n", joinNames(l.Profiles), formatHook(l.Hooks[i], a.now()))
			}
		}
	}
	return nil
}

// describeHook says what a hook is for.
func describeHook(h *settings.Hook) string {
	text := "not required"
	if h.Required {
		text = "required"
	}
	if h.GetsSecret() {
		text += ", gets the pair"
	}
	if len(h.Profiles) > 0 {
		return text + " of " + joinNames(h.Profiles)
	}
	return text
}

// formatHook says how a hook stands, such as "failed 3 times: exit code 1; tried again in
// 2m".
func formatHook(h decide.HookReport, now time.Time) string {
	text := h.State
	switch h.State {
	case "ok":
		if !h.At.IsZero() {
			text += ", " + formatAgo(now.Sub(h.At))
		}
	case "failed", "left out":
		if h.Failures > 1 {
			text += fmt.Sprintf(" after %d failures", h.Failures)
			if h.State == "failed" {
				text = fmt.Sprintf("failed %d times", h.Failures)
			}
		}
	}
	if h.Why != "" {
		text += ": " + h.Why
	}
	if h.Next.After(now) {
		text += "; tried again in " + formatDuration(h.Next.Sub(now))
	}
	return text
}

// hookLines returns a line for each hook of a rotation in progress about which the reason
// in the status does not speak.
func hookLines(l state.KeyStatus, now time.Time) (lines []string) {
	for _, h := range l.Hooks {
		if !strings.Contains(l.Why, "hook "+h.Name+": ") {
			lines = append(lines, "hook "+h.Name+": "+formatHook(h, now))
		}
	}
	return lines
}

// runHook runs a hook for a person, and prints what it prints.
func (a *app) runHook(ctx context.Context, name, profile string, yes bool) error {
	d, loc, err := a.openDaemon("hook")
	if err != nil {
		return err
	}
	h := d.Settings.FindHook(name)
	if h == nil {
		return hintedError(suggestNearest(name, hookNames(d.Settings), "keyd hook"), "%s has no [hook %s]", loc.folders.SettingsFile, name)
	}
	try, err := d.PrepareHook(ctx, *h, profile)
	if err != nil {
		return a.explainMissing(ctx, loc, err)
	}
	if h.GetsSecret() {
		question := fmt.Sprintf("give the pair of %s, %s, to: %s?", profile, shortID(try.KeyID), strings.Join(h.Command, " "))
		if err := a.term.requireYes(ctx, yes, question); err != nil {
			return err
		}
	}
	outcome, err := d.RunHook(ctx, try)
	if outcome.Output != "" {
		a.term.print(strings.TrimRight(outcome.Output, "\n") + "\n")
	}
	if outcome.Leaked {
		a.term.printNote("hook %s printed a secret: [secret] stands in its place, and nothing of it is kept", name)
	}
	switch {
	case err != nil:
		return err
	case outcome.Err != nil:
		return hintedError(hookRunHint(h, profile, outcome, d.Settings), "hook %s failed: %v", name, outcome.Err)
	}
	a.term.printf("hook %s: ok, with the pair of %s (%s)\n", name, profile, shortID(try.KeyID))
	return nil
}

// hookRunHint asks what may be wrong with a hook that has failed.
func hookRunHint(h *settings.Hook, profile string, outcome rotate.HookOutcome, s settings.Settings) string {
	if outcome.Definite && s.IsManagedHook(h.Name) {
		return fmt.Sprintf("ask whoever manages this machine to correct the program in [hook %s] of %s", h.Name, s.Managed.Path)
	}
	if outcome.Definite {
		return fmt.Sprintf("correct the program in [hook %s] of keyd.ini; a service finds it by its whole path", h.Name)
	}
	return "correct it, then: " + hint.Command("keyd hook run", h.Name, profile)
}
