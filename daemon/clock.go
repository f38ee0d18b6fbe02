package daemon

import "time"

// wakeThreshold is how far the wall clock may jump before the machine counts as having
// slept, or its clock as having been set.
const wakeThreshold = 30 * time.Second

// wakeDetector detects that the machine slept. During sleep the wall clock continues. The
// monotonic clock either stops (Linux, macOS) or continues too, and then a timer fires
// late (Windows).
type wakeDetector struct {
	now       func() time.Time
	wall      time.Time     // start of the step by the wall clock, without a monotonic part
	monotonic time.Time     // start of the step by the monotonic clock
	step      time.Duration // the longest that the step should last; 0: unknown
}

// startStep starts a step that a timer ends.
func (c *wakeDetector) startStep(step time.Duration) {
	c.wall, c.monotonic, c.step = c.now().Round(0), time.Now(), step
}

// hasWoken reports whether, since the step started, the machine slept or the wall clock
// was set by more than wakeThreshold. It then starts a new step of unknown length.
func (c *wakeDetector) hasWoken() bool {
	wall, ran := c.now().Round(0).Sub(c.wall), time.Since(c.monotonic)
	jumped := (wall - ran).Abs() > wakeThreshold
	late := c.step > 0 && ran > c.step+wakeThreshold
	c.startStep(0)
	return jumped || late
}
