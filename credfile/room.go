package credfile

import "bytes"

// countHeaders returns the number of lines below the first one that begin with a bracket.
func countHeaders(data []byte) (n int) {
	for at := 0; ; at++ {
		next := bytes.IndexByte(data[at:], '[')
		if next < 0 {
			return n
		}
		if at += next; at > 0 && data[at-1] == '\n' {
			n++
		}
	}
}

// makeRoom returns an empty list with room for at least n properties: all that is free. The
// section that gets it gives back what it does not need, see closeSection. Thousands of
// short lists, each with room of its own, would take twice the memory.
func (l *lexer) makeRoom(n int) []Property {
	if cap(l.free) < n {
		near := l.Data[l.begin:min(len(l.Data), l.begin+32<<10)]
		l.free = make([]Property, 0, max(n, bytes.Count(near, []byte("="))))
	}
	room := l.free
	l.free = nil
	return room
}
