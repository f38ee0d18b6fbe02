package systemd

import (
	"bytes"
	"log/slog"
	"testing"
)

func TestTheJournalGetsPrioritiesAndNoTime(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewLogHandler(&out)).With("key", "AKIA..MPLE")
	log.Debug("never")
	log.Info("looked", "why", "due")
	log.Warn("failed")
	log.Error("pass", "time", "kept")
	want := "<6>msg=looked key=AKIA..MPLE why=due\n<4>msg=failed key=AKIA..MPLE\n<3>msg=pass key=AKIA..MPLE\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}
