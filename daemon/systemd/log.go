package systemd

import (
	"bytes"
	"io"
	"log/slog"
)

// NewLogHandler returns a handler that writes records to w in the form that systemd's
// journal reads from standard error: with a priority in front, and without the time,
// because the journal records it.
func NewLogHandler(w io.Writer) slog.Handler {
	dropTime := func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return slog.NewTextHandler(priorityWriter{w}, &slog.HandlerOptions{ReplaceAttr: dropTime})
}

// priorityWriter replaces the level at the start of a record by the priority that the
// journal reads there.
// Source: sd-daemon(3), "SD_WARNING" and the like.
type priorityWriter struct{ w io.Writer }

// Write writes one record in one call.
func (p priorityWriter) Write(record []byte) (int, error) {
	var level slog.Level
	word, rest, _ := bytes.Cut(bytes.TrimPrefix(record, []byte("level=")), []byte(" "))
	if level.UnmarshalText(word) != nil {
		rest = record // not from a TextHandler
	}
	priority := "<7>"
	switch {
	case level >= slog.LevelError:
		priority = "<3>"
	case level >= slog.LevelWarn:
		priority = "<4>"
	case level >= slog.LevelInfo:
		priority = "<6>"
	}
	if _, err := p.w.Write(append([]byte(priority), rest...)); err != nil {
		return 0, err
	}
	return len(record), nil
}
