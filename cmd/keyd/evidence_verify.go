package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// verification is what keyd report --verify prints.
type verification struct {
	Version     int          `json:"version"` // 1
	Lines       int          `json:"lines"`
	Chained     int          `json:"chained"`           // lines that have a hash
	Older       int          `json:"older,omitzero"`    // lines above the first hash, which an older keyd wrote
	Open        *state.Span  `json:"open,omitzero"`     // lines below the last hash, for which nothing vouches
	Broken      []state.Span `json:"broken,omitzero"`   // lines that do not fit what stands before them
	Receipts    []string     `json:"receipts,omitzero"` // lines that say that AWS has a hash which no line above has
	Compared    []comparison `json:"compared"`
	NotCompared []string     `json:"not_compared,omitzero"`
	OK          bool         `json:"ok"` // nothing contradicts the history; see not_compared
}

// comparison is one hash that AWS has.
type comparison struct {
	KeyID string `json:"key"`
	User  string `json:"user"`
	Hash  string `json:"hash"`
	Line  int    `json:"line,omitzero"`  // of the history that has the hash, and fits; 0 when there is none
	From  int    `json:"from,omitzero"`  // AWS vouches for the lines from this one to Line
	Unfit int    `json:"unfit,omitzero"` // the line that has the hash, when it does not fit
}

// verifyHistory checks the chain of the history, and compares it with what AWS has of it.
func (a *app) verifyHistory(ctx context.Context, o evidenceOptions) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	record, err := loc.openHistory().ReadRecord()
	if err != nil {
		return err
	}
	if err := a.checkInHistory(ctx, loc, record.Entries, o.profiles, "keyd report --verify"); err != nil {
		return err
	}
	c := record.Chain
	v := verification{Version: 1, Lines: c.Lines, Chained: c.Chained, Older: c.Older, Broken: c.Broken, Receipts: checkReceipts(record), Compared: []comparison{}}
	if c.After.From > 0 {
		v.Open = &c.After
	}
	if o.offline {
		v.NotCompared = []string{"AWS was not asked: --offline"}
	} else { // also when the history is empty: AWS may have a hash of what is gone
		a.compareWithAWS(ctx, o.profiles, record, &v)
	}
	v.OK = c.IsWhole() && len(v.Receipts) == 0 && !slices.ContainsFunc(v.Compared, func(one comparison) bool { return one.Line == 0 })
	if o.format == "json" {
		if err := a.term.printJSON(v); err != nil {
			return err
		}
	} else {
		a.term.print(v.text(a.term.width))
	}
	if v.OK {
		return nil
	}
	return hintedError("compare it with a backup, and with the TagUser events in CloudTrail, whose request ids the history has: keyd history --json", "%s", v.problem())
}

// checkReceipts returns the lines that say that AWS was given a hash which no line above
// has.
func checkReceipts(r state.Record) (wrong []string) {
	for i, e := range r.Entries {
		for _, call := range e.Calls {
			if line := r.Chain.At[call.Anchor]; call.Anchor != "" && (line == 0 || line >= r.Lines[i]) && !r.Chain.IsBrokenAbove(r.Lines[i]) {
				wrong = append(wrong, fmt.Sprintf("line %d says that AWS was given a hash that no line above has", r.Lines[i]))
			}
		}
	}
	return wrong
}

// compareWithAWS asks AWS for the hashes that it has of the history. What cannot be asked is
// said to be not compared.
func (a *app) compareWithAWS(ctx context.Context, profiles []string, record state.Record, v *verification) {
	d, loc, err := a.openDaemon("report")
	if err != nil {
		v.NotCompared = append(v.NotCompared, "AWS was not asked: "+stripPackages(err.Error()))
		return
	}
	if err := a.noteEndpoints(ctx, loc, profiles); err != nil {
		v.NotCompared = append(v.NotCompared, "AWS was not asked: "+stripPackages(err.Error()))
		return
	}
	found, unasked, err := d.ReadDescriptions(ctx, profiles)
	if err != nil {
		unasked = append(unasked, "AWS was not asked: "+err.Error())
	}
	for _, text := range unasked {
		v.NotCompared = append(v.NotCompared, stripPackages(text))
	}
	own, _ := state.FindInstallationID(loc.sys, loc.folders.StateDir)
	for _, key := range found {
		v.compare(key, own, record)
	}
	slices.SortFunc(v.Compared, func(x, y comparison) int { return strings.Compare(x.KeyID, y.KeyID) })
	if len(v.Compared)+len(v.NotCompared) == 0 {
		v.NotCompared = []string{"AWS has no hash of this history: no description of a key has one yet"}
	}
}

// compare compares the description of one key with the history of this installation.
func (v *verification) compare(key rotate.DescribedKey, own string, record state.Record) {
	about, ours := state.ParseDescription(key.Text)
	switch {
	case !ours || about.Anchor == "": // an older keyd made it, or a person
		v.NotCompared = append(v.NotCompared, shortID(key.KeyID)+": its description at AWS has no hash")
	case about.Installation != own:
		v.NotCompared = append(v.NotCompared, fmt.Sprintf("%s: its description at AWS has the hash of another installation of keyd, on %s", shortID(key.KeyID), about.Host))
	default:
		one := comparison{KeyID: key.KeyID, User: key.Account + "/" + key.User, Hash: about.Anchor, Line: record.Chain.At[about.Anchor]}
		if one.Line > 0 {
			one.From = record.Chain.VouchedFrom(one.Line)
		} else if i := slices.IndexFunc(record.Entries, func(e state.HistoryEntry) bool { return e.Chain == about.Anchor }); i >= 0 {
			one.Unfit = record.Lines[i]
		}
		v.Compared = append(v.Compared, one)
	}
}

// text renders a verification for people, in lines of at most this width; 0 breaks none.
func (v *verification) text(width int) string {
	var b strings.Builder
	say := func(format string, args ...any) {
		b.WriteString(layout.Fill("", layout.Escape(fmt.Sprintf(format, args...)), layout.Hanging, width) + "\n")
	}
	say("history: %s, %s with a hash", settings.FormatCount(v.Lines, "line", "lines"), settings.FormatNumber(int64(v.Chained)))
	if v.Older > 0 {
		say("%s: written by an older keyd; the hash of line %d vouches for this as it was then", state.Span{From: 1, To: v.Older}, v.Older+1)
	}
	for _, span := range v.Broken {
		say("%s", span.Misfit())
	}
	for _, text := range v.Receipts {
		say("%s", text)
	}
	if len(v.Broken) == 0 && v.Chained > 0 {
		say("each hash fits the lines above it")
	}
	switch {
	case v.Open != nil && v.Chained == 0:
		say("%s: no line has a hash, so nothing vouches for this", v.Open)
	case v.Open != nil:
		say("%s: after the last hash, so nothing vouches for this", v.Open)
	}
	for _, one := range v.Compared {
		say("AWS, %s: %s", shortID(one.KeyID), one.text())
	}
	for _, text := range v.NotCompared {
		say("not compared: %s", text)
	}
	return b.String()
}

// text says what a hash at AWS proves.
func (c comparison) text() string {
	switch {
	case c.Unfit > 0:
		return fmt.Sprintf("its description has the hash of line %d, which does not fit", c.Unfit)
	case c.Line == 0:
		return "its description has a hash that no line has"
	case c.From == c.Line:
		return fmt.Sprintf("has the hash of line %d, so that line is as it was then", c.Line)
	}
	return fmt.Sprintf("has the hash of line %d, so lines %d to %d are as they were then", c.Line, c.From, c.Line)
}

// problem says what contradicts the history, the first line first.
func (v *verification) problem() string {
	if len(v.Broken) > 0 {
		return fmt.Sprintf("in the history, %s: something was changed, added or removed there", v.Broken[0].Misfit())
	}
	if len(v.Receipts) > 0 {
		return "the history contradicts itself: " + v.Receipts[0]
	}
	return "AWS has a hash that this history does not have: lines were removed at its end, or it was rewritten"
}
