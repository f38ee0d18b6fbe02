package systemd

import (
	"bytes"
	"log/slog"
	"os"
	"runtime"
	"testing"
)

func TestJournalGetsPrioritiesAndNoTime(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewLogHandler(&out)).With("key", "AKIA..MPLE")
	log.Debug("never")
	log.Info("looked", "why", "due")
	log.Warn("failed")
	log.Error("pass", "time", "kept")
	log.Log(t.Context(), slog.LevelWarn+1, "between two levels")
	want := "<6>msg=looked key=AKIA..MPLE why=due\n<4>msg=failed key=AKIA..MPLE\n<3>msg=pass key=AKIA..MPLE\n" +
		"<4>msg=\"between two levels\" key=AKIA..MPLE\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestJournalIsRecognisedByItsStream(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the journal")
	}
	if IsJournal(os.Stderr, "") || IsJournal(&bytes.Buffer{}, "8:1") || IsJournal(os.Stderr, "0:0") {
		t.Error("a stream that is not the journal was taken for it")
	}
}
