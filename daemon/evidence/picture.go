package evidence

import (
	"fmt"
	"strings"
	"time"

	"keyd/daemon/settings"
)

// The measures of the picture, in its own units, which are pixels at full width.
const (
	pictureWidth = 1000
	labelWidth   = 190
	rowHeight    = 38
	headHeight   = 34
	barHeight    = 14
	rightMargin  = 14
)

// picture is the life of each key as a bar on one scale of time.
type picture struct {
	from, to time.Time
	now      time.Time
	b        strings.Builder
}

// drawPicture returns the lives of the keys as SVG, or "" when no date of any is known.
func (r *Report) drawPicture() string {
	p := &picture{now: r.Made, to: r.Made}
	var rows []*Key
	for _, k := range r.Keys {
		if k.Created.IsZero() {
			continue
		}
		rows = append(rows, k)
		if p.from.IsZero() || k.Created.Before(p.from) {
			p.from = k.Created
		}
		if at := k.Created.Add(spanOf(maxAge(k.Policy))); k.Status == Active && at.After(p.to) {
			p.to = at
		}
	}
	if len(rows) == 0 {
		return ""
	}
	if r.Since.After(p.from) { // what came before is cut off
		p.from = r.Since
	}
	room := max(p.to.Sub(p.from)/40, time.Hour)
	p.from, p.to = p.from.Add(-room), p.to.Add(room)
	height := headHeight + rowHeight*len(rows) + 8
	p.printf(`<svg viewBox="0 0 %d %d" role="img" aria-labelledby="picture-title picture-desc"><title id="picture-title">The life of each key</title>`, pictureWidth, height)
	p.printf(`<desc id="picture-desc">One bar for each key, from its creation to its deletion, on one scale of time from %s to %s. The table below has the same dates.</desc>`, formatDate(p.from), formatDate(p.to))
	p.printf(`<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="off-ground" width="6" height="6"/><line class="off-line" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>`)
	p.drawAxis(height)
	for i, k := range rows {
		p.drawKey(k, headHeight+rowHeight*i)
	}
	x := p.x(p.now)
	p.printf(`<line class="now" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text class="now-text" x="%.1f" y="11" text-anchor="middle">today</text></svg>`, x, headHeight-18, x, height, x)
	return p.b.String()
}

func (p *picture) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// x returns where a time is, within the picture.
func (p *picture) x(at time.Time) float64 {
	share := float64(at.Sub(p.from)) / float64(p.to.Sub(p.from))
	return labelWidth + min(max(share, 0), 1)*(pictureWidth-labelWidth-rightMargin)
}

// drawAxis draws the beginnings of months, or of so many months that they have room.
func (p *picture) drawAxis(height int) {
	step := 1
	for months := int(p.to.Sub(p.from)/(30*day)) + 1; months/step > 10; {
		step++
	}
	at := time.Date(p.from.Year(), p.from.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	for ; at.Before(p.to); at = at.AddDate(0, step, 0) {
		x := p.x(at)
		p.printf(`<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text class="axis" x="%.1f" y="%d">%s</text>`, x, headHeight-6, x, height, x+3, headHeight-8, at.Format("Jan 2006"))
	}
}

// drawKey draws the row of a key.
func (p *picture) drawKey(k *Key, top int) {
	mid := top + rowHeight/2
	p.printf(`<g class="row"><text class="id" x="0" y="%d">%s</text><text class="who" x="0" y="%d">%s</text>`, mid-2, text(shortKey(k.ID)), mid+12, text(cutText(strings.Join(k.Profiles, ", "), 30)))
	end := firstOf(k.Deleted, p.now)
	if k.Status == Gone { // some time between this and GoneBy
		end = k.lastKnown()
	}
	off := firstOf(k.Deactivated, end)
	if k.Status == Inactive && k.Deactivated.IsZero() { // nobody knows since when
		off = k.Created
	}
	used := firstOf(k.Superseded, off)
	p.drawBar(mid, "use", k.Created, used, "in use")
	if !k.Superseded.IsZero() && used.Before(off) {
		quiet := firstOf(k.QuietSince, off)
		p.drawBar(mid, "overlap", used, quiet, "overlap: both keys work")
		p.drawBar(mid, "quiet", quiet, off, "quiet: both keys work, and AWS has recorded no use of this one by others")
	}
	p.drawBar(mid, "off", off, end, "quarantine: Inactive")
	for _, limit := range []struct{ class, what, text string }{{"rotate", "rotate_after", rotateAfter(k.Policy)}, {"limit", "max_age", maxAge(k.Policy)}} {
		if at := k.Created.Add(spanOf(limit.text)); spanOf(limit.text) > 0 && at.Before(p.to) && at.After(p.from) {
			p.printf(`<line class="%s" x1="%.1f" y1="%d" x2="%.1f" y2="%d"><title>%s (%s): %s</title></line>`, limit.class, p.x(at), mid-14, p.x(at), mid+14, limit.what, text(limit.text), formatDate(at))
		}
	}
	if k.Created.After(p.from) {
		p.printf(`<circle class="born" cx="%.1f" cy="%d" r="4"><title>created %s</title></circle>`, p.x(k.Created), mid, formatTime(k.Created))
	}
	if !k.Deleted.IsZero() {
		x := p.x(k.Deleted)
		p.printf(`<path class="gone" d="M%.1f %dl8 8m0-8l-8 8"><title>deleted %s</title></path>`, x-4, mid-4, formatTime(k.Deleted))
	}
	p.printf(`</g>`)
}

// drawBar draws one part of a bar.
func (p *picture) drawBar(mid int, class string, from, to time.Time, what string) {
	if !from.Before(to) || !to.After(p.from) {
		return
	}
	x := p.x(from)
	p.printf(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s, %s to %s</title></rect>`, class, x, mid-barHeight/2, max(p.x(to)-x, 1), barHeight, what, formatTime(from), formatTime(to))
}

// rotateAfter returns the setting as text; "" when it is unknown.
func rotateAfter(p *Policy) string {
	if p == nil {
		return ""
	}
	return p.RotateAfter
}

// firstOf returns the first time that is not zero.
func firstOf(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// spanOf reads a duration of keyd.ini; 0 for "never" and the like.
func spanOf(text string) time.Duration {
	d, err := settings.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}

// shortKey shortens a key id as keyd does everywhere.
func shortKey(id string) string {
	if len(id) <= 8 {
		return id
	}
	return id[:4] + ".." + id[len(id)-4:]
}

// cutText cuts a text that is too long.
func cutText(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// formatDate and formatTime write a time for an auditor: in UTC.
func formatDate(t time.Time) string { return t.UTC().Format("2006-01-02") }

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
