package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWakeDetectorNoticesSleep closes the lid of a laptop: the wall clock jumps ahead
// of the monotonic one, or, if both keep running, a timer fires late.
func TestWakeDetectorNoticesSleep(t *testing.T) {
	steps := []struct {
		name     string
		step     time.Duration // the planned wait
		passes   time.Duration // how far the monotonic clock ran
		jumps    time.Duration // how much further the wall clock moved
		wantWoke bool
	}{
		{name: "a quiet step", step: time.Hour, passes: time.Hour},
		{name: "a step cut short by a file change", step: time.Hour, passes: time.Minute},
		{name: "eight hours with the lid closed", step: time.Hour, passes: time.Minute, jumps: 8 * time.Hour, wantWoke: true},
		{name: "the clock is set back", step: time.Hour, passes: time.Minute, jumps: -time.Hour, wantWoke: true},
		{name: "a clock that drifts by seconds", step: time.Hour, passes: time.Hour, jumps: 5 * time.Second},
		{name: "a timer that fires late", step: time.Minute, passes: 3 * time.Hour, wantWoke: true},
		{name: "a long pass, with no step set", step: 0, passes: 15 * time.Minute},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset time.Duration
				c := wakeDetector{now: func() time.Time { return time.Now().Add(offset) }}
				c.startStep(s.step)
				time.Sleep(s.passes)
				offset += s.jumps
				if got := c.hasWoken(); got != s.wantWoke {
					t.Errorf("woke: %v", got)
				}
				if c.hasWoken() {
					t.Error("the same sleep is reported twice")
				}
			})
		})
	}
}
