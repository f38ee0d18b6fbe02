package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// standIn is a program that records how it was called. Two of them pass their input on, as
// the real ones do.
const standIn = `#!/bin/sh
n=0
while ! mkdir "$RECORD/$n" 2>/dev/null; do n=$((n+1)); done
{ printf '%s' "${0##*/}"; for a; do printf '|%s' "$a"; done; } > "$RECORD/$n/args"
env > "$RECORD/$n/env"
tr '\0' '\n' < /proc/$PPID/cmdline > "$RECORD/$n/parent" 2>/dev/null
case "${0##*/} $1" in
"kubectl create"|"jq -c") tee "$RECORD/$n/stdin" ;;
*) cat > "$RECORD/$n/stdin" ;;
esac
`

// TestRecipesKeepTheSecretOnStandardInput runs the hooks of HOOKS.md with stand-ins for
// the programs that they start. Each gets what it should, and no secret is in an argument
// or in an environment.
func TestRecipesKeepTheSecretOnStandardInput(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the recipes are for sh")
	}
	const env = "AWS_ACCESS_KEY_ID=ID\nAWS_SECRET_ACCESS_KEY=SECRET\n"
	tfc := func(id, value string) [2]string {
		return [2]string{"curl|-sS|--fail-with-body|-X|PATCH|-H|@HOME/.config/tfc-header|-H|Content-Type: application/vnd.api+json|--data|@-|https://app.terraform.io/api/v2/workspaces/ws-CCCCCCCCCCCCCCCC/vars/" + id + "|-o|/dev/null",
			`{"data":{"type":"vars","id":"` + id + `","attributes":{"value":"` + value + `"}}}`}
	}
	json := func(hook, pair string) string {
		return `{"version":1,"hook":"` + hook + `","event":"tried","profiles":["default","work"],"region":"eu-west-1","new_key_id":"ID"` + pair + "}\n"
	}
	whole := json("vault", `,"access_key_id":"ID","secret_access_key":"SECRET"`)
	want := map[string][][2]string{ // arguments and standard input of each call
		"github":   {{"gh|secret|set|--repo|me/app|--env-file|-", env}},
		"gitlab":   {{"glab|variable|update|AWS_ACCESS_KEY_ID|--repo|my-group/app", "ID"}, {"glab|variable|update|AWS_SECRET_ACCESS_KEY|--repo|my-group/app", "SECRET"}},
		"circleci": {{"circleci|context|store-secret|github|my-org|my-context|AWS_ACCESS_KEY_ID", "ID"}, {"circleci|context|store-secret|github|my-org|my-context|AWS_SECRET_ACCESS_KEY", "SECRET"}},
		"kubernetes": {{"kubectl|apply|--server-side|-f|-", env},
			{"kubectl|create|secret|generic|aws|--namespace|app|--from-env-file=/dev/stdin|--dry-run=client|-o|yaml", env}},
		"terraform": {tfc("var-AAAAAAAAAAAAAAAA", "ID"), tfc("var-BBBBBBBBBBBBBBBB", "SECRET")},
		"onepassword": {{"op|item|edit|aws-ci|--vault|CI",
			`{"title":"aws-ci","category":"API_CREDENTIAL","fields":[{"id":"username","type":"STRING","value":"ID"},{"id":"credential","type":"CONCEALED","value":"SECRET"}]}`}},
		"pass":    {{"pass|insert|--multiline|--force|aws/ci", env}},
		"fly":     {{"fly|secrets|import|--app|my-app", env}},
		"compose": {{"docker|compose|--project-directory|/srv/app|restart", json("compose", "")}},
		"vault":   {{"jq|-c|{access_key: .access_key_id, secret_key: .secret_access_key}", whole}, {"vault|kv|put|secret/aws/ci|-", whole}},
	}
	l := lab.NewOnDisk(t, awssim.Lag{}, settings.Day)
	pair := l.ShownKeys()[0]
	for _, h := range readRecipes(t) {
		t.Run(h.Name, func(t *testing.T) {
			programs, record := t.TempDir(), t.TempDir()
			t.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
			t.Setenv("HOME", l.Home)
			t.Setenv("RECORD", record)
			t.Setenv("AWS_SECRET_ACCESS_KEY", "of-another-pair")
			for _, name := range []string{"gh", "glab", "circleci", "kubectl", "curl", "op", "pass", "fly", "docker", "jq", "vault"} {
				lab.Must(t, writeProgram(filepath.Join(programs, name), standIn))
			}
			h.Profiles = nil // that of the lab is not called ci
			l.Rotator.Settings.Hooks, l.Rotator.Hooks = []settings.Hook{h}, Hooks{}
			lab.Must(t, l.Rotator.Hooks.Check(h))
			try, err := l.Rotator.PrepareHook(t.Context(), h, "default")
			lab.Must(t, err)
			outcome, err := l.Rotator.RunHook(t.Context(), try)
			lab.Must(t, err)
			if outcome.Err != nil || outcome.Leaked {
				t.Errorf("%+v", outcome)
			}
			if got := readCalls(t, record, pair.ID, pair.Secret.Reveal(), l.Home); !slices.Equal(got, want[h.Name]) {
				t.Errorf("got\n%q\nwant\n%q", got, want[h.Name])
			}
		})
		delete(want, h.Name)
	}
	for name := range want {
		t.Errorf("HOOKS.md has no hook %s", name)
	}
}

// readCalls returns the arguments and the standard input of each recorded call, with words
// for the pair, sorted by arguments: the parts of a pipe run side by side.
func readCalls(t *testing.T, record, id, secret, home string) (calls [][2]string) {
	t.Helper()
	words := strings.NewReplacer(id, "ID", secret, "SECRET", home, "HOME")
	folders, err := os.ReadDir(record)
	lab.Must(t, err)
	for _, folder := range folders {
		read := func(kind string) string {
			data, err := os.ReadFile(filepath.Join(record, folder.Name(), kind))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		for _, kind := range []string{"args", "env", "parent"} {
			if text := read(kind); strings.Contains(text, secret) || strings.Contains(text, "of-another-pair") {
				t.Errorf("a secret is in the %s of call %s:\n%s", kind, folder.Name(), text)
			}
		}
		calls = append(calls, [2]string{words.Replace(read("args")), words.Replace(read("stdin"))})
	}
	slices.SortFunc(calls, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return calls
}

// readRecipes returns the hooks of HOOKS.md.
func readRecipes(t *testing.T) (hooks []settings.Hook) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("notify", "HOOKS.md"))
	lab.Must(t, err)
	for i, block := range strings.Split(string(data), "```ini\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		s, err := settings.Parse(fmt.Sprintf("HOOKS.md, block %d", i+1), []byte(block))
		lab.Must(t, err)
		hooks = append(hooks, s.Hooks...)
	}
	return hooks
}

// slowHook is a hook that takes long.
type slowHook struct {
	takes time.Duration

	mu    sync.Mutex
	began int
	ended []error // why each run has ended; nil for one that has succeeded
}

// runs returns how many runs have begun, and how those have ended that are over.
func (h *slowHook) runs() (began int, ended []error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.began, slices.Clone(h.ended)
}

func (h *slowHook) Check(settings.Hook) error { return nil }

func (h *slowHook) Run(ctx context.Context, _ rotate.HookCall) rotate.HookOutcome {
	h.mu.Lock()
	h.began++
	h.mu.Unlock()
	var why error
	select {
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-time.After(h.takes):
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, why)
	return rotate.HookOutcome{Err: why}
}

// TestDaemonEndsItsHooks: when the daemon stops, its hooks end before it does, since nothing
// else would end them. The next daemon runs them again.
func TestDaemonEndsItsHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		s := settings.Default()
		s.Hooks = []settings.Hook{{Name: "slow", Command: []string{"x"}, Required: true, Timeout: 10 * time.Minute, Secrets: "none", Format: "json"}}
		hook := &slowHook{takes: 5 * time.Minute}
		r := runWith(l, s, func() (settings.Settings, error) { l.Rotator.Hooks = hook; return s, nil })
		for range 1000 {
			if began, _ := hook.runs(); began > 0 {
				break
			}
			r.wait(time.Second)
		}
		r.wait(time.Minute)
		r.stop()
		if began, ended := hook.runs(); len(ended) != 1 || ended[0] == nil {
			t.Fatalf("after the daemon, %d of %d runs have ended: %v", len(ended), began, ended)
		}
		r = runWith(l, s, func() (settings.Settings, error) { l.Rotator.Hooks = hook; return s, nil })
		r.wait(30 * time.Minute)
		r.stop()
		if began, ended := hook.runs(); began != 2 || len(ended) != 2 || ended[1] != nil {
			t.Errorf("%d runs, %v", began, ended)
		}
		l.CheckPromises()
	})
}

// writeProgram writes a program. No process is forked meanwhile: it would hold the file open
// for writing until it starts its own program, and until then this one is "text file busy".
func writeProgram(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o700)
}
