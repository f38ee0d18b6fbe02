// Package fleet says how a machine stands, for the tools with which a company watches many
// machines: fleet.json for those that read a file, and the text format of Prometheus.
// A Record names nobody: it has counts, ages, times and words of fixed lists, so that it may
// leave the machine. It is made from the status of a pass, and asks nobody.
//
// # Where to find what
//
//	record.go      Record, and Make, which gathers it from a status
//	file.go        fleet.json
//	prometheus.go  the metrics, with the age of each key under a hash of its id
//
// The recipes that read all this are in install/fleet.
package fleet
