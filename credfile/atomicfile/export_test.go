package atomicfile

// WithSys returns a copy of o that makes its system calls through sys, so that a test can
// read through a sound file system and write through a faulty one.
func WithSys(sys Sys, o *Original) *Original {
	c := *o
	c.sys = sys
	return &c
}
