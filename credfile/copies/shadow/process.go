package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// running is a process of this user.
type running struct {
	pid, parent int
	name        string // as the kernel knows it
	command     string // the name of its program and its first argument, to recognize sessions; never returned
}

// session returns what kind of session the process is, or "" when it is none.
func (p running) session() Kind {
	switch {
	case strings.HasPrefix(p.name, "tmux: server"), p.name == "tmux" && p.parent == 1: // macOS shows no title
		return Tmux
	case p.name == "screen" && strings.HasPrefix(p.command, "SCREEN"):
		return Screen
	case p.name == "systemd" && strings.HasSuffix(p.command, " --user"):
		return UserManager
	}
	return ""
}

// processTable lists processes.
type processTable interface {
	pids() []int
	// describe returns what the process is. own is false when it is another user's, or has
	// ended.
	describe(pid int) (is running, own bool)
	// environ returns what the environment of the process holds. The error is
	// fs.ErrPermission when the system does not show it.
	environ(pid int, ids []string) (held, error)
}

// findProcesses looks at the environments of the running processes of this user.
func findProcesses(ctx context.Context, o Options, r *Report) {
	table, err := openProcesses(o.Proc)
	if err != nil {
		r.Unseen, r.Blind = append(r.Unseen, "the environments of running processes: "+err.Error()), true
		return
	}
	r.readProcesses(ctx, table, o.IDs)
}

// readProcesses adds the processes that hold one of the ids, and the sessions that set a
// pair. It leaves out this process.
func (r *Report) readProcesses(ctx context.Context, table processTable, wanted []string) {
	unseen := map[Kind]bool{}
	for _, pid := range table.pids() {
		if ctx.Err() != nil {
			r.Unseen, r.Blind = append(r.Unseen, "some running processes: the time was over"), true
			break
		}
		if pid == os.Getpid() {
			continue
		}
		p, own := table.describe(pid)
		if !own {
			continue
		}
		kind := p.session()
		if kind != "" {
			unseen[kind] = true
		}
		h, err := table.environ(pid, wanted)
		switch {
		case errors.Is(err, fs.ErrPermission):
			r.Denied++
			continue
		case err != nil: // it has ended
			continue
		}
		r.addProcess(p, h)
		for _, name := range variables {
			if id, set := h.sets[name]; set && kind != "" {
				r.Shadows = append(r.Shadows, Shadow{Kind: kind, Process: printable(p.name), PID: p.pid, Variable: name, KeyID: id})
			}
		}
	}
	r.noteUnseen(unseen)
}

// addProcess adds a process to the report if it holds one of the ids.
func (r *Report) addProcess(p running, h held) {
	ids := make([]string, 0, len(h.ids))
	for id := range h.ids {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if len(r.Processes) >= MaxProcesses {
			r.MoreProcesses++
			continue
		}
		r.Processes = append(r.Processes, Process{Name: printable(p.name), PID: p.pid, Parent: p.parent, KeyID: id, Variables: h.ids[id]})
	}
}

// noteUnseen says what the environment with which a process was started does not show.
func (r *Report) noteUnseen(sessions map[Kind]bool) {
	if sessions[Tmux] {
		r.Unseen = append(r.Unseen, "what tmux set-environment has set since tmux was started: only windows that were opened since show it")
	}
	if sessions[Screen] {
		r.Unseen = append(r.Unseen, "what setenv has set in screen since it was started: only windows that were opened since show it")
	}
	if sessions[UserManager] {
		r.Unseen = append(r.Unseen, "what systemctl --user set-environment has set: only services that were started since show it")
	}
	if r.Denied > 0 {
		r.Unseen = append(r.Unseen, fmt.Sprintf("%d of your processes: the system does not show their environment", r.Denied))
	}
}
