package copies

import (
	"bytes"
	"path/filepath"
)

// The bounds of what is searched in one file.
const (
	MaxText   = 256 << 20 // bytes of a text
	MaxBinary = 1 << 20   // bytes of a binary file that is no database
)

// bufferSize is what a worker reads at a time. It stays in the cache of the processor until
// it has been searched.
const bufferSize = 128 << 10

// headSize is how much of the beginning of a file decides what kind of file it is.
const headSize = 8 << 10

// searchFile searches one file.
func (w *worker) searchFile(dir *folder, path, name string) {
	if w.ctx.Err() != nil {
		return
	}
	f, err := dir.open(name)
	if err != nil {
		w.addError(err, filepath.Join(path, name))
		return
	}
	defer f.close()
	switch {
	case f.placeholder:
		w.gaps.add(Placeholder, func() string { return w.show(filepath.Join(path, name)) })
		return
	case !f.regular:
		return // it was replaced since the folder was read
	}
	w.files.Add(1)
	if f.size == 0 {
		return
	}
	c, why, err := w.scan(&f)
	if err != nil {
		w.addError(err, filepath.Join(path, name))
	}
	if why != "" {
		w.gaps.add(why, func() string { return w.show(filepath.Join(path, name)) })
	}
	if len(c.Places) > 0 && !f.isOneOf(w.own) {
		c.Path = w.show(filepath.Join(path, name))
		c.Kind = w.recognise(&f, c)
		w.addCopy(c)
	}
}

// recognise returns the kind of a file that holds an id.
func (w *worker) recognise(f *file, c Copy) string {
	n, _ := f.readAt(w.buffer[:headSize], 0)
	return Recognise(w.o.Home, c.Path, w.buffer[:max(n, 0)]).ID
}

// addCopy adds a copy to the report.
func (s *search) addCopy(c Copy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.report.Copies) >= MaxCopies {
		s.report.More++
		return
	}
	s.report.Copies = append(s.report.Copies, c)
}

// scan reads a file once, a buffer at a time, and returns the places of the ids in it.
func (w *worker) scan(f *file) (c Copy, why Reason, err error) {
	var (
		isText, wide bool
		limit        int64
		done         int64 // bytes that were read
		kept         int   // bytes at the beginning of the buffer that were read before
		from         int   // where in the buffer the next match may begin
		line         = 1   // of the beginning of the buffer
	)
	for w.ctx.Err() == nil {
		w.rest()
		room := int64(len(w.buffer) - kept)
		if done > 0 {
			room = min(room, limit-done)
		}
		n, err := f.read(w.buffer[kept : kept+int(room)])
		if err != nil || n == 0 && kept == 0 {
			return c, "", err
		}
		if done == 0 {
			isText, wide, limit = classify(w.buffer[:n])
		}
		done += int64(n)
		w.bytes.Add(int64(n))
		data := w.buffer[:kept+n]
		last := n == 0 || done >= limit || done == f.size && int64(n) < room
		to := len(data)
		if !last {
			to = max(to-maxReach, from)
		}
		if found := w.m.find(data, from, to, isText); len(found) > 0 {
			c.addPlaces(data, line, wide, found)
		}
		if last {
			if done >= limit && f.size > limit {
				why = Binary
				if isText {
					why = Large
				}
			}
			return c, why, nil
		}
		cut := max(to-maxReach, 0) &^ 1 // UTF-16 stays aligned
		line += countLines(data[:cut], wide)
		kept = copy(w.buffer, data[cut:])
		from = to - cut
	}
	return c, "", nil
}

// addPlaces adds the matches in data, whose first byte is in this line.
func (c *Copy) addPlaces(data []byte, line int, wide bool, found []match) {
	at := 0
	for _, m := range found {
		line += countLines(data[at:m.at], wide)
		at = m.at &^ 1
		if !wide {
			at = m.at
		}
		p := Place{Line: line, ID: m.id, Encoding: m.encoding}
		switch last := len(c.Places) - 1; {
		case last >= 0 && c.Places[last] == p: // twice in one line
		case len(c.Places) >= MaxPlaces:
			c.More++
		default:
			c.Places = append(c.Places, p)
		}
	}
}

// countLines counts the ends of lines. data begins at an even offset of the file.
func countLines(data []byte, wide bool) int {
	if !wide {
		return bytes.Count(data, []byte{'\n'})
	}
	count := 0
	for i := 0; i+1 < len(data); i += 2 {
		if data[i] == '\n' && data[i+1] == 0 || data[i] == 0 && data[i+1] == '\n' {
			count++
		}
	}
	return count
}

// classify decides from the beginning of a file whether it is a text, whether that is in
// UTF-16, and how much of the file is searched. Databases are searched like texts: shells
// and editors keep their histories in them.
func classify(head []byte) (isText, wide bool, limit int64) {
	if isUTF16(head) {
		return true, true, MaxText
	}
	if bytes.IndexByte(head[:min(len(head), 8<<10)], 0) < 0 {
		return true, false, MaxText
	}
	if bytes.HasPrefix(head, []byte("SQLite format 3\x00")) || bytes.HasPrefix(head, []byte("b0VIM ")) || bytes.HasPrefix(head, []byte("bplist")) {
		return false, false, MaxText
	}
	return false, false, MaxBinary
}

// isUTF16 reports whether a file begins with a byte order mark of UTF-16, or looks like
// English without one.
func isUTF16(head []byte) bool {
	if len(head) < 2 {
		return false
	}
	if head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF {
		return true
	}
	some := head[:min(len(head), 256)&^1]
	zeros := [2]int{}
	for i, b := range some {
		if b == 0 {
			zeros[i%2]++
		}
	}
	return len(some) >= 16 && (zeros[0] == 0 && zeros[1] > len(some)*4/10 || zeros[1] == 0 && zeros[0] > len(some)*4/10)
}
