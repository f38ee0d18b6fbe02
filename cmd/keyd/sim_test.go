package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/daemon/awssim"
)

// world is the AWS of one script.
type world struct {
	cloud *awssim.Cloud
	users map[string]*awssim.User
	user  *awssim.User      // the user named last
	names map[string]string // of keys, by id
	saved map[string]string // by file name

	home string
	own  []string // files that may hold a secret: the user's, and those that the story brought
	ears requestLog
	last string // what a command printed to standard error
}

type worldKey struct{}

const account = "111122223333"

func newWorld() *world {
	return &world{
		cloud: awssim.New(awssim.Options{Seed: 1}), users: map[string]*awssim.User{},
		names: map[string]string{}, saved: map[string]string{},
	}
}

func (w *world) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	w.ears.record(w.cloud, r)
	w.cloud.ServeHTTP(answer, r)
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// runSim changes AWS, or checks something there:
//
//	sim lag 8s                    AWS accepts a new key only after this; goes first
//	sim reports 7m                AWS reports the use of a key only after this; goes first
//	sim speaks ceph|wasabi|backblaze  another IAM stands in for AWS; goes first
//	sim user NAME [PARTITION]     the commands below are about this user
//	sim root                      the commands below are about the account's root
//	sim key NAME AGE [inactive]   creates a key; sets NAME_ID and NAME_SECRET
//	sim use NAME SERVICE REGION AGO
//	sim set NAME Active|Inactive  sets the status, as a person would in the console; new
//	                              is the user's newest key
//	sim fault ACTION before|after KIND [TIMES]
//	sim deny ACTION [scp|mfa]     denies; without a layer, no policy allows the action
//	sim guard [NAME]              AWS asks the user for MFA, and the user gets a device
//	sim device NAME [fido]        gives the user one more device; fido: a security key
//	sim code NAME [AGO]           sets CODE to what the device shows, or has shown
//	sim sessions over             all sessions expire
//	sim skew 20m                  AWS's clock is ahead by this much
//	sim keys [NAME STATUS]...     demands that the user has exactly these keys; a key
//	                              that keyd created is called new
//	sim calls ACTION N            demands that N requests have come
//	sim await ACTION N            waits until N requests have come
//	sim touched N                 demands that N calls were about foreign keys
func runSim(ts *testscript.TestScript, neg bool, args []string) {
	commands := map[string]func(*world, *testscript.TestScript, []string) error{
		"lag": simLag, "speaks": simSpeaks, "reports": simReports, "user": simUser, "root": simRoot, "key": simKey, "use": simUse, "set": simSet,
		"fault": simFault, "deny": simDeny, "guard": simGuard, "device": simDevice, "code": simCode, "sessions": simSessions, "skew": simSkew, "keys": simKeys, "calls": simCalls,
		"await": simAwait, "touched": simTouched,
	}
	command := commands[args[0]]
	if command == nil || neg {
		ts.Fatalf("the word after sim must be one of %v", slices.Sorted(maps.Keys(commands)))
	}
	ts.Check(command(worldOf(ts), ts, args[1:]))
}

func simLag(w *world, _ *testscript.TestScript, args []string) error {
	d, err := time.ParseDuration(args[0])
	w.cloud = awssim.New(awssim.Options{Seed: 1, Lag: awssim.Lag{Create: awssim.Range{Min: d, Max: d}}})
	return err
}

func simReports(w *world, _ *testscript.TestScript, args []string) error {
	d, err := time.ParseDuration(args[0])
	w.cloud = awssim.New(awssim.Options{Seed: 1, Lag: awssim.Lag{LastUsed: d}})
	return err
}

func simSpeaks(w *world, _ *testscript.TestScript, args []string) error {
	w.cloud = awssim.New(awssim.Options{Seed: 1, Dialect: awssim.Dialect(args[0])})
	return nil
}

func simUser(w *world, _ *testscript.TestScript, args []string) error {
	if w.user = w.users[args[0]]; w.user != nil {
		return nil
	}
	partition := append(args, "aws")[1]
	in := account
	if w.cloud.Dialect() == awssim.Ceph {
		in = "RGW33567154695143645"
	}
	w.user = w.cloud.AddUserIn(partition, in, "/", args[0])
	w.users[args[0]] = w.user
	return nil
}

func simRoot(w *world, _ *testscript.TestScript, _ []string) error {
	w.user = w.cloud.AddRoot(account)
	return nil
}

func simKey(w *world, ts *testscript.TestScript, args []string) error {
	days, err := strconv.Atoi(strings.TrimSuffix(args[1], "d"))
	if err != nil {
		return err
	}
	age := time.Duration(days) * day
	add := w.user.AddKey
	if slices.Contains(args, "inactive") {
		add = w.user.AddInactiveKey
	}
	id, secret := add(age)
	w.names[id] = args[0]
	ts.Setenv(args[0]+"_ID", id)
	ts.Setenv(args[0]+"_SECRET", secret)
	ts.Setenv(args[0]+"_SHORT", shortID(id))
	return nil
}

func simUse(w *world, ts *testscript.TestScript, args []string) error {
	ago, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	return w.user.UseKeyAgo(ts.Getenv(args[0]+"_ID"), args[1], args[2], ago)
}

func simSet(w *world, ts *testscript.TestScript, args []string) error {
	id := ts.Getenv(args[0] + "_ID")
	if keys := w.cloud.Keys(w.user); args[0] == "new" && len(keys) > 0 {
		id = keys[len(keys)-1].ID
	}
	return w.user.SetStatus(id, args[1])
}

func simFault(w *world, _ *testscript.TestScript, args []string) error {
	f := awssim.Fault{Action: args[0], Kind: awssim.Kind(args[2])}
	if f.Action == "any" {
		f.Action = ""
	}
	if args[1] == "after" {
		f.When = awssim.After
	}
	if len(args) > 3 {
		times, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		f.Times = times
	}
	w.cloud.Inject(f)
	return nil
}

func simDeny(w *world, _ *testscript.TestScript, args []string) error {
	layers := map[string]awssim.Layer{"": awssim.NotAllowed, "scp": awssim.SCP, "mfa": awssim.MFAGuard}
	layer, ok := layers[append(args, "")[1]]
	if !ok {
		return fmt.Errorf("no layer %q", args[1])
	}
	w.user.DenyAction(args[0], layer)
	return nil
}

func simGuard(w *world, ts *testscript.TestScript, args []string) error {
	if err := w.user.GuardWithMFA(); err != nil || len(args) == 0 {
		return err
	}
	return simDevice(w, ts, args)
}

func simDevice(w *world, ts *testscript.TestScript, args []string) error {
	if slices.Contains(args, "fido") {
		ts.Setenv("DEVICE", w.user.AddSecurityKey(args[0]))
		return nil
	}
	ts.Setenv("DEVICE", w.user.AddVirtualMFA(args[0]))
	return nil
}

// simCode sets CODE to the code that a device shows, or showed some time ago. An earlier
// code stays good for one period more: where that ends soon, it waits for the next one.
func simCode(w *world, ts *testscript.TestScript, args []string) error {
	const period, enough = 30 * time.Second, 10 * time.Second
	ago, err := time.ParseDuration(append(args, "0s")[1])
	if left := period - time.Duration(time.Now().UnixNano())%period; ago > 0 && left < enough {
		time.Sleep(left)
	}
	ts.Setenv("CODE", w.user.CodeAgo("arn:aws:iam::"+account+":mfa/"+args[0], ago))
	return err
}

func simSessions(w *world, _ *testscript.TestScript, _ []string) error {
	w.cloud.EndSessions()
	return nil
}

func simSkew(w *world, _ *testscript.TestScript, args []string) error {
	d, err := time.ParseDuration(args[0])
	w.cloud.SkewDate(d)
	return err
}

func simKeys(w *world, _ *testscript.TestScript, args []string) error {
	var have []string
	for _, k := range w.cloud.Keys(w.user) {
		name, ok := w.names[k.ID]
		if !ok {
			name = "new"
		}
		have = append(have, name, k.Status)
	}
	if !slices.Equal(have, args) {
		return fmt.Errorf("the keys are %v, want %v", have, args)
	}
	return nil
}

func (w *world) countCalls(action string) int {
	n := 0
	for _, call := range w.cloud.Calls() {
		if call.Action == action {
			n++
		}
	}
	return n
}

func simCalls(w *world, _ *testscript.TestScript, args []string) error {
	if n := w.countCalls(args[0]); strconv.Itoa(n) != args[1] {
		return fmt.Errorf("%d calls of %s, want %s", n, args[0], args[1])
	}
	return nil
}

func simAwait(w *world, _ *testscript.TestScript, args []string) error {
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for range 2000 {
		if w.countCalls(args[0]) >= want {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("fewer than %d calls of %s within 10 s", want, args[0])
}

func simTouched(w *world, _ *testscript.TestScript, args []string) error {
	if calls := w.cloud.ForeignCalls(); strconv.Itoa(len(calls)) != args[0] {
		return fmt.Errorf("calls about foreign keys: %+v", calls)
	}
	return nil
}
