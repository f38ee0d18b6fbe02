package rotate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// FuzzStateFolder writes any text, or false memories, into a file of the
// state folder at any stage of a rotation. keyd reports the damage, its
// passes continue, and it touches nothing of another person.
func FuzzStateFolder(f *testing.F) {
	for i, text := range []string{
		"", "{", "null", "[]", `{"version":1,"keys":null}`, `{"version":1,"keys":[{"profiles":[],"key":"ID","state":"ok","why":"","needs_person":false}]}`,
		`{"ID":{"seen":{"at":"NOW","account":"111122223333","arn":"arn:aws:iam::111122223333:user/alice","user":"alice","keys":[{"id":"ID","active":true,"status":"Active","created":"2020-01-01T00:00:00Z"},{"id":"THIRD","active":false,"status":"Inactive","created":"2020-01-01T00:00:00Z","used":{"at":"0001-01-01T00:00:00Z"}}]}}}`,
		`{"ID":{"seen":{"at":"NOW","account":"111122223333","arn":"arn:aws:iam::111122223333:user/bob","user":"bob","keys":[]}}}`,
		`{"ID":{"seen":{"at":"NOW","keys":[{"id":"ID","created":"9999-01-01T00:00:00Z"}],"offset_ns":-9223372036854775808}}}`,
		`{"ID":{"seen":{"at":"9999-01-01T00:00:00Z","user":"alice","root":true,"keys":null}}}`, `{"ID":{"trouble":{"do":"no such","at":"NOW","count":-1,"why":"","definite":true}}}`,
		`{"ID":{"trouble":{"do":"create","at":"NOW","count":99999999999,"offline":true}}}`, `{"did":"created","time":"NOW","account":"111122223333","user":"alice"}`,
	} {
		for file := range uint8(4) {
			if !deeptest.On() && (i+int(file))%4 != 0 {
				continue
			}
			f.Add(uint8(5*i), file, i%2 == 0, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, stage, file uint8, third bool, text []byte) {
		synctest.Test(t, func(t *testing.T) { runDamagedState(t, stage, file, third, text) })
	})
}

// runDamagedState is one run of FuzzStateFolder. ID, THIRD and NOW in text
// stand for the id in the file, the id of a foreign key, and the time.
func runDamagedState(t *testing.T, stage, file uint8, third bool, text []byte) {
	v := newVictim(t, stage%56, third)
	start := v.Shown[0]
	name := []string{"status.json", "memory.json", "history.jsonl", "daemon.json"}[file%4]
	other := v.OldKey.ID
	for _, k := range v.foreignKeys() {
		other = k.ID
	}
	text = []byte(strings.NewReplacer("ID", v.ShownID(), "THIRD", other, "NOW", v.Now().UTC().Format(time.RFC3339)).Replace(string(text)))
	v.WriteFile(filepath.Join("state", name), string(text))
	v.Restart()
	v.Rotator.Settings.PruneInactiveAfter = settings.Day
	status, err := state.LoadStatusAndMemory(v.Rotator.StateDir)
	damaged := name == "status.json" && !json.Valid(bytes.TrimSpace(text))
	if err != nil || damaged && len(status.Notes) == 0 {
		t.Errorf("status with a damaged %s: error %v, notes %q", name, err, status.Notes)
	}
	state.LoadDaemonInfo(v.Rotator.StateDir)
	if _, _, err := state.OpenHistory(v.Rotator.StateDir, v.Rotator.Sys).Read(); err != nil {
		t.Errorf("reading the history: %v", err)
	}
	v.keepPassing(8)
	v.checkUnharmed(start)
	if data, err := os.ReadFile(state.StatusPath(v.Rotator.StateDir)); err != nil || !json.Valid(data) {
		t.Errorf("the status was not written again: %v", err)
	}
	if t.Failed() {
		t.Logf("%s was\n%s\n%s", name, text, v.Log.String())
	}
}
