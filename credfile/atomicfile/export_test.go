package atomicfile

// On returns o on another file system, so that a test can read on a sound one.
func On(sys Sys, o *Original) *Original {
	c := *o
	c.sys = sys
	return &c
}
