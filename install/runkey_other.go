//go:build !windows

package install

import (
	"errors"
	"fmt"
)

// Only Windows has a registry. These functions let tests use a logon task on other
// systems too.

func readRunKey() (line string, ok bool) { return "", false }

func removeRunKey() error { return nil }

func writeRunKey(string) error { return fmt.Errorf("%s: %w", runKeyPath, errors.ErrUnsupported) }

func startCommandLine(string) error { return errors.ErrUnsupported }

func endProcess(int, string) error { return errors.ErrUnsupported }
