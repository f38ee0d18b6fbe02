//go:build !windows

package main

// closeConsole does nothing where a background process gets no window.
func closeConsole() {}
