package rotate

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile/copies"
	"keyd/credfile/copies/shadow"
	"keyd/daemon/decide"
)

// Machine is what a search looks through.
type Machine struct {
	Home   string   // the home folder, as an absolute path
	Own    []string // files and folders that hold keys and are no copies: the AWS files and the state folder
	Config string   // $XDG_CONFIG_HOME, or ""
	System string   // the folder in which etc stands; "" means that no file outside of Home is read
	Proc   string   // /proc; "" means that no process is looked at
}

// Search is for Rotator.Search: at the lowest priority, it looks for the ids in the files
// of the home folder, in the files that set the environment, and in the environments of
// this user's running programs. It leaves out files that no program needs, such as
// backups: keyd where shows those.
func (m Machine) Search(ctx context.Context, ids []string) []decide.Copies {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !isKeyID(id) })
	if len(ids) == 0 {
		return nil
	}
	around := shadow.Find(ctx, shadow.Options{IDs: ids, Home: m.Home, Config: m.Config, System: m.System, Proc: m.Proc}) // fast, and most urgent
	files, err := copies.Search(ctx, copies.Options{IDs: ids, Home: m.Home, Own: m.Own, Low: true})
	unfinished := strings.Join(files.Errors, "; ")
	switch {
	case ctx.Err() != nil:
		unfinished = "there was not time enough for all of " + m.Home
	case err != nil:
		unfinished = err.Error()
	}
	all := make([]decide.Copies, 0, len(ids))
	for _, id := range ids {
		c := decide.Copies{KeyID: id, Unfinished: unfinished, MoreFiles: files.More, MoreProcesses: around.MoreProcesses}
		c.Files = m.filesWith(id, files, around)
		for _, p := range around.Processes {
			if p.KeyID == id {
				c.Processes = append(c.Processes, decide.CopyProcess{Name: p.Name, PID: p.PID})
			}
		}
		c.MoreFiles += max(len(c.Files)-decide.MaxCopies, 0)
		c.MoreProcesses += max(len(c.Processes)-decide.MaxCopies, 0)
		c.Files, c.Processes = c.Files[:min(len(c.Files), decide.MaxCopies)], c.Processes[:min(len(c.Processes), decide.MaxCopies)]
		all = append(all, c)
	}
	return all
}

// filesWith returns the files that hold an id: those from which programs take it before
// they look into the AWS files come first.
func (m Machine) filesWith(id string, found copies.Report, around shadow.Report) (files []decide.CopyFile) {
	urgent := map[string]bool{}
	for _, s := range around.Shadows {
		if s.Path == "" || s.KeyID != id || m.isOwn(s.Path) {
			continue
		}
		if urgent[s.Path] {
			continue
		}
		urgent[s.Path] = true
		files = append(files, decide.CopyFile{Path: s.Path, Line: s.Line, Kind: string(s.Kind)})
	}
	for _, f := range found.Copies {
		kind := copies.FindKind(f.Kind)
		i := slices.IndexFunc(f.Places, func(p copies.Place) bool { return p.ID == id })
		if i < 0 || kind.Use == copies.Leftover || urgent[f.Path] {
			continue
		}
		urgent[f.Path] = kind.Use == copies.Shadows
		files = append(files, decide.CopyFile{Path: f.Path, Line: f.Places[i].Line, Kind: f.Kind})
	}
	slices.SortStableFunc(files, func(a, b decide.CopyFile) int {
		if urgent[a.Path] != urgent[b.Path] {
			if urgent[a.Path] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Path, b.Path)
	})
	return files
}

// isOwn reports whether a path is one of m.Own, or below one.
func (m Machine) isOwn(path string) bool {
	return slices.ContainsFunc(m.Own, func(own string) bool {
		rel, err := filepath.Rel(own, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}

// isKeyID reports whether an id of the files has the form of a key id; anything else may be
// a secret in the wrong place.
func isKeyID(id string) bool {
	return len(id) >= 16 && len(id) <= 128 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
