//go:build !linux && !darwin

package state

// bootID returns "": the name of the machine has to do.
func bootID() string { return "" }
