package evidence

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"keyd/daemon/settings"
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
		if n := r.countUndated(); n > 0 {
			p.printf("<p class=\"soft\">Not in the picture, because AWS has not told when they were created: %s.</p>\n", settings.FormatCount(n, "key", "keys"))
		}
	}
	r.writeKeys(p)
	r.writeRotations(p)
	r.writeControls(p)
	r.writeHistory(p)
	p.printf("</body>\n</html>\n")
	return []byte(p.b.String())
}

// countUndated returns how many keys there are of which nobody knows the beginning.
func (r *Report) countUndated() (n int) {
	for _, k := range r.Keys {
		if k.Created.IsZero() {
			n++
		}
	}
	return n
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
	tile("oldest", settings.FormatCount(oldest, "day", "days"))
	tile("over 90 days by any rule, or age unknown", fmt.Sprint(failing))
	tile("rotations", fmt.Sprint(len(r.Rotations)))
	if r.Policy != nil {
		tile("rotate_after / max_age", r.Policy.RotateAfter+" / "+r.Policy.MaxAge)
		tile("overlap / quarantine", r.Policy.Overlap+" / "+r.Policy.Quarantine)
	}
	p.printf("</dl>\n<p>%s</p>\n", text(strings.Join(r.PolicyLines(), "; ")))
}
