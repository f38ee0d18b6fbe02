//go:build !linux

package deeptest

func memoryDisk() string { return "" }
