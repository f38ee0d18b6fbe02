package deeptest

import (
	"os"
	"runtime/debug"
	"testing"
)

// Run is the TestMain of packages whose tests allocate much and keep little: it collects
// garbage less often, which saves a tenth of their processor time.
func Run(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
