package decide

import (
	"fmt"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
)

// FormatAge prints a duration in its largest unit, rounded down: 61d, 3h, 12m, 40s.
func FormatAge(d time.Duration) string { return settings.FormatAge(d) }

// formatAgo prints how long at is before now, such as "3d ago".
func formatAgo(at, now time.Time) string { return FormatAge(now.Sub(at)) + " ago" }

// describeUse prints when, by which service and where a key was last used; nil is
// unknown.
func describeUse(u *remote.Use, now time.Time) string {
	switch {
	case u == nil:
		return "last use unknown"
	case u.At.IsZero():
		return "never used"
	}
	return fmt.Sprintf("last used %s by %s in %s", formatAgo(u.At, now), u.Service, u.Region)
}
