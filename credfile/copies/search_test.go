package copies

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	testID     = "AKIAQ3EGTESTKEYCOPY7"
	otherID    = "AKIAQ3EGTESTKEYOTHER"
	testSecret = "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"
)

// pairFile is an AWS file with the pair.
const pairFile = "[default]\naws_access_key_id = " + testID + "\naws_secret_access_key = " + testSecret + "\n"

// writeTree writes files below a new folder, by path.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// find searches a home for testID.
func find(t *testing.T, home string) Report {
	t.Helper()
	r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: home})
	if err != nil || len(r.Errors) > 0 {
		t.Fatal(err, r.Errors)
	}
	return r
}

// encodings are texts that hold testID, with the line and the encoding that the search must
// report, or none.
var encodings = map[string]struct {
	text     string
	line     int // 0: the id is not there
	encoding Encoding
}{
	"plain":               {pairFile, 2, Plain},
	"first bytes":         {testID + ":" + testSecret, 1, Plain},
	"last bytes":          {"\n\nkey=" + testID, 3, Plain},
	"crlf":                {strings.ReplaceAll(pairFile, "\n", "\r\n"), 2, Plain},
	"url":                 {"MC_HOST_x=https%3A%2F%2F" + testID + "%3Asecret@host", 1, Plain},
	"url, escape before":  {"login%3D" + testID + "%26", 1, Plain},
	"json":                {`{"env": {"AWS_ACCESS_KEY_ID": "` + testID + `"}}`, 1, Plain},
	"json, escape before": {`{"file": "a:\n` + testID + `\n"}`, 1, Plain},
	"json, unicode":       {`{"file": "\u0022` + testID + `\u0022"}`, 1, Plain},
	"comment":             {"# old: " + testID + "\n", 1, Plain},
	"id in base64":        {"data:\n  id: " + b64(testID) + "\n", 2, Base64},
	"file in base64":      {"kind: Secret\ndata:\n  cloud: " + b64(pairFile) + "\n", 3, Base64},
	"file in base64, 1":   {b64("#" + pairFile), 1, Base64},
	"file in base64, 2":   {b64("##" + pairFile), 1, Base64},
	"json in base64":      {b64(`{"a":"x\n` + testID + `\n"}`), 1, Base64},
	"url-safe base64":     {"x=" + base64.RawURLEncoding.EncodeToString([]byte("\xfb\xff\xbf"+testID+"\xff\xff")), 1, Base64},
	"utf-16":              {utf16("\ufeff" + strings.ReplaceAll(pairFile, "\n", "\r\n")), 2, UTF16},
	"utf-16, big-endian":  {swapped(utf16("\ufeff" + pairFile)), 2, UTF16},
	"utf-16, no mark":     {utf16("Windows Registry Editor\r\n\r\n[HKEY_CURRENT_USER\\Environment]\r\n\"AWS_ACCESS_KEY_ID\"=\"" + testID + "\"\r\n"), 4, UTF16},
	"powershell command":  {"powershell -EncodedCommand " + b64(utf16("$env:AWS_ACCESS_KEY_ID='"+testID+"'")) + "\n", 1, Base64UTF16},
	"binary":              {"\x00\x01\x02" + "x" + testID + testSecret, 1, Plain},
	"behind 8 KiB":        {strings.Repeat("0123456789abcde\n", 1000) + testID, 1001, Plain},
	"behind a buffer":     {strings.Repeat("0123456789abcde\n", 20000) + testID + "\n", 20001, Plain},
	"base64, two buffers": {strings.Repeat("0123456789abcde\n", 8191) + "xx " + b64(pairFile), 8192, Base64},
	"latin-1":             {"# f\xfcr " + testID + "\n", 1, Plain},

	"another id":           {"aws_access_key_id = " + otherID, 0, ""},
	"last letter differs":  {testID[:19] + "6", 0, ""},
	"lower case":           {strings.ToLower(testID), 0, ""},
	"longer id":            {testID + "A", 0, ""},
	"inside a word":        {"X" + testID, 0, ""},
	"broken":               {testID[:10] + "\n" + testID[10:], 0, ""},
	"base64 of another":    {b64(testID[:19] + "6"), 0, ""},
	"base64 of another, 1": {b64("x=" + testID[:19] + "6"), 0, ""},
	"base64 of another, 2": {b64("=" + testID[:19] + "6"), 0, ""},
	"base64 of longer":     {b64("id=" + testID + "AA"), 0, ""},
	"first letter differs": {b64("=Q" + testID[1:] + "\n"), 0, ""},
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func utf16(text string) string {
	var wide []byte
	for _, r := range text {
		wide = append(wide, byte(r), byte(r>>8))
	}
	return string(wide)
}

func swapped(wide string) string {
	b := []byte(wide)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

func TestEveryEncodingIsFound(t *testing.T) {
	for name, c := range encodings {
		t.Run(name, func(t *testing.T) {
			r := find(t, writeTree(t, map[string]string{"some/file": c.text}))
			var want []Place
			if c.line > 0 {
				want = []Place{{c.line, testID, c.encoding}}
			}
			var got []Place
			for _, found := range r.Copies {
				got = append(got, found.Places...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// TestBase64IsFoundHoweverItIsBroken breaks base64 of a whole file into lines of each width
// from 26 on, at each alignment, in the ways in which files continue a text.
func TestBase64IsFoundHoweverItIsBroken(t *testing.T) {
	m, err := newMatcher([]string{testID})
	if err != nil {
		t.Fatal(err)
	}
	for _, between := range []string{"\n", "\r\n", "\n    ", "\\n", "\\r\\n", " \\\n  ", "\" +\n\t\"", "\n# ", "\",\n  \"", "\n\n"} {
		for width := 26; width <= 80; width++ {
			for shift := range 3 {
				text := b64(strings.Repeat("x", 30+shift) + "\n" + pairFile)
				var broken []string
				for line := range slices.Chunk([]byte(text), width) {
					broken = append(broken, string(line))
				}
				data := []byte("data: |\n  " + strings.Join(broken, between) + "\n")
				if found := m.find(data, 0, len(data), true); len(found) != 1 || found[0].encoding != Base64 {
					t.Fatalf("width %d, %q between, shift %d: %v", width, between, shift, found)
				}
			}
		}
	}
}
