//go:build !linux

package main

func memoryDisk() string { return "" }
