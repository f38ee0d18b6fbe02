package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/install"
)

func main() { os.Exit(executeMain(thisProcess())) }

// executeMain runs the command line of this process, and returns its exit code.
func executeMain(p process) int {
	_ = preventDumps() // every command reads the secrets; only keyd run, which lives long, reports a failure
	return executeKeyd(os.Args[1:], p)
}

// thisProcess returns what a command gets from outside in this process.
func thisProcess() process {
	return process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, name: programName(os.Args[0]),
		getenv: os.Getenv, goos: runtime.GOOS, now: time.Now, host: install.CurrentHost,
	}
}

// process holds everything that a command gets from outside.
type process struct {
	in       io.Reader
	out, err io.Writer
	name     string // that the program was called by; "": keyd
	getenv   func(string) string
	goos     string // a runtime.GOOS value
	now      func() time.Time
	http     httpClient                   // nil: the network
	hurry    bool                         // keyd run does not wait until a new key is five minutes old; for tests in real time
	host     func() (install.Host, error) // nil: no service manager
	program  string                       // the path at which other programs find keyd; "": found out, which a test's program has none of
	sys      atomicfile.Sys               // nil: the real file system
	root     string                       // of the machine's own files, with etc and proc in it; "": /
}

// httpClient sends one request, as http.Client does.
type httpClient interface {
	Do(*http.Request) (*http.Response, error)
}

// executeKeyd runs the command that the arguments name, and returns its exit code.
func executeKeyd(args []string, p process) int {
	a := newApp(p)
	root := newRootCommand(a, args)
	root.SetArgs(args)
	ctx := context.Background()
	if !isBrief(args) {
		continueUnread(args)
		var stop func()
		ctx, stop = untilSignal(ctx, closings(args)...)
		defer stop()
	}
	return a.reportLost(args, a.reportError(root.ExecuteContext(ctx)))
}

// isBrief reports whether a command ends before anyone could interrupt it, and leaves nothing
// half done when it is killed: it only reads and prints. Prompts and programs run these, and
// catching signals would take a twentieth of their time.
func isBrief(args []string) bool {
	switch {
	case len(args) == 0:
		return true // help
	case args[0] == "credentials": // with a flag it may write
		return !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	}
	return args[0] == "status" || args[0] == "version" || args[0] == "--version" || args[0] == "help"
}
