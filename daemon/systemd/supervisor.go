// Package systemd speaks to the systemd that started this process: readiness, the
// watchdog and the status line through NOTIFY_SOCKET, and log lines with a priority
// through standard error. Without systemd all of it does nothing.
package systemd

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Supervisor is the service manager that started this process, addressed as described
// in sd_notify(3) and sd_watchdog_enabled(3). The zero Supervisor stands for no service
// manager: it sends nothing.
type Supervisor struct {
	socket        string
	watchdogLimit time.Duration // systemd kills the process after this long without a message; 0: never
	lastBeat      *time.Time    // when the last watchdog message was sent, monotonic
}

// FindSupervisor reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. pid is the id of
// this process.
func FindSupervisor(getenv func(string) string, pid int) Supervisor {
	s := Supervisor{socket: getenv("NOTIFY_SOCKET"), lastBeat: new(time.Time)}
	if !strings.HasPrefix(s.socket, "/") && !strings.HasPrefix(s.socket, "@") {
		return Supervisor{}
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	own := getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (own == "" || own == strconv.Itoa(pid)) {
		s.watchdogLimit = time.Duration(usec) * time.Microsecond
	}
	return s
}

// sendState sends a message to the service manager. It ignores failures: when systemd is
// not there, systemd notices before keyd does. Go's net package treats the @ of an
// abstract socket as systemd does.
func (s Supervisor) sendState(message string) {
	if s.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(message))
}

// BeatEvery returns the longest time to leave between two beats: half of the watchdog's
// limit, or 0 when there is no watchdog.
func (s Supervisor) BeatEvery() time.Duration { return s.watchdogLimit / 2 }

// Beat tells the watchdog that the loop is making progress. Only the loop and the events
// of a pass call it, never a goroutine that would continue when they hang. Beat sends at
// most one message in each quarter of the watchdog's limit.
func (s Supervisor) Beat() {
	if s.watchdogLimit == 0 || time.Since(*s.lastBeat) < s.watchdogLimit/4 {
		return
	}
	*s.lastBeat = time.Now()
	s.sendState("WATCHDOG=1")
}

// SendReady reports that the daemon has started.
func (s Supervisor) SendReady() { s.sendState("READY=1\nSTATUS=looking at the keys") }

// SendStopping reports that the daemon is about to end.
func (s Supervisor) SendStopping() { s.sendState("STOPPING=1\nSTATUS=stopping") }

// SendStatus sets the status line of systemctl status. The text must name no key.
func (s Supervisor) SendStatus(text string) { s.sendState("STATUS=" + text) }
