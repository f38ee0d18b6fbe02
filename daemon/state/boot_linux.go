package state

import (
	"os"
	"strings"
)

// bootID returns an id that the kernel draws when it starts.
// Source: random(4), /proc/sys/kernel/random/boot_id.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}
