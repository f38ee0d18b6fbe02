//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/journal"
)

// killHome is the home of a user whose keyd is killed. It records what readers of the
// credentials file saw.
type killHome struct {
	t      *testing.T
	dir    string
	now    func() time.Time
	before string // the credentials file; %[1]s and %[2]s stand for the pair of default and work
	mode   fs.FileMode
	quit   chan struct{}
	ended  chan struct{} // closed by the watcher when it stops
	last   []byte
	sighting
}

// sighting records what was seen of the file.
type sighting struct {
	held  []awssim.ShownPair
	reads int
	wrong []string // states that no rotation may show
}

const killCredentials = `# two profiles, one key
[default]
aws_access_key_id = %%[1]s
aws_secret_access_key	=	%%[2]s

[work]   ; written by someone else, with CRLF
aws_secret_access_key=%%[2]s` + "\r\n" + `aws_access_key_id=%%[1]s # shared
s3 =
  max_concurrent_requests = 20

[bystander]
aws_access_key_id = %s
aws_secret_access_key = %s
# the end, without a line feed`

// killSettings lets keyd run finish a rotation within about a day.
const killSettings = "notify = none\noverlap = 1h\nquarantine = 1d\ncheck_every = 12h\n[profile bystander]\nrotate = never\n"

// newKillHome puts the first pair into two profiles, and the second pair into a third
// one. The file's mode is 0640, which neither keyd nor a usual umask would choose.
func newKillHome(t *testing.T, pairs [2][2]string, now func() time.Time) *killHome {
	h := &killHome{t: t, dir: deeptest.Folder(t), now: now, mode: 0o640}
	h.before = fmt.Sprintf(killCredentials, pairs[1][0], pairs[1][1])
	h.write(".aws/config", "[default]\nregion = eu-west-1\n", 0o600)
	h.write("keyd.ini", killSettings, 0o600)
	h.write(".aws/credentials", fmt.Sprintf(h.before, pairs[0][0], pairs[0][1]), h.mode)
	return h
}

func (h *killHome) write(name, text string, mode fs.FileMode) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		h.t.Fatal(err)
	}
}

func (h *killHome) path() string  { return filepath.Join(h.dir, ".aws", "credentials") }
func (h *killHome) state() string { return filepath.Join(h.dir, "state") }

func (h *killHome) environment(endpoint string) []string {
	return append(os.Environ(), "HOME="+h.dir, "USERPROFILE="+h.dir, "KEYD_STATE_DIR="+h.state(), "KEYD_SETTINGS="+filepath.Join(h.dir, "keyd.ini"),
		"AWS_ENDPOINT_URL="+endpoint, "NO_PROXY=*")
}

// startWatching reads the file again and again, as any of the user's programs might.
func (h *killHome) startWatching() {
	h.quit, h.ended = make(chan struct{}), make(chan struct{})
	go func() {
		every := time.Millisecond
		if deeptest.On() {
			every /= 5
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.readCredentials()
			case <-h.quit:
				close(h.ended)
				return
			}
		}
	}()
}

// stopWatching stops watching, and returns what was seen so far. watch may be called
// again.
func (h *killHome) stopWatching() sighting {
	close(h.quit)
	<-h.ended
	h.readCredentials()
	return h.sighting
}

var (
	killID     = regexp.MustCompile(`(?m)^aws_access_key_id = (\S+)$`)
	killSecret = regexp.MustCompile(`(?m)^aws_secret_access_key\t=\t(\S+)$`)
)

// readCredentials reads the file once. It must be the file as it was at the start, with one whole
// pair in it.
func (h *killHome) readCredentials() {
	at := h.now()
	data, err := os.ReadFile(h.path())
	h.reads++
	if err == nil && bytes.Equal(data, h.last) {
		return
	}
	id, secret := killID.FindSubmatch(data), killSecret.FindSubmatch(data)
	switch {
	case err != nil:
		h.wrong = append(h.wrong, err.Error())
	case id == nil || secret == nil || string(data) != fmt.Sprintf(h.before, id[1], secret[1]):
		h.wrong = append(h.wrong, fmt.Sprintf("torn: %d of %d bytes", len(data), len(h.last)))
	default:
		h.held = append(h.held, awssim.ShownPair{At: at, ID: string(id[1]), Secret: string(secret[1])})
	}
	h.last = data
}

// lastPair returns the pair that the file showed last.
func (s sighting) lastPair() awssim.ShownPair { return s.held[len(s.held)-1] }

// openRotations returns the rotations in the journal: none or one.
func (h *killHome) openRotations() []*journal.Rotation {
	h.t.Helper()
	rotations, errs := journal.Dir{Path: filepath.Join(h.state(), "rotations"), Sys: atomicfile.OS{}}.Load(context.Background())
	if len(errs)+max(len(rotations)-1, 0) > 0 {
		h.t.Fatalf("%d journals, %v", len(rotations), errs)
	}
	return rotations
}

// temporaryFiles returns the temporary files in the home. None may be readable by more
// people than the file it was to replace, and no other file may have another mode.
func (h *killHome) temporaryFiles() []string {
	h.t.Helper()
	var left []string
	err := filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		temp := strings.Contains(e.Name(), ".keyd-")
		if temp {
			left = append(left, strings.TrimPrefix(path, h.dir+"/"))
		}
		credentials := strings.Contains(e.Name(), "credentials")
		if mode := info.Mode(); mode != 0o600 && !(credentials && mode == h.mode) || credentials && !temp && mode != h.mode {
			h.t.Errorf("%s has mode %s", path, mode)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return left
}
