//go:build !windows

package main

// leaveConsole does nothing where a background process gets no window.
func leaveConsole() {}
