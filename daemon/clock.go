package daemon

import (
	"context"
	"time"
)

// clock tells that the machine slept: the wall clock goes on meanwhile, the
// monotonic one stands still (Linux, macOS), or goes on too and a timer fires
// late (Windows).
type clock struct {
	now   func() time.Time
	wall  time.Time     // without its monotonic part
	began time.Time     // the same moment by the monotonic clock
	step  time.Duration // how long nothing was to happen from then on; 0: unknown
}

// set begins a step that a timer ends.
func (c *clock) set(step time.Duration) {
	c.wall, c.began, c.step = c.now().Round(0), time.Now(), step
}

// woke reports whether the machine slept since set, or the wall clock was moved
// by more than half a minute, and takes note of the time.
func (c *clock) woke() bool {
	wall, ran := c.now().Round(0).Sub(c.wall), time.Since(c.began)
	jumped := (wall - ran).Abs() > overslept
	late := c.step > 0 && ran > c.step+overslept
	c.set(0)
	return jumped || late
}

// pause waits, or returns the cause for which ctx ended.
func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
