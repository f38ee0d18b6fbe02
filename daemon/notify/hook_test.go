package notify

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// marked is a secret such as AWS makes them.
const marked = "wJalr/XUtnFEMI+K7MDENGbPxRfiCYq8/Zr3kLm+"

// recorded is what a hook has got.
type recorded struct {
	Args, Env []string
	Stdin, In string
}

// playHook makes this test program act as a hook.
func playHook() {
	stdin, _ := io.ReadAll(os.Stdin)
	in, _ := os.Getwd()
	data, _ := json.Marshal(recorded{os.Args[1:], os.Environ(), string(stdin), in})
	_ = os.WriteFile(os.Getenv("KEYD_TEST_RECORD"), data, 0o600)
}

// newHook returns this test program in a role of TestMain, as a hook.
func newHook(t *testing.T, role string, limit time.Duration) Hook {
	t.Helper()
	t.Setenv("KEYD_TEST_PLAYS", role)
	return Hook{Argv: []string{os.Args[0], "secret", "set"}, Stdin: []byte("pair: " + marked + "\n"), Limit: limit, Secrets: []string{marked}}
}

// TestHookGetsTheSecretOnStandardInputOnly: whoever lists processes sees arguments and
// environments.
func TestHookGetsTheSecretOnStandardInputOnly(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{"KEYD_TEST_RECORD": filepath.Join(t.TempDir(), "record"), "HOME": home, "USERPROFILE": home,
		"AWS_ACCESS_KEY_ID": "AKIAELSEWHERE", "AWS_SECRET_ACCESS_KEY": "elsewhere-secret", "AWS_SESSION_TOKEN": "elsewhere-token", "AWS_PROFILE": "work", "NOTIFY_SOCKET": "/run/x"} {
		t.Setenv(name, value)
	}
	if output, err := newHook(t, "hook", time.Minute).Run(t.Context()); err != nil {
		t.Fatal(err, output)
	}
	data, err := os.ReadFile(os.Getenv("KEYD_TEST_RECORD"))
	must(t, err)
	var got recorded
	must(t, json.Unmarshal(data, &got))
	if got.Stdin != "pair: "+marked+"\n" || !slices.Equal(got.Args, []string{"secret", "set"}) {
		t.Errorf("standard input is %q, arguments %q", got.Stdin, got.Args)
	}
	here, _ := filepath.EvalSymlinks(home)
	if in, _ := filepath.EvalSymlinks(got.In); in != here {
		t.Errorf("it works in %s, not in %s", got.In, home)
	}
	env := strings.Join(got.Env, "\n")
	for _, never := range []string{marked, "elsewhere", "AKIAELSEWHERE", "NOTIFY_SOCKET"} {
		if strings.Contains(env, never) {
			t.Errorf("the environment has %s:\n%s", never, env)
		}
	}
	if !strings.Contains(env, "AWS_PROFILE=work") {
		t.Error("AWS_PROFILE is gone")
	}
}

func TestHookSaysHowItFailed(t *testing.T) {
	output, err := newHook(t, "failure", time.Minute).Run(t.Context())
	if err == nil || err.Error() != "exit code 7" || output.Last != "no such chat" || output.Text != "first line\nno such chat\n" || output.Leaked {
		t.Errorf("%v, %+v", err, output)
	}
	missing := Hook{Argv: []string{filepath.Join(t.TempDir(), "missing")}, Limit: time.Minute}
	_, err = missing.Run(t.Context())
	if _, ok := errors.AsType[*NotStartedError](err); !ok || !strings.HasSuffix(err.Error(), "missing does not exist") {
		t.Errorf("%v", err)
	}
	if err := FindProgram("keyd-no-such-program"); err == nil || err.Error() != "keyd-no-such-program is in no folder of PATH" {
		t.Errorf("%v", err)
	}
	if err := FindProgram(os.Args[0]); err != nil {
		t.Error(err)
	}
	if runtime.GOOS != "windows" {
		text := filepath.Join(t.TempDir(), "text")
		must(t, os.WriteFile(text, nil, 0o600))
		if err := FindProgram(text); err == nil || err.Error() != text+" may not be executed" {
			t.Errorf("%v", err)
		}
		must(t, os.Chmod(text, 0o777)) // whatever the umask is
		if _, err := (Hook{Argv: []string{text}, Limit: time.Minute}).Run(t.Context()); err == nil || err.Error() != "every user of this machine may change "+text {
			t.Errorf("%v", err)
		}
	}
}

// TestHookThatHangsIsEnded ends what the hook has started, too: the child holds its output
// open until then.
func TestHookThatHangsIsEnded(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no process groups to end")
	}
	began := time.Now()
	_, err := newHook(t, "sleeper", 100*time.Millisecond).Run(t.Context())
	if err == nil || err.Error() != "not finished after 100ms: ended" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("keyd ends"))
	if _, err := newHook(t, "sleeper", time.Hour).Run(ctx); err == nil || err.Error() != "keyd ends" {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("Run took %s", took)
	}
}

// TestHookLeavesASuccessfulChildRunning: a hook may start a server in the background, which
// holds its output open.
func TestHookLeavesASuccessfulChildRunning(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("waits for two seconds")
	}
	h := Hook{Argv: []string{"sh", "-c", "sleep 5 & echo started"}, Limit: time.Minute}
	output, err := h.Run(t.Context())
	if err != nil || output.Last != "started" {
		t.Errorf("%v, %+v", err, output)
	}
}

// TestOutputHidesTheSecret prints the secret in every way in which a tool may, and looks
// for a part of it in what is left.
func TestOutputHidesTheSecret(t *testing.T) {
	half := len(marked) / 2
	b64 := base64.StdEncoding
	forms := map[string]string{
		"plain": marked, "in words": "error: bad value '" + marked + "'!", "the first half": marked[:half], "the second half": marked[half:],
		"across two lines": marked[:half] + "\n" + marked[half:], "cut off": "value " + marked[:9],
		"JSON": `{"s":"` + strings.ReplaceAll(marked, "/", `\/`) + `"}`, "JSON escapes": strings.ReplaceAll(strings.ReplaceAll(marked, "/", `\u002f`), "+", `\u002B`),
		"URL": "https://x/?s=" + url.QueryEscape(marked), "URL in small letters": strings.ReplaceAll(strings.ReplaceAll(marked, "/", "%2f"), "+", "%2b"), "URL twice": url.QueryEscape(url.QueryEscape(marked)),
		"base64": b64.EncodeToString([]byte(marked)), "base64 1": b64.EncodeToString([]byte("x" + marked + "yz")), "base64 2": b64.EncodeToString([]byte("xx" + marked + "\n")),
		"base64 URL": base64.URLEncoding.EncodeToString([]byte("user:" + marked)), "hex": hex.EncodeToString([]byte(marked)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(marked))),
		"UTF-16": strings.Join(strings.Split(marked, ""), "\x00"), "wrapped": b64.EncodeToString([]byte(marked))[:20] + "\n" + b64.EncodeToString([]byte(marked))[20:],
	}
	for name, printed := range forms {
		c := &capture{mask: newMask([]string{"AnotherSecretOfAnotherKey000000000000000", marked})}
		for i := range len(printed) { // a pipe may deliver it in any parts
			_, _ = c.Write([]byte(printed[i : i+1]))
		}
		got := c.output()
		if !got.Leaked || !strings.Contains(got.Last, "[secret]") {
			t.Errorf("%s: %+v", name, got)
		}
		for i := 0; i+maskPart <= len(marked); i++ {
			if part := marked[i : i+maskPart]; strings.Contains(got.Text+got.Last, part) {
				t.Errorf("%s: %s is left of it in %q", name, part, got.Text)
				break
			}
		}
		if name == "in words" && got.Last != "error: bad value '[secret]'!" {
			t.Errorf("%q", got.Last)
		}
		if strings.Contains(name, "base64") || name == "hex" || name == "wrapped" {
			rest := strings.NewReplacer("[secret]", "", "\n", "").Replace(got.Text)
			if len(rest) > 14 {
				t.Errorf("%s: %q is left", name, rest)
			}
		}
	}
}

func TestOutputIsBoundedAndHarmless(t *testing.T) {
	c := &capture{mask: newMask([]string{marked})}
	_, _ = c.Write([]byte(marked + "\n"))
	for range 40 {
		_, _ = c.Write([]byte(strings.Repeat("x", 10<<10) + "\n"))
	}
	_, _ = c.Write([]byte("\x1b[31mred\u202e\x00\xff " + strings.Repeat("y", 500) + "\r\n\n  \n"))
	if got := c.output(); len(got.Text) > keptOutput || !got.Leaked || !strings.HasPrefix(got.Last, `\x1b[31mred\u202e? yyy`) || len(got.Last) > lastLineLimit || cap(c.kept) > 8*keptOutput {
		t.Errorf("%d bytes, %t, %q", len(got.Text), got.Leaked, got.Last)
	}
	quiet := &capture{mask: newMask([]string{marked})}
	if got := quiet.output(); got != (HookOutput{}) {
		t.Errorf("nothing printed is %+v", got)
	}
	words := &capture{mask: newMask([]string{marked})}
	_, _ = words.Write([]byte("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is up to date with https://example.com/a%2Fb"))
	if got := words.output(); got.Leaked {
		t.Errorf("a checksum counts as the secret: %+v", got)
	}
}
