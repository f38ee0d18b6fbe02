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

// Steps returns the first number that a count from 1 takes, and its step. In deep
// tests both are 1. Otherwise the step is n, and the counts 0, 1, 2 and so on begin
// at different numbers: together, n of them take each number once. count is at
// least 0, and n at least 1.
func Steps(count, n int) (first, step int) {
	if On() {
		return 1, 1
	}
	return 1 + count%n, n
}
