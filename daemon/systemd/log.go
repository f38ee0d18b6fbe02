package systemd

import (
	"context"
	"io"
	"log/slog"
)

// NewLogHandler returns a handler that writes records to w in the form that systemd's
// journal reads from standard error: with a priority in front, and without the time,
// because the journal records it.
// Source: sd-daemon(3), "SD_WARNING" and the like.
func NewLogHandler(w io.Writer) slog.Handler {
	h := priorityHandler{}
	for i, prefix := range []string{"<7>", "<6>", "<4>", "<3>"} {
		h[i] = slog.NewTextHandler(prefixWriter{w, prefix}, &slog.HandlerOptions{ReplaceAttr: dropTimeAndLevel})
	}
	return h
}

// priorityHandler has one handler for each of debug, info, warning and error.
type priorityHandler [4]slog.Handler

// Enabled reports whether level is at least slog.LevelInfo.
func (h priorityHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle writes one record with the handler of its level.
func (h priorityHandler) Handle(ctx context.Context, r slog.Record) error {
	i := 0
	for _, floor := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if r.Level >= floor {
			i++
		}
	}
	return h[i].Handle(ctx, r)
}

// WithAttrs returns a handler that adds attributes to every record.
func (h priorityHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range h {
		h[i] = h[i].WithAttrs(attrs)
	}
	return h
}

// WithGroup returns a handler that puts later attributes into a group.
func (h priorityHandler) WithGroup(name string) slog.Handler {
	for i := range h {
		h[i] = h[i].WithGroup(name)
	}
	return h
}

// dropTimeAndLevel removes the time and the level from a record.
func dropTimeAndLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// prefixWriter writes a prefix and a record in one call.
type prefixWriter struct {
	w      io.Writer
	prefix string
}

// Write writes the prefix and one record.
func (p prefixWriter) Write(record []byte) (int, error) {
	if _, err := p.w.Write(append([]byte(p.prefix), record...)); err != nil {
		return 0, err
	}
	return len(record), nil
}
