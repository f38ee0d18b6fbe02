package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
)

// fastClock runs faster than the clock of the machine: from epoch on, each second counts
// for speed seconds. keyd, AWS and the clients of a test share it.
type fastClock struct {
	epoch time.Time
	speed float64
}

func (c fastClock) now() time.Time {
	return c.epoch.Add(time.Duration(float64(time.Since(c.epoch)) * c.speed))
}

// real returns how long a time by this clock lasts on the machine's clock.
func (c fastClock) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.speed)
}

// environ returns the variables that tell the clock to another process.
func (c fastClock) environ() []string {
	return []string{"KEYD_TEST_EPOCH=" + strconv.FormatFloat(float64(c.epoch.UnixNano())/1e9, 'f', 6, 64), "KEYD_TEST_SPEED=" + strconv.FormatFloat(c.speed, 'f', -1, 64)}
}

// keydByFastClock is keyd with the clock of KEYD_TEST_EPOCH and KEYD_TEST_SPEED.
func keydByFastClock() {
	epoch, err := strconv.ParseFloat(os.Getenv("KEYD_TEST_EPOCH"), 64)
	speed, failed := strconv.ParseFloat(os.Getenv("KEYD_TEST_SPEED"), 64)
	if err != nil || failed != nil {
		panic("KEYD_TEST_EPOCH or KEYD_TEST_SPEED is no number")
	}
	p := thisProcess()
	p.now, p.hurry = fastClock{time.Unix(0, int64(epoch*1e9)), speed}.now, true
	os.Exit(executeMain(p))
}

// The course of TestRunningProgramsFollowARotation, by its clock.
const (
	clientsSwap = 4 * time.Minute              // when the file gets the new key
	clientsEnd  = clientsSwap + 26*time.Minute // when the clients are ended
)

// TestRunningProgramsFollowARotation lets programs run that get their key from keyd
// credentials, one for each SDK, while the key is replaced. No call may fail, and 20 minutes
// after the swap none may be signed with the old key, which stops working then.
//
// The test takes half a minute: keyd, AWS and the clients share a clock that is 60 times as
// fast. KEYD_CLIENTS_SPEED=1 runs it in real time, with a rotation by keyd rotate instead of
// a swap, and the clients of the SDKs as they are. KEYD_CLIENTS_NODE names a folder whose
// node_modules has @aws-sdk/client-sts.
func TestRunningProgramsFollowARotation(t *testing.T) {
	if !deeptest.On() && os.Getenv("KEYD_CLIENTS_SPEED") == "" {
		t.Skip("left out: KEYD_DEEP=1")
	}
	if runtime.GOOS == "windows" {
		t.Skip("left out: the clients are started as on Unix")
	}
	w := newClientsWorld(t)
	w.startClients(t)
	w.awaitClients(t)
	time.Sleep(w.clock.real(clientsSwap))
	w.replaceKey(t)
	swapped := w.clock.now()
	t.Logf("swapped at %s by the clock of the test", swapped.Sub(w.clock.epoch).Round(time.Second))
	time.Sleep(w.clock.real(handoutLife))
	if err := w.user.SetStatus(w.old.ID, "Inactive"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(w.clock.real(clientsEnd - clientsSwap - handoutLife))
	w.endClients()
	w.judge(t, swapped)
}

// clientsWorld is an AWS with one user, a home folder that keyd credentials --setup has
// arranged, and the programs that use it.
type clientsWorld struct {
	clock   fastClock
	cloud   *awssim.Cloud
	user    *awssim.User
	old     credfile.Key
	home    string
	environ []string
	pause   time.Duration // between two calls of a client, on the machine's clock

	clients map[string]*bytes.Buffer // what each one printed, by the words in its User-Agent
	end     []func()
}

func newClientsWorld(t *testing.T) *clientsWorld {
	speed, err := strconv.ParseFloat(cmp.Or(os.Getenv("KEYD_CLIENTS_SPEED"), "60"), 64)
	if err != nil {
		t.Fatal(err)
	}
	w := &clientsWorld{clock: fastClock{time.Now(), speed}, home: t.TempDir(), pause: 200 * time.Millisecond, clients: map[string]*bytes.Buffer{}}
	if speed == 1 {
		w.pause = time.Second
	}
	w.cloud = awssim.New(awssim.Options{Now: w.clock.now, Seed: 1})
	w.user = w.cloud.AddUser(account, "/", "alice")
	id, secret := w.user.AddKey(70 * day)
	w.old = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	server := httptest.NewServer(w.cloud)
	t.Cleanup(server.Close)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(w.home, "keyd-fast")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(w.home, ".aws", "credentials"), "[work]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
	writeFile(t, filepath.Join(w.home, ".aws", "config"), "[profile work]\nregion = us-east-1\n")
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") {
			w.environ = append(w.environ, variable)
		}
	}
	w.environ = append(w.environ, w.clock.environ()...)
	w.environ = append(w.environ, "HOME="+w.home, "AWS_ENDPOINT_URL="+server.URL, "AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=*",
		"KEYD_STATE_DIR="+filepath.Join(w.home, "state"), "KEYD_SETTINGS="+filepath.Join(w.home, "keyd.ini"),
		"KEYD_TEST_PROGRAM="+program, "KEYD_TEST_PAUSE="+strconv.FormatFloat(w.pause.Seconds(), 'f', -1, 64))
	if exit, out, errs := runHere(w.getenv, []string{"credentials", "--setup", "--write", "work"}); exit != exitDone {
		t.Fatalf("keyd credentials --setup: exit code %d\n%s%s", exit, out, errs)
	}
	return w
}

// getenv reads a variable of the clients' environment.
func (w *clientsWorld) getenv(name string) string {
	for i := len(w.environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(w.environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// startClients starts a client of each SDK that is on this machine, and says which is not.
func (w *clientsWorld) startClients(t *testing.T) {
	scripts, err := filepath.Abs(filepath.Join("testdata", "clients"))
	if err != nil {
		t.Fatal(err)
	}
	w.startGo(t)
	if exec.Command("python3", "-c", "import boto3").Run() == nil {
		w.start(t, "Boto3/", "python3", filepath.Join(scripts, "python.py"))
	} else {
		t.Log("LEFT OUT: python3 has no boto3")
	}
	if modules := w.findNode(); modules != "" {
		w.environ = append(w.environ, "NODE_PATH="+modules)
		w.start(t, "aws-sdk-js/", "node", filepath.Join(scripts, "node.cjs"))
	} else {
		t.Log("LEFT OUT: no node with @aws-sdk/client-sts; KEYD_CLIENTS_NODE names its folder")
	}
	if w.clock.speed != 1 {
		return // config reads the real clock
	}
	if program, err := w.buildGo(t, scripts); err == nil {
		w.environ = append(w.environ, "AWS_SDK_UA_APP_ID=config")
		w.start(t, "app/config", program)
	} else {
		t.Logf("LEFT OUT: package config of the Go SDK cannot be built: %v", err)
	}
}

// awaitClients waits until each client has made a call: on a busy machine some start slowly.
func (w *clientsWorld) awaitClients(t *testing.T) {
	for agent, out := range w.clients {
		for began := time.Now(); !slices.ContainsFunc(w.cloud.Calls(), func(c awssim.Call) bool { return strings.Contains(c.Agent, agent) }); time.Sleep(20 * time.Millisecond) {
			if time.Since(began) > time.Minute {
				w.endClients() // so that out can be read
				t.Fatalf("%s made no call within a minute\n%s", agent, out)
			}
		}
	}
}

// findNode returns the folder node_modules with the SDK, or "".
func (w *clientsWorld) findNode() string {
	modules := filepath.Join(os.Getenv("KEYD_CLIENTS_NODE"), "node_modules")
	probe := exec.Command("node", "-e", `require("@aws-sdk/client-sts")`)
	probe.Env = append(os.Environ(), "NODE_PATH="+modules)
	if probe.Run() != nil {
		return ""
	}
	return modules
}

// buildGo builds the client with package config. Its module is not keyd's, so it is built
// only where the module cache has what it needs.
func (w *clientsWorld) buildGo(t *testing.T, source string) (string, error) {
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "main.go"} {
		data, err := os.ReadFile(filepath.Join(source, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(data))
	}
	build := exec.Command("go", "build", "-mod=mod", "-o", "client", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOPROXY=off", "GONOSUMDB=*", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return filepath.Join(dir, "client"), nil
}

// start starts a client. agent is what its requests have in their User-Agent.
func (w *clientsWorld) start(t *testing.T, agent string, words ...string) {
	out := &bytes.Buffer{}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = w.environ, w.home, out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(end)
	w.clients[agent], w.end = out, append(w.end, end)
}

// startGo starts a client with the Go SDK in this process. Its cache of credentials is that
// of the SDK, as package config makes it; package processcreds, which keyd does not depend
// on, is replaced by a function that does the same. The SDK reads the machine's clock, so
// times are converted to that.
func (w *clientsWorld) startGo(t *testing.T) {
	process := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		run := exec.CommandContext(ctx, "sh", "-c", filepath.Join(w.home, "keyd-fast")+" credentials work-key")
		run.Env = w.environ
		data, err := run.Output()
		if err != nil {
			return aws.Credentials{}, err
		}
		var pair struct {
			AccessKeyID     string `json:"AccessKeyId"`
			SecretAccessKey string
			Expiration      time.Time
		}
		if err := json.Unmarshal(data, &pair); err != nil {
			return aws.Credentials{}, err
		}
		return aws.Credentials{AccessKeyID: pair.AccessKeyID, SecretAccessKey: pair.SecretAccessKey, CanExpire: true,
			Expires: w.clock.epoch.Add(w.clock.real(pair.Expiration.Sub(w.clock.epoch)))}, nil
	})
	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(w.getenv("AWS_ENDPOINT_URL")), AppID: "incore",
		HTTPSignerV4: clockSigner{v4.NewSigner(), w.clock},
		Credentials:  aws.NewCredentialsCache(process)})
	ctx, cancel := context.WithCancel(context.Background())
	out, done := &bytes.Buffer{}, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, err := client.GetCallerIdentity(ctx, nil); err != nil && ctx.Err() == nil {
				fmt.Fprintln(out, "failed", err)
			} else if err == nil {
				fmt.Fprintln(out, "ok")
			}
			select {
			case <-time.After(w.pause):
			case <-ctx.Done():
			}
		}
	}()
	end := func() { cancel(); <-done }
	t.Cleanup(end)
	w.clients["app/incore"], w.end = out, append(w.end, end)
}

// clockSigner signs with the time of another clock.
type clockSigner struct {
	*v4.Signer
	clock fastClock
}

func (s clockSigner) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, _ time.Time, opts ...func(*v4.SignerOptions)) error {
	return s.Signer.SignHTTP(ctx, c, r, hash, service, region, s.clock.now(), opts...)
}

// replaceKey gives the user a new key and puts it into the file: by keyd rotate in real
// time, else by the swap of a rotation alone, because a rotation's waits are real.
func (w *clientsWorld) replaceKey(t *testing.T) {
	t.Helper()
	if w.clock.speed == 1 {
		if exit, out, errors := runHere(w.getenv, []string{"rotate", "work-key"}); exit != exitDone {
			t.Fatalf("keyd rotate: exit code %d\n%s%s", exit, out, errors)
		}
		return
	}
	id, secret := w.user.AddKey(0)
	store := credfile.Store{Paths: credfile.Paths{Credentials: filepath.Join(w.home, ".aws", "credentials"), Config: filepath.Join(w.home, ".aws", "config")}}
	if _, err := store.Swap(t.Context(), w.old, credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}); err != nil {
		t.Fatal(err)
	}
}

func (w *clientsWorld) endClients() {
	for _, end := range w.end {
		end()
	}
}

// judge counts the calls of each client.
func (w *clientsWorld) judge(t *testing.T, swapped time.Time) {
	for agent, out := range w.clients {
		calls, refused, late, before, after, last := 0, 0, 0, 0, 0, time.Duration(0)
		for _, c := range w.cloud.Calls() {
			if !strings.Contains(c.Agent, agent) {
				continue
			}
			calls++
			if c.Status != http.StatusOK {
				refused++
			}
			if c.KeyID == w.old.ID && !c.At.After(swapped) {
				before++
			}
			if c.KeyID == w.old.ID && c.At.After(swapped) {
				after++
				last = c.At.Sub(swapped)
				if last >= handoutLife {
					late++
				}
			}
		}
		failed := strings.Count(out.String(), "failed")
		t.Logf("%-12s %5d calls, %d refused by AWS, %d failed in the program; after the swap %d with the old key, the last one %s after it; %d later than %s",
			agent, calls, refused, failed, after, last.Round(time.Second), late, handoutLife)
		ok := strings.Count(out.String(), "ok\n")
		if before < 1 || ok < 30 || refused > 0 || failed > 0 || late > 0 {
			t.Errorf("%s: want at least 30 calls, the first with the old key, none refused or failed, and the new key %s after the swap at the latest\n%.2000s", agent, handoutLife, out)
		}
	}
}
