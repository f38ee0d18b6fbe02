//go:build !race

package rotate_test

import (
	"runtime"
)

// Under wine a run takes as long as under the race detector. The disk of these
// tests is the same one everywhere.
const costly = runtime.GOOS == "windows"
