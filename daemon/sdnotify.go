package daemon

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Supervisor is the service manager that started this process, as sd_notify(3)
// and sd_watchdog_enabled(3) have it. The zero Supervisor is nobody.
type Supervisor struct {
	socket   string
	watchdog time.Duration // after so long without a word the process is killed; 0: never
	beaten   *time.Time    // when it was last told, monotonic
}

// FindSupervisor reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. pid is
// this process.
func FindSupervisor(getenv func(string) string, pid int) Supervisor {
	s := Supervisor{socket: getenv("NOTIFY_SOCKET"), beaten: new(time.Time)}
	if !strings.HasPrefix(s.socket, "/") && !strings.HasPrefix(s.socket, "@") {
		return Supervisor{}
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	own := getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (own == "" || own == strconv.Itoa(pid)) {
		s.watchdog = time.Duration(usec) * time.Microsecond
	}
	return s
}

// tell sends a state. Nobody there is no failure: the supervisor will notice
// before keyd does. Go's net takes the @ of an abstract socket as systemd does.
func (s Supervisor) tell(state string) {
	if s.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

// every is how often to beat at least: half of what is allowed.
func (s Supervisor) every() time.Duration { return s.watchdog / 2 }

// Beat says that the loop goes on. It is called from the loop itself and by the
// events of a pass, never from a goroutine that would go on when they hang, and
// sends one word per quarter of the time allowed.
func (s Supervisor) Beat() {
	if s.watchdog == 0 || time.Since(*s.beaten) < s.watchdog/4 {
		return
	}
	*s.beaten = time.Now()
	s.tell("WATCHDOG=1")
}

func (s Supervisor) ready() { s.tell("READY=1\nSTATUS=looking at the keys") }

func (s Supervisor) stopping() { s.tell("STOPPING=1\nSTATUS=ending") }

// status sets the line that systemctl status shows. It must name no key.
func (s Supervisor) status(text string) { s.tell("STATUS=" + text) }
