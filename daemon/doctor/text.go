package doctor

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/readers"
)

// textChecks look at what is written in the AWS files.
var textChecks = []Check{
	{Name: "odd-bytes", Group: GroupFiles, Why: "some AWS tools refuse the whole file, and others read half of it", Find: findOddBytes},
	{Name: "refused-by-readers", Group: GroupFiles, Why: "a tool that refuses the file finds no key at all", Find: findRefusing},
	{Name: "unreadable-keys", Group: GroupFiles, Why: "keyd cannot rotate a key that AWS tools read differently, so it would age for ever", Find: findUnreadable},
	{Name: "disputed-lines", Group: GroupFiles, Why: "some AWS tools read the line in another way than the rest", Find: findDisputed},
}

// lexed is one AWS file.
type lexed struct {
	path string
	file *credfile.File
}

// texts returns the AWS files that can be read.
func (p *Patient) texts() (all []lexed) {
	for i, path := range p.awsFiles() {
		if data, err := atomicfile.Peek(p.sys(), path); err == nil && len(data) > 0 {
			all = append(all, lexed{path, credfile.Lex(path, []credfile.Kind{credfile.Credentials, credfile.Config}[i], data)})
		}
	}
	return all
}

// lineFinding returns a finding about a line of a file.
func lineFinding(s Severity, path string, line int, text, remedy string, goos string) Finding {
	place := path
	if line > 0 {
		place = fmt.Sprintf("%s:%d", path, line)
	}
	return Finding{Severity: s, Found: place + ": " + text, Run: editCommand(path, line, goos), Ask: remedy}
}

// oddBytes are what no line of an AWS file should hold.
var oddBytes = []struct {
	finds        func(line []byte, number int) bool
	text, remedy string
}{
	{func(line []byte, number int) bool {
		return number == 1 && bytes.HasPrefix(line, []byte("\xef\xbb\xbf"))
	},
		"the file begins with a byte order mark, which the AWS CLI and the Go SDK do not understand", "save the file as UTF-8 without a byte order mark"},
	{func(line []byte, number int) bool {
		return number == 1 && (bytes.HasPrefix(line, []byte("\xff\xfe")) || bytes.HasPrefix(line, []byte("\xfe\xff")))
	}, "the file is UTF-16, which no AWS tool reads", "save the file as UTF-8"},
	{func(line []byte, _ int) bool { return bytes.IndexByte(line, 0) >= 0 }, "there is a zero byte in the line: the file may be damaged", "remove it, or restore the file from a backup"},
	{func(line []byte, _ int) bool { return bytes.IndexByte(bytes.TrimSuffix(line, []byte("\r")), '\r') >= 0 },
		"there is a carriage return inside the line: some AWS tools see two lines", "save the file with LF or CRLF line endings"},
	{func(line []byte, _ int) bool { return isMergeMark(line) }, "this is a mark of a merge that was not finished", "keep one of the two versions, and remove the lines with <<<<<<<, ======= and >>>>>>>"},
}

// isMergeMark reports whether a line is what git writes between two versions.
func isMergeMark(line []byte) bool {
	line = bytes.TrimRight(line, "\r")
	return bytes.HasPrefix(line, []byte("<<<<<<< ")) || bytes.HasPrefix(line, []byte(">>>>>>> ")) || bytes.HasPrefix(line, []byte("||||||| ")) || bytes.Equal(line, []byte("======="))
}

// findOddBytes looks for bytes that damage a file, and for unfinished merges.
func findOddBytes(_ context.Context, p *Patient) (all []Finding) {
	for _, t := range p.texts() {
		for _, odd := range oddBytes {
			for i, line := range bytes.Split(t.file.Data, []byte("\n")) {
				if odd.finds(line, i+1) {
					all = append(all, lineFinding(Wrong, t.path, i+1, odd.text, odd.remedy, p.GOOS))
					break // one line is enough to find the rest
				}
			}
		}
	}
	return all
}

// findRefusing asks the model of each AWS reader whether it refuses a file.
func findRefusing(_ context.Context, p *Patient) (all []Finding) {
	for _, t := range p.texts() {
		var refuse []string
		for _, r := range readers.All() {
			if _, err := r.ReadFile(t.file.Kind == credfile.Config, t.file.Data); err != nil {
				refuse = append(refuse, r.Name)
			}
		}
		if len(refuse) == 0 {
			continue
		}
		line, text, remedy := 0, "", "compare the file with one that aws configure has written"
		if i := slices.IndexFunc(t.file.Problems, func(q credfile.Problem) bool { return q.Fatal || q.Wide }); i >= 0 {
			q := t.file.Problems[i]
			line, text, remedy = q.Line, ": "+q.Text, q.Remedy
		}
		verb := "refuse"
		if len(refuse) == 1 {
			verb = "refuses"
		}
		all = append(all, lineFinding(Wrong, t.path, line, credfile.JoinWords(refuse)+" "+verb+" the whole file"+text, remedy, p.GOOS))
	}
	return all
}

// findUnreadable looks for long-term keys that keyd cannot rotate.
func findUnreadable(ctx context.Context, p *Patient) (all []Finding) {
	for _, profile := range p.profiles(ctx) {
		if profile.Skip.IsUnreadable() {
			f := lineFinding(Wrong, profile.Path, profile.Line, profile.Why, profile.Remedy, p.GOOS)
			f.Profiles = []string{profile.Name}
			all = append(all, f)
		}
	}
	return all
}

// findDisputed tells of every other line that AWS readers read differently, such as the
// name of a profile that some of them pass over.
func findDisputed(ctx context.Context, p *Patient) (all []Finding) {
	var problems []credfile.Problem
	for _, t := range p.texts() {
		problems = append(problems, t.file.Problems...)
	}
	for _, profile := range p.profiles(ctx) {
		problems = append(problems, profile.Warnings...)
	}
	slices.SortStableFunc(problems, func(a, b credfile.Problem) int {
		return cmp.Or(slices.Index(p.awsFiles(), a.Path)-slices.Index(p.awsFiles(), b.Path), cmp.Compare(a.Line, b.Line))
	})
	told := map[string]bool{}
	for _, f := range slices.Concat(findOddBytes(ctx, p), findRefusing(ctx, p), findUnreadable(ctx, p)) {
		told[placeOf(f.Found)] = true
	}
	for _, q := range slices.Compact(problems) {
		severity := Note
		if q.Fatal || q.Wide {
			severity = Wrong
		}
		f := lineFinding(severity, q.Path, q.Line, q.Text, q.Remedy, p.GOOS)
		if q.Line > 0 && told[placeOf(f.Found)] {
			continue // the same line, in other words
		}
		all = append(all, f)
	}
	return all
}

// placeOf returns the file and line at the start of a finding.
func placeOf(found string) string {
	place, _, _ := strings.Cut(found, ": ")
	return place
}
