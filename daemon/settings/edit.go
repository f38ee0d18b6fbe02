package settings

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
)

// AddLinks adds a [link FILE] section for each link at the end of keyd.ini, which it creates
// if need be, and moves no other byte. Line of a link is not used. It refuses links that
// keyd.ini cannot express. After an error keyd.ini is as it was.
func (f File) AddLinks(ctx context.Context, links []Link) error {
	return f.edit(ctx, func(data []byte) ([]byte, error) {
		for _, l := range links {
			data = appendSection(data, f.header(l.Path), l.Form.String())
		}
		s, err := f.parseHere(f.Path, data)
		for _, l := range links {
			if written := s.FindLink(l.Path); err != nil || written == nil || written.Form != l.Form {
				return nil, cmp.Or(err, error(&Error{Path: f.Path, Text: fmt.Sprintf("%q cannot be written as a section", l.Path), Fix: "give the file a plainer name"}))
			}
		}
		return data, nil
	})
}

// RemoveLink removes the [link FILE] section of a path, in whatever way it is written, and
// moves no other byte. It does nothing if there is none.
func (f File) RemoveLink(ctx context.Context, path string) error {
	return f.edit(ctx, func(data []byte) ([]byte, error) {
		return removeSections(data, func(header string) bool {
			written, ok := linkHeader(header)
			if !ok {
				return false
			}
			expanded, mistake := expandLink(written, f.userHome())
			return mistake == nil && expanded == path
		}), nil
	})
}

// header returns the name of the section for a path, with ~ for the home folder, so that
// machines may share a keyd.ini.
func (f File) header(path string) string {
	home := filepath.Clean(f.userHome())
	if rest, ok := strings.CutPrefix(path, home); ok && f.userHome() != "" && rest != "" && isSeparator(rest[0]) {
		path = "~" + filepath.ToSlash(rest) // the same on every system that shares a keyd.ini
	}
	if strings.TrimSpace(path) != path || path[0] == path[len(path)-1] && strings.ContainsRune(`"'`, rune(path[0])) {
		path = `"` + path + `"`
	}
	return "link " + path
}

// edit changes keyd.ini atomically. The result must have no mistake.
func (f File) edit(ctx context.Context, change func([]byte) ([]byte, error)) error {
	data, err := f.readFile()
	if err != nil {
		return err
	}
	if _, err := f.parseHere(f.Path, data); err != nil {
		return err
	}
	edited, err := change(data)
	if err != nil || bytes.Equal(edited, data) {
		return err
	}
	if _, err := f.parseHere(f.Path, edited); err != nil {
		return fmt.Errorf("%w; it was left as it is", err)
	}
	if err := f.write(ctx, data, edited); err != nil {
		return fmt.Errorf("daemon: writing the settings: %w", err)
	}
	return nil
}

// write replaces data, the contents of keyd.ini. A missing or empty file has none that
// another program could lose.
func (f File) write(ctx context.Context, data, edited []byte) error {
	if len(data) > 0 {
		original, err := atomicfile.Read(ctx, f.Sys, f.Path)
		if err != nil {
			return err
		}
		if !bytes.Equal(original.Data, data) {
			return fmt.Errorf("%s: %w", f.Path, atomicfile.ErrChanged)
		}
		_, err = original.Replace(ctx, edited)
		return err
	}
	real, err := atomicfile.Resolve(f.Sys, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = f.Path, atomicfile.MkdirAll(f.Sys, filepath.Dir(f.Path), 0o700)
	}
	if err != nil {
		return err
	}
	return atomicfile.Write(f.Sys, real, edited, 0o600)
}

// appendSection adds a section at the end of a text, after an empty line, with the ends of
// lines that the text has. form is the value of its only setting, or "".
func appendSection(data []byte, header, form string) []byte {
	end := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		end = "\r\n"
	}
	out := slices.Clone(data)
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, end...)
	}
	if len(out) > 0 {
		out = append(out, end...)
	}
	out = append(out, "["+header+"]"+end...)
	if form != "" {
		out = append(out, "form = "+form+end...)
	}
	return out
}

// removeSections removes the sections with a header that is chosen: each with the lines up
// to its last setting and with an empty line above it. Comments and empty lines after the
// last setting stay, because they may be about what follows.
func removeSections(data []byte, chosen func(header string) bool) []byte {
	lines := slices.Collect(bytes.Lines(data))
	gone := make([]bool, len(lines))
	for i := range lines {
		header, ok := sectionHeader(lines[i])
		if !ok || !chosen(header) {
			continue
		}
		last := i
		for j := i + 1; j < len(lines); j++ {
			text := strings.TrimSpace(string(lines[j]))
			if strings.HasPrefix(text, "[") {
				break
			}
			if text != "" && !strings.ContainsRune(";#", rune(text[0])) {
				last = j
			}
		}
		for j := i; j <= last; j++ {
			gone[j] = true
		}
		if i > 0 && strings.TrimSpace(string(lines[i-1])) == "" {
			gone[i-1] = true
		}
	}
	var out []byte
	for i, line := range lines {
		if !gone[i] {
			out = append(out, line...)
		}
	}
	return out
}

// sectionHeader returns the name in the header of a section, as ini.v1 reads it.
func sectionHeader(line []byte) (name string, ok bool) {
	inner, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "[")
	end := strings.LastIndexByte(inner, ']')
	if !ok || end < 0 {
		return "", false
	}
	return inner[:end], true
}
