package main

import (
	"fmt"
	"time"
)

// footer tells whether somebody looks after all this.
func (u *ui) footer(r *report) string {
	looked := "no pass has looked yet"
	if !r.Looked.IsZero() {
		looked = "looked " + ago(r.Now.Sub(r.Looked))
	}
	switch {
	case r.Daemon != nil:
		return fmt.Sprintf("keyd runs since %s (pid %d), %s%s", moment(r.Daemon.Since, r.Now), r.Daemon.PID, looked, again(r))
	case !r.Running && r.Looked.IsZero():
		return "no daemon runs here, and " + looked + ": keyd install, or keyd rotate"
	case !r.Running:
		return "no daemon runs here: keyd install; keyd " + r.By + " " + looked
	case r.By != "run":
		return "keyd runs, " + looked + again(r)
	}
	return fmt.Sprintf("keyd runs (pid %d), %s%s", r.PID, looked, again(r))
}

func ago(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return span(d) + " ago"
}

func again(r *report) string {
	if r.Looked.IsZero() || !r.looks.After(r.Now) {
		return ""
	}
	return ", looks again in " + span(r.looks.Sub(r.Now))
}
