package daemon

import (
	"context"
	"io"
	"log/slog"
)

// JournalLog writes records as systemd's journal takes them from standard
// error: a priority in front, without the time, which the journal keeps itself.
// Source: sd-daemon(3), "SD_WARNING" and the like.
func JournalLog(w io.Writer) slog.Handler {
	h := priorities{}
	for i, prefix := range []string{"<7>", "<6>", "<4>", "<3>"} {
		h[i] = slog.NewTextHandler(prefixed{w, prefix}, &slog.HandlerOptions{ReplaceAttr: untimed})
	}
	return h
}

// priorities has a handler for each of debug, info, warning and error.
type priorities [4]slog.Handler

// Enabled leaves debugging out.
func (h priorities) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle writes one record by the handler of its level.
func (h priorities) Handle(ctx context.Context, r slog.Record) error {
	i := 0
	for _, floor := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if r.Level >= floor {
			i++
		}
	}
	return h[i].Handle(ctx, r)
}

// WithAttrs adds attributes to all records to come.
func (h priorities) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range h {
		h[i] = h[i].WithAttrs(attrs)
	}
	return h
}

// WithGroup puts the attributes to come into a group.
func (h priorities) WithGroup(name string) slog.Handler {
	for i := range h {
		h[i] = h[i].WithGroup(name)
	}
	return h
}

func untimed(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// prefixed writes a prefix and a record in one call.
type prefixed struct {
	w      io.Writer
	prefix string
}

func (p prefixed) Write(record []byte) (int, error) {
	if _, err := p.w.Write(append([]byte(p.prefix), record...)); err != nil {
		return 0, err
	}
	return len(record), nil
}
