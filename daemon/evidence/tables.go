package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
)

// writeKeys writes a table of all keys, with what was done to each.
func (r *Report) writeKeys(p *page) {
	p.printf("<h2>Keys</h2>\n<p class=\"soft\">An age counts the full days that the key was Active. The rules of auditors differ on the 90th day, so each is shown.</p>\n")
	p.table("Key", "Profiles, user", "Status", "Dates", "Age", "Last used by others", "90 days, by rule", "Asked by")
	for _, k := range r.Keys {
		age := "unknown"
		if k.AgeDays >= 0 {
			age = fmt.Sprintf("%d&nbsp;d", k.AgeDays)
		}
		var verdicts []string
		for i, t := range tools {
			said := Undecided
			if i < len(k.Verdicts) {
				said = k.Verdicts[i].Outcome
			}
			verdicts = append(verdicts, `<span class="date">`+text(t.name)+" "+outcome(said)+`</span>`)
		}
		p.row(mono(k.ID), text(strings.Join(k.Profiles, ", "))+"<br>"+mono(firstText(k.ARN, k.Account+" "+k.User)), text(string(k.Status)), k.datesHTML(), age, useHTML(k.LastUse, k.UseDenied), strings.Join(verdicts, "<br>"), text(k.WhoAsked))
	}
	p.endTable()
}

// datesHTML returns the dates of a key, one a line.
func (k *Key) datesHTML() string {
	return linesOf(moment{"created", k.Created}, moment{"in the files", k.Shown}, moment{"replaced", k.Superseded}, moment{"deactivated", k.Deactivated}, moment{"deleted", k.Deleted}, moment{"not listed any more", k.GoneBy})
}

// moment is a date with what happened then.
type moment struct {
	what string
	at   time.Time
}

// linesOf returns the moments that are known, one a line.
func linesOf(moments ...moment) string {
	var lines []string
	for _, m := range moments {
		if !m.at.IsZero() {
			lines = append(lines, `<span class="date">`+m.what+" "+text(formatTime(m.at))+`</span>`)
		}
	}
	return strings.Join(lines, "<br>")
}

func useHTML(u *remote.Use, denied bool) string {
	switch {
	case u == nil && denied:
		return "AWS does not say"
	case u == nil:
		return "unknown"
	case u.At.IsZero():
		return "never"
	}
	return text(fmt.Sprintf("%s, %s in %s", formatTime(u.At), u.Service, u.Region))
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

// writeRotations writes a table of all rotations.
func (r *Report) writeRotations(p *page) {
	p.printf("<h2>Rotations</h2>\n")
	if len(r.Rotations) == 0 {
		p.printf("<p>None.</p>\n")
		return
	}
	p.table("Old key", "New key", "Profiles", "Asked by", "Dates", "Age of the old key", "Within max_age", "AWS's request ids")
	for _, o := range r.Rotations {
		age := "unknown"
		if o.OldAgeDays >= 0 {
			age = fmt.Sprintf("%d&nbsp;d", o.OldAgeDays)
		}
		dates := linesOf(moment{"began", o.Began}, moment{"in the files", o.Swapped}, moment{"old key off", o.Deactivated}, moment{"ended", o.Ended})
		switch {
		case o.GivenUp != "":
			dates += "<br>given up: " + text(o.GivenUp)
		case o.Ended.IsZero():
			dates += "<br>in progress"
		}
		ids := fmt.Sprintf("<details><summary>%s</summary><span class=\"mono ids\">%s</span></details>", settings.FormatCount(len(o.Requests), "call", "calls"), text(strings.Join(o.Requests, ", ")))
		p.row(mono(o.OldKey), mono(o.NewKey), text(strings.Join(o.Profiles, ", ")), text(o.WhoAsked), dates, age, outcome(o.InTime), ids)
	}
	p.endTable()
}

// writeControls writes what the frameworks ask.
func (r *Report) writeControls(p *page) {
	p.printf("<h2>Controls</h2>\n<p class=\"soft\">What the Active keys in this report say about each control. It is evidence, not a judgement of the whole control.</p>\n")
	p.table("Framework", "Version", "Control", "Asks", "Rule", "Result", "Keys")
	for _, c := range r.Controls {
		var keys []string
		for _, id := range append(append([]string{}, c.Failing...), c.Undecided...) {
			keys = append(keys, mono(id))
		}
		p.row(text(c.Framework), text(c.Versions), text(c.ID), text(c.Asks), text(string(c.Round)), outcome(c.Outcome), strings.Join(keys, "<br>"))
	}
	p.endTable()
}

// writeHistory says how far the history vouches for itself, and lists it.
func (r *Report) writeHistory(p *page) {
	h := r.History
	p.printf("<h2>History</h2>\n<p>%s. ", settings.FormatCount(h.Lines, "line", "lines"))
	switch {
	case h.Broken != "":
		p.printf("<span class=\"fail\">%s</span>. ", text(h.Misfit()))
	case h.Head != "":
		p.printf("<span class=\"pass\">Each hash fits the lines above it</span>; the last one is %s. ", mono(h.Head))
	default:
		p.printf("No line has a hash. ")
	}
	p.printf("Whether it is also the history whose hash AWS was given is not part of this page: <code>keyd report --verify</code> asks AWS, and CloudTrail has each hash in its TagUser events.</p>\n<details><summary>What was done, line by line</summary>\n")
	p.table("Line", "Time", "Did", "Key", "Profiles", "Process", "Asked by", "Note", "Calls: AWS's date, region, endpoint, request id", "Settings in force")
	for _, a := range r.actions() {
		policy := ""
		if a.Policy != nil {
			policy = strings.Join([]string{a.Policy.RotateAfter, a.Policy.MaxAge, a.Policy.Overlap, a.Policy.Quarantine}, " / ")
		}
		p.row(fmt.Sprint(a.Line), text(formatTime(a.Time)), text(a.Did), mono(a.KeyID), text(strings.Join(a.Profiles, ", ")), text(fmt.Sprintf("%s %d", a.Process, a.PID)), text(a.WhoAsked), text(a.Text), callsHTML(a.Calls), text(policy))
	}
	p.endTable()
	p.printf("</details>\n")
}

// actions returns what was done to the keys of the report, in the order of the history.
func (r *Report) actions() (all []*Action) {
	for _, k := range r.Keys {
		all = append(all, k.Actions...)
	}
	slices.SortFunc(all, func(a, b *Action) int { return cmp.Compare(a.Line, b.Line) })
	return all
}

// callsHTML returns the calls of an action, one a line.
func callsHTML(calls []remote.Receipt) string {
	var lines []string
	for _, c := range calls {
		line := text(c.Call) + " " + mono(firstText(c.RequestID, NotRecorded)) + "<br>" + text(strings.TrimSpace(strings.Join([]string{formatTime(c.Date), c.Region, c.Endpoint}, " ")))
		if c.Outcome != remote.Done {
			line += " " + text(string(c.Outcome)+" "+c.Code)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "<br>")
}
