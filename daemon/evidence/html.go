package evidence

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"keyd/daemon/iam/remote"
)

// style is the only style sheet of the page.
const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--page:#fff;--panel:#f6f8fa;--rule:#d0d7de;--use:#2f7d4f;--overlap:#bf8700;--quiet:#e6c84f;--off:#8c959f;--bad:#c4232e;--good:#1a7f37;--warn:#9a6700;--link:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;--page:#0d1117;--panel:#161b22;--rule:#30363d;--use:#3fb950;--overlap:#d29922;--quiet:#e3d27a;--off:#6e7681;--bad:#ff7b72;--good:#56d364;--warn:#e3b341;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px;color:var(--ink);background:var(--page);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.6rem;margin:0 0 4px}h2{font-size:1.15rem;margin:32px 0 8px}p{margin:6px 0}
.soft{color:var(--soft)}code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:16px 0}
dl div{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:8px 12px}dt{color:var(--soft);font-size:.82rem}dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.86rem}th,td{text-align:left;vertical-align:top;padding:5px 8px;border-bottom:1px solid var(--rule)}th{color:var(--soft);font-weight:600}
td .mono,.date{white-space:nowrap}td .ids{white-space:normal}
.pass{color:var(--good);font-weight:600}.fail{color:var(--bad);font-weight:600}.unknown{color:var(--warn);font-weight:600}
figure{margin:12px 0;border:1px solid var(--rule);border-radius:8px;padding:12px}svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font:11px system-ui,sans-serif}svg .id{font:600 12px ui-monospace,Menlo,Consolas,monospace}svg .who,svg .axis{fill:var(--soft);font-size:10px}
.grid{stroke:var(--rule)}.now{stroke:var(--link);stroke-width:1.5}svg .now-text{fill:var(--link);font-weight:600}
.use{fill:var(--use)}.overlap{fill:var(--overlap)}.quiet{fill:var(--quiet)}.off{fill:url(#hatch);stroke:var(--off)}.off-ground{fill:var(--panel)}.off-line{stroke:var(--off);stroke-width:2}
.rotate{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:3 2}.limit{stroke:var(--bad);stroke-width:2}.born{fill:var(--page);stroke:var(--ink);stroke-width:1.5}.gone{stroke:var(--bad);stroke-width:2.2;fill:none}
figcaption{display:flex;flex-wrap:wrap;gap:4px 18px;margin-top:10px;font-size:.82rem;color:var(--soft)}figcaption svg{display:inline-block;width:26px;height:14px;vertical-align:-2px;margin-right:5px}
details{margin:4px 0}summary{cursor:pointer}
@media print{@page{size:landscape}.scroll{overflow:visible}body{max-width:none;padding:0;font-size:11px}figure,tr,dl div{break-inside:avoid}details::details-content{content-visibility:visible;display:block}h2{break-after:avoid}}
`

// HTML returns the report as one page that loads nothing: no script, no font, no picture from
// elsewhere, and its policy for the browser forbids all of them.
func (r *Report) HTML() []byte {
	p := &page{}
	hash := sha256.Sum256([]byte(style))
	p.printf("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n", base64.StdEncoding.EncodeToString(hash[:]))
	p.printf("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>Access keys, %s</title>\n<style>%s</style>\n</head>\n<body>\n", formatDate(r.Made), style)
	r.writeSummary(p)
	if svg := r.drawPicture(); svg != "" {
		p.printf("<h2>The life of each key</h2>\n<figure>%s%s</figure>\n", svg, legend)
	}
	r.writeKeys(p)
	r.writeRotations(p)
	r.writeControls(p)
	r.writeHistory(p)
	p.printf("</body>\n</html>\n")
	return []byte(p.b.String())
}

// legend explains the picture.
const legend = `<figcaption>` +
	`<span><svg viewBox="0 0 26 14"><rect class="use" y="1" width="26" height="12"/></svg>in use</span>` +
	`<span><svg viewBox="0 0 26 14"><rect class="overlap" y="1" width="26" height="12"/></svg>overlap: both keys work</span>` +
	`<span><svg viewBox="0 0 26 14"><rect class="quiet" y="1" width="26" height="12"/></svg>overlap, and quiet: no use by others</span>` +
	`<span><svg viewBox="0 0 26 14"><rect class="off" x="1" y="1" width="24" height="12"/></svg>quarantine: Inactive</span>` +
	`<span><svg viewBox="0 0 26 14"><circle class="born" cx="13" cy="7" r="4"/></svg>created</span>` +
	`<span><svg viewBox="0 0 26 14"><path class="gone" d="M9 3l8 8m0-8l-8 8"/></svg>deleted</span>` +
	`<span><svg viewBox="0 0 26 14"><line class="rotate" x1="13" x2="13" y1="0" y2="14"/></svg>rotate_after</span>` +
	`<span><svg viewBox="0 0 26 14"><line class="limit" x1="13" x2="13" y1="0" y2="14"/></svg>max_age</span></figcaption>`

// page collects HTML.
type page struct{ b strings.Builder }

// printf adds HTML: its format is part of this program, and arguments that are not are
// escaped by the caller, with text.
func (p *page) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// text makes any text safe in an element or a quoted attribute. What a browser would obey or
// hide becomes visible.
func text(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f {
			return '\ufffd'
		}
		return r
	}, s))
}

// table begins a table.
func (p *page) table(columns ...string) {
	p.printf("<div class=\"scroll\"><table>\n<thead><tr>")
	for _, c := range columns {
		p.printf("<th scope=\"col\">%s</th>", text(c))
	}
	p.printf("</tr></thead>\n<tbody>\n")
}

// row adds a row of cells, which are HTML.
func (p *page) row(cells ...string) {
	p.printf("<tr>")
	for _, c := range cells {
		p.printf("<td>%s</td>", c)
	}
	p.printf("</tr>\n")
}

func (p *page) endTable() { p.printf("</tbody></table></div>\n") }

// mono marks an id, outcome the result of a test.
func mono(s string) string { return `<span class="mono">` + text(s) + `</span>` }

func outcome(o Outcome) string {
	return `<span class="` + string(o) + `">` + text(string(o)) + `</span>`
}

// writeSummary writes the head of the page.
func (r *Report) writeSummary(p *page) {
	p.printf("<h1>Access keys</h1>\n<p class=\"soft\">Made %s by %s", text(formatTime(r.Made)), text(r.Program))
	if r.Host != "" {
		p.printf(" on %s", text(r.Host))
	}
	if r.Installation != "" {
		p.printf(", installation %s", mono(r.Installation))
	}
	p.printf(". All times are UTC.")
	if !r.Looked.IsZero() {
		p.printf(" AWS was last asked in the pass that ended %s.", text(formatTime(r.Looked)))
	}
	if !r.Since.IsZero() {
		p.printf(" What ended before %s is left out.", text(formatTime(r.Since)))
	}
	if len(r.Profiles) > 0 {
		p.printf(" Only the keys of %s are in it.", text(strings.Join(r.Profiles, ", ")))
	}
	p.printf("</p>\n<dl>")
	active, failing, oldest := 0, 0, 0
	for _, k := range r.Keys {
		if k.Status != Active {
			continue
		}
		active, oldest = active+1, max(oldest, k.AgeDays)
		if k.Worst() != Pass {
			failing++
		}
	}
	tile := func(name, value string) { p.printf("<div><dt>%s</dt><dd>%s</dd></div>", text(name), text(value)) }
	tile("Active keys", fmt.Sprint(active))
	tile("oldest", plural(oldest, "day", "days"))
	tile("over 90 days by any rule, or age unknown", fmt.Sprint(failing))
	tile("rotations", fmt.Sprint(len(r.Rotations)))
	if r.Policy != nil {
		tile("rotate_after / max_age", r.Policy.RotateAfter+" / "+r.Policy.MaxAge)
		tile("overlap / quarantine", r.Policy.Overlap+" / "+r.Policy.Quarantine)
	}
	p.printf("</dl>\n")
}

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
	return linesOf(moment{"created", k.Created}, moment{"in the files", k.Shown}, moment{"replaced", k.Superseded}, moment{"deactivated", k.Deactivated}, moment{"deleted", k.Deleted})
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
		ids := fmt.Sprintf("<details><summary>%s</summary><span class=\"mono ids\">%s</span></details>", plural(len(o.Requests), "call", "calls"), text(strings.Join(o.Requests, ", ")))
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
	p.printf("<h2>History</h2>\n<p>%s. ", plural(h.Lines, "line", "lines"))
	switch {
	case h.Broken != "":
		p.printf("<span class=\"fail\">%s does not fit what stands before it</span>. ", text(h.Broken))
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
