package main

import (
	"strings"

	"keyd/cmd/keyd/layout"
)

// columns are the widths of the columns of a table before the last one; 0 for one that is
// left out.
type columns struct{ profiles, key, age, mark, next, state int }

// narrowest is the minimum width of a column of sentences. A column of single words reads
// worse than lines of their own.
const narrowest = 24

// measureColumns returns the widths that the rows need.
func measureColumns(rows []tableRow) (c columns) {
	for i := range rows {
		r := &rows[i]
		c.profiles, c.key, c.age = max(c.profiles, layout.CountColumns(r.profiles)), max(c.key, layout.CountColumns(r.key)), max(c.age, layout.CountColumns(r.age))
		c.mark, c.next = max(c.mark, len(r.mark)), max(c.next, layout.CountColumns(r.next))
		text := r.state
		if r.short != "" && layout.CountColumns(r.short) < layout.CountColumns(text) {
			text = r.short
		}
		c.state = max(c.state, layout.CountColumns(text))
	}
	return c
}

// before returns how many columns come before the state.
func (c columns) before() (n int) {
	for _, width := range []int{c.profiles, c.key, c.age + c.mark, c.next} {
		if width > 0 {
			n += width + 2
		}
	}
	return n
}

// fit makes the table fit into a window of this width. The names of profiles are cut first,
// though to no less than two fifths of what they share with the state. In a very narrow
// window whole columns go, of which the state tells the most important.
func (c columns) fit(width int) columns {
	for _, drop := range []*int{&c.key, &c.next, &c.age} {
		if rest := c; width-rest.before()+rest.profiles >= narrowest+6 {
			break
		}
		*drop = 0
		if drop == &c.age {
			c.mark = 0
		}
	}
	room := width - c.before() + c.profiles
	c.profiles = max(min(c.profiles, max(room-c.state, room*2/5)), 1)
	c.state = max(width-c.before(), 1)
	return c
}

// formatRows returns one line for each row. On a terminal no line is wider than the window;
// elsewhere nothing is cut, so that a program finds each key and its whole reason in one line.
func (t *terminal) formatRows(rows []tableRow) (lines []string) {
	lines = make([]string, 0, len(rows))
	c := measureColumns(rows)
	if t.hasScreen() {
		c = c.fit(t.width)
	} else {
		c.state = 0
	}
	tight := false
	for i := range rows {
		tight = tight || layout.CountColumns(rows[i].chooseState(c.state)) < layout.CountColumns(rows[i].short)
	}
	for i := range rows {
		r := &rows[i]
		text := r.chooseState(c.state)
		if tight && r.next == needsYou && r.least != "" { // as where there is no room for more
			text = r.least
		}
		var b strings.Builder
		end := r.paint(layout.CutEnd(text, c.state))
		b.Grow(c.before() + len(r.profiles) + len(end))
		c.write(&b, r, t.hasScreen())
		b.WriteString(end)
		lines = append(lines, b.String())
	}
	return lines
}

// chooseState returns the longest text for the state that fits into so many columns, or the
// shortest one; 0 is no limit.
func (r *tableRow) chooseState(width int) string {
	text := r.state
	for _, shorter := range []string{r.short, r.least} {
		if width > 0 && layout.CountColumns(text) > width && shorter != "" {
			text = shorter
		}
	}
	return text
}

// format returns a row as far as the state. Ages are aligned to the right, as numbers are.
// moves is set where the cursor may be moved.
func (c columns) format(r *tableRow, moves bool) string {
	var b strings.Builder
	c.write(&b, r, moves)
	return b.String()
}

// write writes what format returns.
func (c columns) write(b *strings.Builder, r *tableRow, moves bool) {
	writePadded(b, layout.CutMiddle(r.profiles, c.profiles), c.profiles)
	if moves && !layout.IsASCII(r.profiles) { // not all terminals count the columns of an emoji alike
		b.WriteString(layout.MoveTo(c.profiles + 3))
	}
	if c.key > 0 {
		writePadded(b, r.key, c.key)
	}
	if c.age > 0 {
		writeBlanks(b, c.age-layout.CountColumns(r.age))
		b.WriteString(r.paintAge(r.age + r.mark))
		writeBlanks(b, c.mark-len(r.mark)+2)
	}
	if c.next > 0 {
		writePadded(b, r.next, c.next)
	}
}

// writePadded writes a text, the blanks up to width columns, and the gap to the next column.
func writePadded(b *strings.Builder, text string, width int) {
	b.WriteString(text)
	writeBlanks(b, max(width-layout.CountColumns(text), 0)+2)
}

func writeBlanks(b *strings.Builder, n int) {
	for range n {
		b.WriteByte(' ')
	}
}

// writeRows writes rows whose last column is wrapped on a terminal, with their lines below it.
func (t *terminal) writeRows(b *strings.Builder, rows []tableRow) {
	for i := range rows {
		rows[i].mark = "" // the plan of each row says what follows from its age
	}
	c := measureColumns(rows)
	c.state = 2 * narrowest
	if t.hasScreen() {
		c = c.fit(t.width)
	}
	for i := range rows {
		r := &rows[i]
		width := 0
		if t.hasScreen() {
			width = max(c.state, 1)
		}
		lines := layout.Wrap(layout.Cell(r.state), width)
		for _, line := range r.lines {
			lines = append(lines, layout.Wrap(layout.Cell(line), width)...)
		}
		b.WriteString(c.format(r, false) + r.paint(lines[0]) + "\n")
		for _, line := range lines[1:] {
			b.WriteString(strings.Repeat(" ", c.before()) + r.paint(line) + "\n")
		}
	}
}
