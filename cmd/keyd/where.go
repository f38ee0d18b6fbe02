package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"keyd/credfile/copies"
	"keyd/credfile/copies/shadow"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

const whereLong = `Show where else the keys of the profiles stand, and what to do about each place:
how the tool that reads the file can read the profile instead, so that no copy
is needed. Without PROFILE, it searches for all long-term keys in the files, in
one go. Of a rotation in progress it searches for both keys: a copy that holds
the old one stops working when the overlap ends, and comes first.

It first says what AWS has seen: by which service, where and when somebody other
than keyd last used the key. It makes no call; the time at which AWS was asked is
shown. Then it says what outranks the files, because it sets AWS_ACCESS_KEY_ID,
and which running programs hold the key.

It searches the home folder, and the files of the system in which such keys
stand; with --path, only these files and folders. It finds a key id in plain
text, in base64, also of a whole file, and in UTF-16. It opens no FIFO, device,
network file system or cloud placeholder, and follows no link. Media, programs,
archives, packages and caches are skipped by their names. Binary files are
searched up to 1 MiB, texts up to 256 MiB. What was not searched is counted.

Exit code 3 means that something needs a person now: a copy of the old key of a
rotation, or a key that outranks the credentials file.

--json prints one object: version (1), now, keys, outranked_by, copies, search,
and interrupted if Ctrl-C ended it. Each key has profiles, key, old_key and
old_key_until (of a rotation), and last_use: of (the key), at, service, region,
asked (when AWS said so), denied, never and quiet_since; and verdict: kind
(unused, interactive, needed or unknown), question, used, evidence, blockers and
run. Each of outranked_by has place, key, profiles, text and remedy. Each copy has
path, kind, kind_name, use (shadows, used or leftover), urgent, linked, profiles,
places (line, key, encoding), more (places beyond these) and advice: way (profile,
link, hook, delete or by hand), text, lines and run. processes are running programs
that hold the key: name, pid, parent, key and variables. search has began, ended,
roots, files, bytes, more, errors and gaps (reason, count, examples). Times are
RFC 3339; key ids are complete. Secrets and lines of files are never shown.`

const whereExample = `  keyd where            every key of the files
  keyd where work       one of them
  keyd where --path .   in this folder only`

func newWhereCommand(a *app) *cobra.Command {
	var asJSON bool
	var paths []string
	cmd := &cobra.Command{
		Use:               "where [PROFILE...]",
		Short:             "show where else a key is, who used it, and what to do",
		Long:              whereLong,
		Example:           whereExample,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: a.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.showWhere(cmd.Context(), args, paths, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().StringArrayVar(&paths, "path", nil, "search this file or folder instead of the home folder; may be repeated")
	return cmd
}

// whereReport is what keyd where prints, as text or as JSON. It never holds a secret.
type whereReport struct {
	Version     int            `json:"version"` // 1
	Now         time.Time      `json:"now"`
	Keys        []whereKey     `json:"keys"`
	OutrankedBy []outranker    `json:"outranked_by,omitzero"`
	Copies      []whereCopy    `json:"copies"` // most urgent first
	Search      copies.Summary `json:"search"`
	Interrupted bool           `json:"interrupted,omitzero"` // there may be more

	Processes     []shadow.Process `json:"processes,omitzero"`      // running programs of this user whose environment holds the key
	MoreProcesses int              `json:"more_processes,omitzero"` // how many more hold it
	Unseen        []string         `json:"unseen,omitzero"`         // what was not looked at for processes and outranked_by

	settings    settings.Settings
	sawPrograms bool // the environments of running programs were looked at
	rotations   []*journal.Rotation
}

// whereCopy is a file that holds a key, and what to do about it.
type whereCopy struct {
	copies.Copy
	KindName string      `json:"kind_name"`
	Use      copies.Use  `json:"use"`
	Linked   bool        `json:"linked,omitzero"` // keyd keeps it up to date
	Urgent   bool        `json:"urgent,omitzero"` // it holds the old key of a rotation whose overlap will end
	Profiles []string    `json:"profiles"`
	Advice   whereAdvice `json:"advice"`

	row copies.Kind
}

// whereAdvice is copies.Advice for one profile.
type whereAdvice struct {
	Way   copies.Way `json:"way"`
	Text  string     `json:"text"`
	Lines []string   `json:"lines,omitzero"`
	Run   string     `json:"run,omitzero"` // a command that keeps the file up to date
}

// showWhere searches, and prints what it found.
func (a *app) showWhere(ctx context.Context, names, paths []string, asJSON bool) error {
	loc, r, err := a.findKeys(ctx, names)
	if err != nil {
		return err
	}
	if len(r.Keys) > 0 {
		options, err := a.searchOptions(loc, r.Keys, paths)
		if err != nil {
			return err
		}
		if a.term.hasScreen() && !asJSON {
			options.Progress = func(p copies.Progress) { a.term.redrawLine(formatProgress(p)) }
		}
		found, err := copies.Search(ctx, options)
		if err != nil && ctx.Err() == nil {
			return err
		}
		r.Interrupted, r.Search = err != nil, found.Summary
		r.addCopies(found.Copies)
		if len(paths) == 0 {
			a.lookAround(ctx, r)
		}
		a.addLinks(ctx, loc, r)
		r.sortCopies()
		a.addVerdicts(ctx, r, loc, len(paths) == 0)
	}
	if asJSON {
		if err := a.term.printJSON(r); err != nil {
			return err
		}
	} else {
		a.term.print(a.term.formatWhere(r))
	}
	return whereExit(ctx, r)
}

// whereExit returns the exit code of keyd where as an error.
func whereExit(ctx context.Context, r *whereReport) error {
	switch {
	case r.Interrupted:
		return fmt.Errorf("%w: not everything was searched", context.Cause(ctx))
	case len(r.Search.Errors) > 0:
		return hintedError("", "%s", r.Search.Errors[0])
	case len(r.OutrankedBy) > 0 || slices.ContainsFunc(r.Copies, whereCopy.needsPerson):
		return exitError(exitPerson)
	}
	return nil
}

// needsPerson reports whether a copy will stop working soon, or keeps rotations from having
// an effect, and keyd does not keep it up to date.
func (c whereCopy) needsPerson() bool { return !c.Linked && (c.Urgent || c.Use == copies.Shadows) }

// searchOptions says where to search: in the home folder, or in what --path names.
func (a *app) searchOptions(loc locations, keys []whereKey, paths []string) (copies.Options, error) {
	o := copies.Options{Home: a.term.home, Ask: a.term.canAsk, Own: append(loc.awsFiles(), loc.folders.StateDir)}
	if a.root == "" {
		o.Also = copies.SystemPlaces()
	}
	for _, k := range keys {
		o.IDs = append(o.IDs, k.ids()...)
	}
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return o, err
		}
		if _, err := os.Stat(abs); errors.Is(err, fs.ErrNotExist) {
			return o, usageError("search the whole home folder: keyd where", "%s does not exist", abs)
		}
		o.Roots, o.Also = append(o.Roots, abs), nil
	}
	if !filepath.IsAbs(o.Home) && len(o.Roots) == 0 {
		return o, hintedError("set HOME, or name a folder with --path", "no home folder is known")
	}
	return o, nil
}

// addCopies adds what was found.
func (r *whereReport) addCopies(found []copies.Copy) {
	for _, c := range found {
		k := copies.FindKind(c.Kind)
		w := whereCopy{Copy: c, KindName: k.Name, Use: k.Use, row: k}
		for _, key := range r.Keys {
			if c.Holds(key.ID) || c.Holds(key.OldID) {
				w.Profiles = append(w.Profiles, key.Profiles...)
			}
			w.Urgent = w.Urgent || key.isOldInUse() && c.Holds(key.OldID)
		}
		w.Advice = adviseFor(k, w.Profiles, r.settings)
		r.Copies = append(r.Copies, w)
	}
}

// sortCopies puts the copies in order of urgency.
func (r *whereReport) sortCopies() {
	slices.SortStableFunc(r.Copies, func(a, b whereCopy) int { return cmp.Compare(a.rank(), b.rank()) })
}

// rank orders copies: what stops working soon, what keeps rotations from having an effect,
// what a program uses, and last what nobody needs.
func (c whereCopy) rank() int {
	rank := slices.Index([]copies.Use{copies.Shadows, copies.Used, copies.Leftover}, c.Use)
	if c.Use == copies.Leftover {
		rank += 10
	}
	if !c.Urgent {
		rank += 5
	}
	return rank
}

// adviseFor returns the advice of a kind for the first of the profiles.
func adviseFor(k copies.Kind, profiles []string, s settings.Settings) whereAdvice {
	profile := "PROFILE"
	if len(profiles) > 0 && isPlainName(profiles[0]) {
		profile = profiles[0]
	}
	advice := k.Advice.For(profile, s.ExcludeHint(profile))
	return whereAdvice{Way: advice.Way, Text: advice.Text, Lines: advice.Lines}
}

// isPlainName reports whether the name of a profile means the same in every format, without
// quotation marks. Of any other name, a person knows best how the file wants it.
func isPlainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return name != "" && name[0] != '-'
}
