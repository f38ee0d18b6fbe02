package daemon

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/systemd"
)

// listenAsSystemd opens systemd's end of the socket, and returns a function that reads the
// next message.
func listenAsSystemd(t *testing.T, name string) func() string {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return func() string {
		buffer := make([]byte, 1000)
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
}

func TestSupervisorIsNotified(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only systemd has this protocol")
	}
	folder, err := os.MkdirTemp("/tmp", "keyd") // not in $TMPDIR: the name of a socket is 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	for name, address := range map[string]string{
		"a socket in a folder": filepath.Join(folder, "notify"),
		"an abstract socket":   "@keyd-test-" + strconv.FormatInt(time.Now().UnixNano(), 36),
	} {
		t.Run(name, func(t *testing.T) {
			heard := listenAsSystemd(t, address)
			s := systemd.FindSupervisor(func(name string) string {
				return map[string]string{"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000000", "WATCHDOG_PID": "4711"}[name]
			}, 4711)
			s.SendReady()
			s.Beat()
			s.Beat() // too soon: nothing is sent
			s.SendStatus(summary([]rotate.Result{{KeyStatus: state.KeyStatus{NeedsPerson: true, KeyID: "AKIAIOSFODNN7EXAMPLE"}}, {}}, time.Now()))
			s.SendStopping()
			for _, want := range []string{"READY=1\nSTATUS=", "WATCHDOG=1", "STATUS=2 keys, 1 of them waiting for you", "STOPPING=1"} {
				if got := heard(); !strings.HasPrefix(got, want) || strings.Contains(got, "AKIA") {
					t.Errorf("%q, want %q", got, want)
				}
			}
			if s.BeatEvery() != 20*time.Second {
				t.Errorf("beats every %s", s.BeatEvery())
			}
		})
	}
}

func TestMissingSupervisorIsIgnored(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"no variable":                      {},
		"a name that is no socket":         {"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "1000000"},
		"a watchdog for another process":   {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
		"a watchdog that is no number":     {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "soon"},
		"a socket without a listener":      {"NOTIFY_SOCKET": "/nowhere/notify"},
		"a watchdog with an interval of 0": {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "0"},
	} {
		s := systemd.FindSupervisor(func(v string) string { return env[v] }, 4711)
		s.SendReady()
		s.Beat()
		s.SendStopping()
		if s.BeatEvery() != 0 {
			t.Errorf("%s: beats every %s", name, s.BeatEvery())
		}
	}
}

// TestWatchdogIsFedDuringLongProof: AWS refuses the new key for ten minutes, and
// the watchdog never waits longer than half a minute.
func TestWatchdogIsFedDuringLongProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{Create: awssim.Range{Min: 10 * time.Minute, Max: 10 * time.Minute}}, 70*settings.Day)
		last, longest := time.Now(), time.Duration(0)
		l.Rotator.Heartbeat = func() { longest, last = max(longest, time.Since(last)), time.Now() }
		began := time.Now()
		l.Pass(rotate.Request{})
		if took := time.Since(began); took < 9*time.Minute {
			t.Fatalf("the proof took only %s, which is too short for this test", took)
		}
		if longest > 30*time.Second {
			t.Errorf("%s passed without a heartbeat", longest)
		}
	})
}
