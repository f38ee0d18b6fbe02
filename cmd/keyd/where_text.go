package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/credfile/copies"
	"keyd/daemon/settings"
)

// formatProgress says how far a search has come.
func formatProgress(p copies.Progress) string {
	return fmt.Sprintf("searching: %s files, %s, %s found", settings.FormatNumber(p.Files), formatSize(p.Bytes), settings.FormatNumber(int64(p.Copies)))
}

// formatWhere renders a report for people.
func (t *terminal) formatWhere(r *whereReport) string {
	var b strings.Builder
	for _, k := range r.Keys {
		t.writeKey(&b, k, r.Now)
	}
	if len(r.Keys) == 0 {
		return "no long-term key of these profiles is in the files: there is nothing to search for\n"
	}
	for _, o := range r.OutrankedBy {
		b.WriteString("\n" + t.red(t.shortenHome(o.Place)) + "\n")
		t.writeIndented(&b, o.Text)
		t.writeIndented(&b, t.shortenHome(o.Remedy))
	}
	t.writeProcesses(&b, r)
	for _, c := range r.Copies {
		t.writeCopy(&b, c, r)
	}
	t.writeSearch(&b, r)
	return b.String()
}

// writeKey writes what AWS has seen of a key.
func (t *terminal) writeKey(b *strings.Builder, k whereKey, now time.Time) {
	b.WriteString(joinNames(k.Profiles) + "  " + shortID(k.ID))
	if k.OldID != "" {
		b.WriteString(", and the old key " + shortID(k.OldID))
		if k.isOldInUse() && k.OldUntil.After(now) {
			b.WriteString(", which works for " + formatDuration(k.OldUntil.Sub(now)) + " at least")
		}
	}
	b.WriteString("\n")
	use := k.LastUse.format(now)
	if k.LastUse != nil && k.LastUse.KeyID == k.OldID {
		use = "the old key: " + use
	}
	t.writeIndented(b, use)
	t.writeVerdict(b, k.Verdict)
}

// writeProcesses writes which running programs hold a key. They keep it until they end.
func (t *terminal) writeProcesses(b *strings.Builder, r *whereReport) {
	for _, k := range r.Keys {
		for _, id := range k.ids() {
			var names []string
			for _, p := range r.Processes {
				if p.KeyID == id {
					names = append(names, p.String())
				}
			}
			if len(names) == 0 {
				continue
			}
			heading := "running programs that were started with " + shortID(id)
			if id == k.OldID && k.isOldInUse() {
				heading = t.red(heading + ", which will stop working")
			}
			b.WriteString("\n" + heading + "\n")
			t.writeIndented(b, joinNames(names))
			t.writeIndented(b, "start them again without the variable: they keep it until they end")
		}
	}
}

// writeCopy writes where a file holds a key, what kind of file it is, and what to do.
func (t *terminal) writeCopy(b *strings.Builder, c whereCopy, r *whereReport) {
	paint := plainText
	if c.needsPerson() {
		paint = t.red
	}
	b.WriteString("\n" + paint(t.shortenHome(c.Path)+":"+joinLines(c)) + t.describeKeys(c, r) + "\n")
	text := c.KindName
	if encodings := encodingsOf(c); encodings != "" {
		text += ", in " + encodings
	}
	switch c.Use {
	case copies.Shadows:
		text += ": programs take this key before they look into the credentials file"
	case copies.Leftover:
		text += ": no program needs the key there"
	}
	t.writeIndented(b, text)
	advice := c.Advice.Text
	if len(c.Advice.Lines) > 0 {
		advice += ":"
	}
	t.writeIndented(b, advice)
	for _, line := range c.Advice.Lines {
		b.WriteString("        " + line + "\n")
	}
	switch {
	case c.Linked:
		t.writeIndented(b, "keyd keeps this copy up to date")
	case c.Advice.Run != "" && len(c.Advice.Lines) > 0:
		t.writeIndented(b, "or keep the copy up to date: "+t.shortenHome(c.Advice.Run))
	case c.Advice.Run != "":
		t.writeIndented(b, "keep the copy up to date: "+t.shortenHome(c.Advice.Run))
	case c.Advice.Way == copies.LinkFile:
		t.writeIndented(b, "by hand: put the new key there after each rotation")
	}
}

// describeKeys says which of several keys stand in a copy; "" if only one was searched for.
func (t *terminal) describeKeys(c whereCopy, r *whereReport) string {
	var names []string
	for _, k := range r.Keys {
		if c.Holds(k.ID) && (len(r.Keys) > 1 || k.OldID != "") {
			names = append(names, joinNames(k.Profiles))
		}
		switch {
		case k.OldID == "" || !c.Holds(k.OldID):
		case k.isOldInUse():
			names = append(names, t.red("the old key of "+joinNames(k.Profiles)+", which will stop working"))
		default:
			names = append(names, "the key of "+joinNames(k.Profiles)+" that is being replaced")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "  (" + strings.Join(names, "; ") + ")"
}

// joinLines lists the lines of a copy: 3,9 and 2 more.
func joinLines(c whereCopy) string {
	var lines []string
	for _, p := range c.Places {
		if line := strconv.Itoa(p.Line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, ",")
	if c.More > 0 {
		text += fmt.Sprintf(" and %s more", settings.FormatNumber(int64(c.More)))
	}
	return text
}

// encodingsOf names the encodings of a copy that nobody would see in an editor.
func encodingsOf(c whereCopy) string {
	var names []string
	for _, p := range c.Places {
		if p.Encoding != copies.Plain && !slices.Contains(names, string(p.Encoding)) {
			names = append(names, string(p.Encoding))
		}
	}
	return joinNames(names)
}

// writeSearch says what was searched, and what was not.
func (t *terminal) writeSearch(b *strings.Builder, r *whereReport) {
	s := r.Search
	b.WriteString("\n" + describeFound(len(r.Copies)+s.More))
	if s.More > 0 {
		b.WriteString(fmt.Sprintf(", of which %s are shown", settings.FormatNumber(int64(len(r.Copies)))))
	}
	b.WriteString(fmt.Sprintf("; %s files (%s) were searched in %s\n", settings.FormatNumber(s.Files), formatSize(s.Bytes), formatElapsed(s.Ended.Sub(s.Began))))
	skipped := 0
	if r.MoreProcesses > 0 {
		b.WriteString(settings.FormatNumber(int64(r.MoreProcesses)) + " more running programs hold a key\n")
	}
	for _, text := range r.Unseen {
		b.WriteString(layout.Fill("", t.yellow("not looked at: ")+text, layout.Hanging, t.width) + "\n")
	}
	for _, g := range s.Gaps {
		if !g.Reason.IsUnknown() {
			skipped += g.Count
			continue
		}
		text := fmt.Sprintf("%s %s", settings.FormatNumber(int64(g.Count)), gapTexts[g.Reason])
		for i, path := range g.Examples {
			g.Examples[i] = t.shortenHome(path)
		}
		text += ": " + joinNames(g.Examples)
		if g.Count > len(g.Examples) {
			text += ", .."
		}
		b.WriteString(layout.Fill("", t.yellow("not searched: ")+text, layout.Hanging, t.width) + "\n")
	}
	if skipped > 0 {
		text := "left out, or searched in part: " + settings.FormatNumber(int64(skipped)) + " (media, programs, archives, packages, caches, and what is not a file)"
		b.WriteString(layout.Fill("", text, layout.Hanging, t.width) + "\n")
	}
}

// describeFound says how many copies there are.
func describeFound(n int) string {
	switch n {
	case 0:
		return "no copy was found"
	case 1:
		return "1 file holds a copy"
	}
	return settings.FormatNumber(int64(n)) + " files hold copies"
}

// gapTexts say what was not searched, after its count.
var gapTexts = map[copies.Reason]string{
	copies.Denied:      "may not be read by you",
	copies.Failed:      "could not be read",
	copies.Network:     "on a network file system, or on one that another program provides; name it with --path",
	copies.Placeholder: "whose contents are in a cloud and would be downloaded",
	copies.Protected:   "that macOS protects; name it with --path",
	copies.Link:        "links that lead elsewhere; name what they lead to with --path",
	copies.Large:       "texts beyond their first 256 MiB",
}

// writeIndented writes a text below a heading, wrapped.
func (t *terminal) writeIndented(b *strings.Builder, text string) {
	width := 0
	if t.hasScreen() {
		width = max(t.width-4, narrowest)
	}
	for _, line := range layout.Wrap(text, width) {
		b.WriteString("    " + line + "\n")
	}
}

// formatSize prints a number of bytes in the largest unit that it fills.
func formatSize(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size, unit := float64(n), 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	if unit < 3 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
