package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// folderChecks look at the state folder and at the disks.
var folderChecks = []Check{
	{Name: "locks", Group: GroupService, Why: "two keyd could work on one key at the same time", Find: findLocks},
	{Name: "disk", Group: GroupService, Why: "a rotation needs room for its journal before it creates a key", Find: findFullDisks},
	{Name: "leftovers", Group: GroupService, Why: "a process of keyd was killed, and what it left may hold a secret", Find: findLeftovers},
	{Name: "damaged-journals", Group: GroupService, Why: "only a person can tell whether a damaged journal is still needed: it may hold the only copy of a secret", Find: findDamaged},
	{Name: "history", Group: GroupService, Why: "the record of what keyd did is not whole", Find: findDamagedHistory},
	{Name: "stale-daemon-info", Group: GroupService, Why: "the daemon was killed, and could not say so", Find: findStaleInfo},
}

// isLockTrouble reports whether err says that another keyd is at work, or that locks cannot
// be trusted. The check of the locks says so.
func isLockTrouble(err error) bool {
	_, busy := errors.AsType[*state.BusyError](err)
	_, lock := errors.AsType[*state.LockError](err)
	_, away := errors.AsType[*state.AwayError](err)
	return busy || lock || away
}

// findLocks takes the lock of a pass for a moment, which proves that it excludes.
func findLocks(ctx context.Context, p *Patient) []Finding {
	err := p.Rotator.AtRest(ctx, nil)
	if err == nil {
		return nil
	}
	run, ask := adviseOn(err, nil)
	if _, busy := errors.AsType[*state.BusyError](err); busy {
		return []Finding{unknown("another keyd is in the middle of a pass, so its keys could not be looked at", "try again when it is done; keyd status shows what it does")}
	}
	if isLockTrouble(err) {
		return []Finding{wrong(describe(err), run, ask)}
	}
	return nil // the check of the state folder says so
}

// Space is how much room a disk has.
type Space struct {
	Bytes uint64 // free for this user
	Files uint64 // that can be created; 0 if the disk does not count them
	Limit bool   // Files counts
}

// minSpace is the room below which a disk is as good as full: a rotation writes some dozen
// kilobytes.
const minSpace = 4 << 20

// findFullDisks looks at the disks of the files and of the state folder.
func findFullDisks(_ context.Context, p *Patient) (all []Finding) {
	told := map[string]bool{}
	for _, dir := range []string{p.Rotator.StateDir, filepath.Dir(p.awsFiles()[0])} {
		for dir != filepath.Dir(dir) {
			if _, err := os.Stat(dir); err == nil {
				break
			}
			dir = filepath.Dir(dir) // as far as it exists
		}
		space, ok := p.freeSpace(dir)
		if !ok && !told[dir] {
			told[dir] = true
			all = append(all, Finding{Severity: Unknown, Found: "how much room the disk of " + dir + " has is not known", Usual: true})
		}
		if !ok || told[dir] || space.Bytes >= minSpace && (!space.Limit || space.Files > 16) {
			continue
		}
		told[dir] = true
		what, run := fmt.Sprintf("%d KiB are free", space.Bytes>>10), "df -h"
		if space.Bytes >= minSpace {
			what, run = fmt.Sprintf("room for %s files is left", settings.FormatNumber(int64(space.Files))), "df -i"
		}
		f := wrong(fmt.Sprintf("the disk of %s is full: %s", dir, what), hint.Command(run, dir), "remove what no one needs there")
		if p.GOOS == "windows" {
			f.Run = ""
		}
		all = append(all, f)
	}
	return all
}

func (p *Patient) freeSpace(dir string) (Space, bool) {
	if p.FreeSpace != nil {
		return p.FreeSpace(dir)
	}
	return diskSpace(dir)
}

// leftoverAge is the age from which a temporary file belongs to no living process.
const leftoverAge = 10 * time.Minute

// findLeftovers looks for temporary files of processes that were killed.
func findLeftovers(ctx context.Context, p *Patient) []Finding {
	left := p.Rotator.Leftovers(ctx, leftoverAge)
	if len(left) == 0 {
		return nil
	}
	f := note("keyd left temporary files behind: "+strings.Join(left, ", "), "keyd doctor --fix", "or the next pass removes them")
	f.mend = func(ctx context.Context) (string, error) {
		return "removed " + settings.FormatCount(len(left), "file", "files"), p.Rotator.Sweep(ctx)
	}
	return []Finding{f}
}

// findDamaged looks for journals that were set aside.
func findDamaged(_ context.Context, p *Patient) (all []Finding) {
	dir := state.JournalsPath(p.Rotator.StateDir)
	names, _ := p.sys().ReadDir(dir)
	for _, name := range names {
		if journal.IsSetAside(name) {
			all = append(all, wrong("a damaged journal was set aside: "+filepath.Join(dir, name), "keyd history", "if every program works, and the console shows no key that no one has, remove it"))
		}
	}
	return all
}

// findStaleInfo looks for what a killed daemon has left.
func findStaleInfo(_ context.Context, p *Patient) []Finding {
	info := state.LoadDaemonInfo(p.Rotator.StateDir)
	if info == nil || p.isRunning() || p.now().Sub(info.Since) < 0 {
		return nil
	}
	f := note(fmt.Sprintf("the daemon (pid %d) ended without saying why", info.PID), "keyd logs", "")
	f.mend = func(context.Context) (string, error) {
		if p.isRunning() {
			return "", errors.New("a daemon has started meanwhile")
		}
		return "removed " + state.DaemonInfoPath(p.Rotator.StateDir), info.Remove(p.sys(), p.Rotator.StateDir)
	}
	return []Finding{f}
}

// findDamagedHistory looks for lines of the history that cannot be read.
func findDamagedHistory(_ context.Context, p *Patient) []Finding {
	_, damaged, err := state.OpenHistory(p.Rotator.StateDir, p.sys()).Read()
	switch path := state.HistoryPath(p.Rotator.StateDir); {
	case err != nil:
		return []Finding{wrong("the history cannot be read: "+describe(err), p.show(path), "")}
	case damaged > 0:
		return []Finding{note(fmt.Sprintf("%s: %s cannot be read: a disk or an editor has damaged them", path, settings.FormatCount(damaged, "line", "lines")), "keyd history", "it shows the rest")}
	}
	return nil
}
