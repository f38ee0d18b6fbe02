package install

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// maxRunKey is the longest command line that Windows starts from the Run key, in
// characters.
// Source: Microsoft, "Run and RunOnce Registry Keys".
const maxRunKey = 260

// openRunKey opens the Run key of the user.
func openRunKey(access uint32) (registry.Key, error) {
	return registry.OpenKey(registry.CURRENT_USER, strings.TrimPrefix(runKeyPath, `HKCU\`), access)
}

// readRunKey returns the command line that starts keyd at logon; ok is false when
// there is none.
func readRunKey() (line string, ok bool) {
	key, err := openRunKey(registry.QUERY_VALUE)
	if err != nil {
		return "", false
	}
	defer key.Close()
	line, _, err = key.GetStringValue(displayName)
	return line, err == nil
}

// writeRunKey sets the command line that starts keyd at logon.
func writeRunKey(line string) error {
	if len(line) > maxRunKey {
		return fmt.Errorf("%s allows %d characters and the command has %d: use shorter paths or fewer variables", runKeyPath, maxRunKey, len(line))
	}
	key, _, err := registry.CreateKey(registry.CURRENT_USER, strings.TrimPrefix(runKeyPath, `HKCU\`), registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("%s: %w", runKeyPath, err)
	}
	defer key.Close()
	return key.SetStringValue(displayName, line)
}

// removeRunKey removes the command line, which may be missing.
func removeRunKey() error {
	key, err := openRunKey(registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", runKeyPath, err)
	}
	defer key.Close()
	if err := key.DeleteValue(displayName); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("%s: %w", runKeyPath, err)
	}
	return nil
}

// startCommandLine starts a command line without a console and does not wait for
// it.
func startCommandLine(line string) error {
	c := exec.Command(firstWord(line))
	c.SysProcAttr = &syscall.SysProcAttr{CmdLine: line, CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
	if err := c.Start(); err != nil {
		return err
	}
	return c.Process.Release()
}

// endProcess ends the process with this id if it runs the program of the command
// line. By now the id may belong to another process, which is left alone.
func endProcess(pid int, line string) error {
	process, err := windows.OpenProcess(windows.PROCESS_TERMINATE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer windows.CloseHandle(process)
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(name))
	if err := windows.QueryFullProcessImageName(process, 0, &name[0], &size); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	if image := windows.UTF16ToString(name[:size]); !sameFile(image, firstWord(line)) {
		return fmt.Errorf("process %d is %s and not %s: it was left alone", pid, image, firstWord(line))
	}
	return windows.TerminateProcess(process, 1)
}
