package main

import (
	"fmt"
	"time"
)

// statusFooter tells whether somebody looks after all this.
func (u *ui) statusFooter(r *report) string {
	looked := "no pass has looked yet"
	if !r.Looked.IsZero() {
		looked = "looked " + formatAgo(r.Now.Sub(r.Looked))
	}
	switch {
	case r.Daemon != nil:
		return fmt.Sprintf("keyd runs since %s (pid %d), %s%s", formatMoment(r.Daemon.Since, r.Now), r.Daemon.PID, looked, formatNextLook(r))
	case !r.Running && r.Looked.IsZero():
		return "no daemon runs here, and " + looked + ": keyd install, or keyd rotate"
	case !r.Running:
		return "no daemon runs here: keyd install; keyd " + r.By + " " + looked
	case r.By != "run":
		return "keyd runs, " + looked + formatNextLook(r)
	}
	return fmt.Sprintf("keyd runs (pid %d), %s%s", r.PID, looked, formatNextLook(r))
}

func formatAgo(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return formatDuration(d) + " ago"
}

func formatNextLook(r *report) string {
	if r.Looked.IsZero() || !r.nextLook.After(r.Now) {
		return ""
	}
	return ", looks again in " + formatDuration(r.nextLook.Sub(r.Now))
}
