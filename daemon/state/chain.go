package state

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"keyd/credfile/atomicfile"
)

// The history is a chain. A line ends with a hash of itself and of everything since the
// beginning of the last line before it that has a hash:
//
//	{"time":...,"did":"created",...}                    an older keyd wrote it
//	{"time":...,"did":"swapped",...,"chain":"5f1c.."}   hash of this line and all above
//	{"time":...,"did":"vali                             torn by a crash
//	{"time":...,"did":"deleted",...,"chain":"90ab.."}   hash of the two lines above and this one
//
// A hash therefore vouches for every byte above it, and the last one for the whole file.
// Whoever may write the file can make a new chain as well: the chain proves something
// only together with a hash that was kept elsewhere. keyd keeps it in the description
// tag of the key, so that CloudTrail has it.
//
// A line is added under the pass lock, because two processes that add one at the same
// time would both continue the same line.

// chainField begins the end of a line that has a hash.
const chainField = `,"chain":"`

// chainEnd is the length of the end of a line: the field, 64 hex digits and two marks.
const chainEnd = len(chainField) + 2*sha256.Size + len(`"}`)

// tailSize is how many bytes at the end of the history are read for the last hash. Most
// lines are shorter than 2 KiB. When it has no hash, the whole history is read.
const tailSize = 32 << 10

// splitChained returns the part of a line that its hash covers, and the hash. ok is false
// for a line without a hash: an older keyd wrote it, or it is torn, or somebody edited it.
func splitChained(line []byte) (body []byte, hash string, ok bool) {
	at := len(line) - chainEnd
	if at < 1 || line[0] != '{' || !bytes.HasPrefix(line[at:], []byte(chainField)) || !bytes.HasSuffix(line, []byte(`"}`)) || !json.Valid(line) {
		return nil, "", false
	}
	return line[:at], string(line[at+len(chainField) : len(line)-2]), true
}

// addChain returns line, a JSON object with at least one field, with the hash of itself and
// of what stands before it.
func addChain(before atomicfile.Before, line []byte) ([]byte, error) {
	above := before.Tail
	from, found := lastChained(above, before.Size == int64(len(above)))
	if !found {
		all, err := io.ReadAll(io.NewSectionReader(before.File, 0, before.Size))
		if err != nil {
			return nil, err
		}
		if above = all; before.Torn {
			above = append(above, '\n')
		}
		from, _ = lastChained(above, true) // 0 when there is none
	}
	body := line[:len(line)-1]
	return fmt.Appendf(nil, `%s%s%s"}`, body, chainField, hashOf(above[from:], body)), nil
}

// hashOf returns the hash of a line: of what stands between the beginning of the last line
// with a hash and this line, and of the line itself without its hash.
func hashOf(above, body []byte) string {
	sum := sha256.New()
	sum.Write(above)
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}

// lastChained returns where the last line with a hash begins in tail, the end of a
// history. The first line of tail counts only if tail is the whole history.
func lastChained(tail []byte, whole bool) (from int, found bool) {
	end := len(tail)
	for end > 0 {
		start := bytes.LastIndexByte(tail[:end-1], '\n') + 1
		if start == 0 && !whole {
			return 0, false
		}
		if _, _, ok := splitChained(bytes.TrimSuffix(tail[start:end], []byte{'\n'})); ok {
			return start, true
		}
		end = start
	}
	return 0, false
}

// ErrNoChain reports that no line of the history has a hash yet.
var ErrNoChain = errors.New("daemon: no line of the history has a hash yet")

// Head returns the hash of the last line of the history that has one, as 64 hex digits,
// once that line is durable: a hash that is told to others must not be lost with a power
// failure. It returns ErrNoChain while there is none.
func (h History) Head() (string, error) {
	f, err := h.Sys.OpenFile(h.Path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoChain
	}
	if err != nil {
		return "", fmt.Errorf("daemon: the history: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return "", fmt.Errorf("daemon: the history: %w", err)
	}
	most := min(info.Size, tailSize)
	tail := make([]byte, most)
	if _, err := f.ReadAt(tail, info.Size-most); err != nil && most > 0 {
		return "", fmt.Errorf("daemon: the history: %w", err)
	}
	from, found := lastChained(tail, most == info.Size)
	if !found {
		return "", ErrNoChain
	}
	line, _, _ := bytes.Cut(tail[from:], []byte{'\n'})
	_, hash, _ := splitChained(line)
	return hash, nil
}

// Span is a range of lines of the history, counted from 1.
type Span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// String returns "line 7" or "lines 7 to 9".
func (s Span) String() string {
	if s.From == s.To {
		return fmt.Sprintf("line %d", s.From)
	}
	return fmt.Sprintf("lines %d to %d", s.From, s.To)
}

// Misfit says for people that the span does not fit what stands before it.
func (s Span) Misfit() string {
	if s.From == s.To {
		return s.String() + " does not fit the lines before it"
	}
	return s.String() + " do not fit the lines before them"
}

// Chain is what a check of the history has found.
type Chain struct {
	Lines   int            // of the file, empty ones included
	Chained int            // lines with a hash
	Older   int            // lines above the first hash: an older keyd wrote them, and that hash vouches for them as they were then
	After   Span           // lines below the last hash, for which nothing vouches; zero when there are none
	Broken  []Span         // what does not fit what stands before it: one line, or several of which at least one was changed
	Head    string         // the last hash; "" when there is none
	HeadAt  int            // its line
	At      map[string]int // the line of each hash that fits
}

// IsWhole reports whether every hash fits. It says nothing about the lines in After, and
// nothing about a history that was rewritten with a chain of its own.
func (c *Chain) IsWhole() bool { return len(c.Broken) == 0 }

// IsBrokenAbove reports whether a line above this one does not fit.
func (c *Chain) IsBrokenAbove(line int) bool {
	return len(c.Broken) > 0 && c.Broken[0].From <= line
}

// VouchedFrom returns the first line for which the hash of a line vouches, if that hash fits: 1,
// or the end of the last span above the line that does not fit. Of that span, the hash covers
// only the last line.
func (c *Chain) VouchedFrom(line int) int {
	from := 1
	for _, span := range c.Broken {
		if span.To < line {
			from = span.To
		}
	}
	return from
}

// CheckChain checks every hash in data, a whole history. A complete line below the last hash
// that names the settings in force has lost its own hash: no keyd ever wrote such a line without
// one.
func CheckChain(data []byte) Chain {
	c := Chain{At: map[string]int{}}
	segment, last := 0, 0 // where the last line with a hash begins, and its number
	var stripped Span     // from the first to the last line below it that has lost its hash
	at := 0
	for line := range bytes.Lines(data) {
		c.Lines++
		body, hash, ok := splitChained(bytes.TrimSuffix(line, []byte{'\n'}))
		switch {
		case ok:
			if hashOf(data[segment:at], body) == hash {
				c.At[hash] = c.Lines
			} else {
				c.Broken = append(c.Broken, Span{last + 1, c.Lines})
			}
			if c.Chained == 0 {
				c.Older = c.Lines - 1
			}
			c.Chained, c.Head, c.HeadAt = c.Chained+1, hash, c.Lines
			segment, last, stripped = at, c.Lines, Span{}
		case namesPolicy(line):
			stripped = Span{cmp.Or(stripped.From, c.Lines), c.Lines}
		}
		at += len(line)
	}
	if last < c.Lines {
		c.After = Span{last + 1, c.Lines}
	}
	if stripped.From > 0 {
		c.Broken = append(c.Broken, stripped)
	}
	return c
}

// namesPolicy reports whether a line is complete and names the settings that were in force.
func namesPolicy(line []byte) bool {
	var e struct{ Policy json.RawMessage }
	return bytes.Contains(line, []byte(`"policy"`)) && json.Unmarshal(line, &e) == nil && e.Policy != nil
}
