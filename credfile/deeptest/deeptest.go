// Package deeptest says how much the tests try. By default they try a sample of
// what takes long, and the same one each time. With KEYD_DEEP=1 in the
// environment they try all of it, as .ci/run does.
package deeptest

import "os"

// On reports whether the tests are to try everything. It must be called while
// tests run: go test takes a result from its cache only if each variable of the
// environment that the tests read then is the same as before.
func On() bool { return os.Getenv("KEYD_DEEP") != "" }

// Sample returns all of a list when the tests are to try everything, and else every
// nth of it, from the first on. n is at least 1.
func Sample[T any](all []T, n int) []T {
	if On() {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}
