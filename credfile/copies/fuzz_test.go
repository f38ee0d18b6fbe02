package copies

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// slowFind is find without the filter: it tries every form of every id at each byte.
func slowFind(ids []string, data []byte, isText bool) []match {
	var found []match
	for _, id := range ids {
		forms := makeForms(id)
		needles, _ := makeNeedles(forms)
		for i := range data {
			for _, n := range needles {
				if strings.HasPrefix(string(data[i:]), n.text) {
					if at, ok := n.verify(data, i, isText); ok {
						found = append(found, match{at, id, n.form.encoding})
					}
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return strings.Compare(a.id, b.id)
	})
	return slices.Compact(found)
}

// holds reports whether data holds the id in a way that nobody doubts: a whole word, UTF-16,
// or inside a run of base64 that decodes to it as a whole word.
func holds(data []byte, id string) bool {
	if hasWord(data, id) || bytes.Contains(data, []byte(widen(id))) {
		return true
	}
	isDigit := func(r rune) bool { return r < 0x80 && digits[byte(r)] != noDigit && r != '-' && r != '_' }
	for run := range bytes.FieldsFuncSeq(data, func(r rune) bool { return !isDigit(r) }) {
		// A text that begins in the middle of a run may be the rest of a longer word.
		text, err := base64.RawStdEncoding.DecodeString(string(run[:len(run)-len(run)%4]))
		// So may one that ends with the run, unless nothing follows: a line break is no end.
		ends := bytes.HasSuffix(text, []byte(id)) && (len(run)%4 != 0 || !bytes.HasSuffix(data, run))
		if err == nil && hasWord(text, id) && !ends {
			return true
		}
	}
	return false
}

func hasWord(data []byte, id string) bool {
	for at := 0; ; at++ {
		next := bytes.Index(data[at:], []byte(id))
		if next < 0 {
			return false
		}
		at += next
		if end := at + len(id); (at == 0 || !isAlnum(data[at-1])) && (end == len(data) || !isAlnum(data[end])) {
			return true
		}
	}
}

// plausible reports whether a match is no invention: without what is no digit of base64, and
// without the escapes of line ends, the text at the match decodes to the id.
func plausible(data []byte, m match) bool {
	switch m.encoding {
	case Plain:
		return strings.HasPrefix(string(data[m.at:]), m.id)
	case UTF16:
		return strings.HasPrefix(string(data[m.at:]), widen(m.id)[:2*len(m.id)-1])
	}
	rest := data[m.at:min(m.at+4*maxReach, len(data))]
	rest = []byte(strings.NewReplacer(`\n`, " ", `\r`, " ").Replace(string(rest)))
	var text []byte
	for i, c := range rest {
		if digits[c] != noDigit && !isJoint(rest, i) {
			text = append(text, c)
		}
	}
	want := m.id
	if m.encoding == Base64UTF16 {
		want = widen(m.id)
	}
	for skip := range 3 {
		f := base64Form(m.id, m.encoding, want, skip)
		if len(text) < len(f.text)-f.first {
			continue
		}
		same := true
		for i := f.first; i < len(f.text); i++ {
			same = same && f.agrees(i, text[i-f.first])
		}
		if same {
			return true
		}
	}
	return false
}

// FuzzFind checks the fast search against the slow one: at each split of the data into
// buffers they find the same, whatever stands in the data without doubt is found, and
// nothing is found that is not there.
func FuzzFind(f *testing.F) {
	for _, e := range encodings {
		f.Add([]byte(e.text), uint16(10), true)
	}
	f.Add([]byte(b64(strings.Repeat("x", 40) + testID)[:70]+"\n"+b64(strings.Repeat("x", 40) + testID)[70:]), uint16(60), true)
	f.Add([]byte(strings.Repeat("QUtJQ", 30)+b64(testID)+"\\n"+b64(testID)), uint16(1), false)
	f.Add([]byte("eyJhIjoie."+b64(testID)), uint16(10), false)
	f.Add([]byte(testID+otherID+" "+testID+","+otherID+widen(testID)), uint16(25), false)
	m, err := newMatcher([]string{testID, otherID})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, split uint16, isText bool) {
		if len(data) > 8<<10 {
			return
		}
		want := slowFind([]string{testID, otherID}, data, isText)
		at := min(int(split), len(data))
		got := slices.Concat(m.find(data, 0, at, isText), m.find(data, at, len(data), isText))
		if !slices.Equal(got, want) {
			t.Fatalf("found %v, want %v", got, want)
		}
		for _, id := range []string{testID, otherID} {
			if holds(data, id) && !slices.ContainsFunc(got, func(m match) bool { return m.id == id }) {
				t.Fatalf("%s was not found", id)
			}
		}
		for _, m := range got {
			if !plausible(data, m) {
				t.Fatalf("%v is not there", m)
			}
		}
	})
}
