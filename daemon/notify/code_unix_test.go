//go:build unix

package notify

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestCodeIsSixDigits runs commands as people write them. What they print beside a code is
// in no error.
func TestCodeIsSixDigits(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for line, want := range map[string]string{
		"echo 123456":                                    "123456",
		"printf ' 012345\r\n'":                           "012345",
		"echo x987654 | tr -d x; exit 0":                 "987654",
		"cat; echo 123456":                               "123456", // standard input is empty
		"echo 123456 | cut -c1-5":                        "something other",
		"echo 123456 789012":                             "something other",
		"echo 1234567":                                   "something other",
		"echo '123 456'":                                 "something other",
		"echo JBSWY3DPEHPK3PXP":                          "something other",
		"yes 123456 | head -c 100000":                    "something other",
		"true":                                           "something other",
		"echo 123456; exit 3":                            "exit code 3",
		"echo JBSWY3DPEHPK3PXP >&2; exit 3":              "exit code 3",
		"no-such-program-anywhere":                       "does not find",
		"kill -9 $$":                                     "killed",
		"echo 'Touch your YubiKey...' >&2; exit 1":       "asks for a touch",
		"printf 'Please to' >&2; printf uch >&2; exit 1": "asks for a touch",
	} {
		code, err := ReadCode(t.Context(), line, time.Minute)
		if err == nil && code == want && len(want) == 6 {
			continue
		}
		told, ok := errors.AsType[*CodeError](err)
		if !ok || !strings.Contains(told.Error(), want) || told.Hint() == "" {
			t.Errorf("%s: %q, %v", line, code, err)
			continue
		}
		if said := told.Error() + told.Hint(); strings.Contains(said, "JBSW") || strings.Contains(said, "123456") || strings.Contains(said, "789") {
			t.Errorf("%s: the error shows what was printed: %s", line, said)
		}
	}
}

// TestCodeIsNotWaitedForWithoutEnd: a command that hangs is ended with what it has started,
// and the person learns why it may hang.
func TestCodeIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for line, want := range map[string]string{"sleep 600 & wait": "did not end within", "echo Touch now >&2; sleep 600": "asks for a touch"} {
		began := time.Now()
		_, err := ReadCode(t.Context(), line, 300*time.Millisecond)
		told, ok := errors.AsType[*CodeError](err)
		if !ok || !strings.Contains(told.Error(), want) || !strings.Contains(told.Hint(), "touch your key") || time.Since(began) > time.Minute {
			t.Errorf("%s: %v after %s", line, err, time.Since(began))
		}
	}
	stopped, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	cancel(why)
	if _, err := ReadCode(stopped, "sleep 600", time.Minute); !errors.Is(err, why) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// TestWhatWasPrintedIsWiped: the buffer holds no digit afterwards.
func TestWhatWasPrintedIsWiped(t *testing.T) {
	var o codeOutput
	_, _ = o.Write([]byte("123456\n"))
	if o.code() != "123456" {
		t.Fatal("no code")
	}
	if o.wipe(); o.kept != [64]byte{} {
		t.Errorf("left is %q", o.kept)
	}
}

// TestMFAProcessSeesNoCredentials: the command gets neither the variables of AWS tools that
// sign nor those that are only for keyd.
func TestMFAProcessSeesNoCredentials(t *testing.T) {
	for name, value := range map[string]string{"HOME": t.TempDir(), "AWS_SESSION_TOKEN": "elsewhere", "AWS_SECRET_ACCESS_KEY": "elsewhere", "NOTIFY_SOCKET": "/run/x"} {
		t.Setenv(name, value)
	}
	if code, err := ReadCode(t.Context(), `test -z "$AWS_SESSION_TOKEN$AWS_SECRET_ACCESS_KEY$NOTIFY_SOCKET" && test "$PWD" = "$HOME" && echo 123456`, time.Minute); code != "123456" {
		t.Error(err)
	}
}
