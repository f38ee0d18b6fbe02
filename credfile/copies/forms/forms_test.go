package forms

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

// The pairs of AWS's documentation, with a plus sign put into the secrets.
var (
	oldPair  = Pair{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtn+EMI/K7MDENG/bPxRfi+YEXAMPLEKEY"}
	nextPair = Pair{"AKIAI44QH8DHBEXAMPLE", "je7MtGbC+wBF/2Zp9Utk/h3yCo8+vbEXAMPLEKEY"}
)

// fill puts a key into a template: {ID}, {SECRET} and, through wrap, their encodings.
func fill(template string, p Pair, wrap func(string) string) string {
	return strings.NewReplacer("{ID}", wrap(p.ID), "{SECRET}", wrap(p.Secret)).Replace(template)
}

func plain(s string) string { return s }

// escaping returns a wrap that replaces each of the marks.
func escaping(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func base64Of(e *base64.Encoding) func(string) string {
	return func(s string) string { return e.EncodeToString([]byte(s)) }
}

// encodings are ways in which tools write a value, each with the name that Find gives to
// a secret in it.
var encodings = []struct {
	name string
	wrap func(string) string
	says string
}{
	{"plain", plain, "plain"},
	{"JSON of PHP", escaping("/", `\/`), "backslash"},
	{"JSON of .NET", escaping("+", `\u002B`), "backslash"},
	{"JSON, all marks, small digits", escaping("+", `\u002b`, "/", `\u002f`), "backslash"},
	{"JSON in JSON", escaping("+", `\\u002B`, "/", `\\/`), "backslash"},
	{"URL", url.QueryEscape, "percent"},
	{"URL, small digits", escaping("+", "%2b", "/", "%2f"), "percent"},
	{"URL, plus sign left", url.PathEscape, "percent"},
	{"URL in crontab", escaping("+", `\%2B`, "/", `\%2F`), "percent"},
	{"URL in systemd", escaping("+", "%%2B", "/", "%%2F"), "percent"},
	{"XML, decimal", escaping("+", "&#43;", "/", "&#47;"), "XML"},
	{"XML, hexadecimal", escaping("+", "&#x2B;", "/", "&#x2f;"), "XML"},
	{"XML, four digits", escaping("+", "&#x002b;", "/", "&#0047;"), "XML"},
	{"HTML names", escaping("+", "&plus;", "/", "&sol;"), "XML"},
	{"shell, backslash", escaping("+", `\+`, "/", `\/`), "backslash"},
	{"shell, ANSI-C", escaping("+", `\x2b`, "/", `\x2f`), "backslash"},
	{"shell, octal", escaping("+", `\053`, "/", `\057`), "backslash"},
	{"everything escaped", func(s string) string {
		var out strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&out, "%%%02x", s[i])
		}
		return out.String()
	}, "percent"},
	{"base64", base64Of(base64.StdEncoding), "plain in base64"},
	{"base64 without padding", base64Of(base64.RawStdEncoding), "plain in base64"},
	{"base64 of addresses", base64Of(base64.URLEncoding), "plain in base64"},
	{"base64 with the end of the line", func(s string) string { return base64Of(base64.StdEncoding)(s + "\n") }, "plain in base64"},
	{"base64 in JSON of Gson", func(s string) string { return escaping("=", `\u003d`)(base64Of(base64.StdEncoding)(s)) }, "plain in base64"},
	{"base64 twice", func(s string) string { return base64Of(base64.StdEncoding)(base64Of(base64.StdEncoding)(s)) }, "plain in base64 in base64"},
}

// frames are surroundings in which a value is a word of its own.
var frames = []string{
	"id={ID}\nsecret={SECRET}\n",
	"secret = {SECRET}\r\nid = {ID}\r\n",
	"{\"id\": \"{ID}\", \"secret\": \"{SECRET}\"}",
	"export ID='{ID}' SECRET='{SECRET}'",
	"{ID}:{SECRET}",
	"bucket:{ID}:{SECRET}\n",
	"text ä {ID}\tö {SECRET} ü",
	"<a id=\"{ID}\"><b>{SECRET}</b></a>",
	"\ufeffid: {ID}\nsecret: {SECRET}",
	"a={ID}&b={SECRET}&c=1",
	"${A:-{ID}} ${B:-{SECRET}}",
}

func TestReplaceKeepsTheEncoding(t *testing.T) {
	for _, e := range encodings {
		for _, frame := range frames {
			before, want := fill(frame, oldPair, e.wrap), fill(frame, nextPair, e.wrap)
			got, places, err := Replace("f", []byte(before), Form{}, oldPair, nextPair)
			if err != nil || string(got) != want {
				t.Errorf("%s in %q: %v\n got %q\nwant %q", e.name, frame, err, got, want)
				continue
			}
			for _, p := range places {
				if p.Value == Secret && p.Encoding != e.says {
					t.Errorf("%s in %q: the encoding is called %q, want %q", e.name, frame, p.Encoding, e.says)
				}
			}
			back, _, err := Replace("f", got, Form{}, nextPair, oldPair)
			if err != nil || string(back) != before {
				t.Errorf("%s in %q: back: %v\n got %q\nwant %q", e.name, frame, err, back, before)
			}
			for _, set := range []func(string) []byte{utf16LE, utf16BE} {
				got, _, err := Replace("f", set(before), Form{}, oldPair, nextPair)
				if err != nil || string(got) != string(set(want)) {
					t.Errorf("%s in %q in UTF-16: %v", e.name, frame, err)
				}
			}
		}
	}
}

func utf16LE(s string) []byte { return utf16Bytes(s, 0, 8) }
func utf16BE(s string) []byte { return utf16Bytes(s, 8, 0) }

func utf16Bytes(s string, first, second int) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + strings.TrimPrefix(s, "\ufeff"))) {
		out = append(out, byte(u>>first), byte(u>>second))
	}
	return out
}

// refused returns the Refusal that Find gives for a text, and checks that Replace gives
// the same and neither shows the secret.
func refused(t *testing.T, data string, f Form) *Refusal {
	t.Helper()
	_, err := Find("dir/file", []byte(data), f, oldPair)
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Errorf("%q: Find returns %v and not a refusal", data, err)
		return &Refusal{}
	}
	out, places, again := Replace("dir/file", []byte(data), f, oldPair, nextPair)
	if out != nil || places != nil || again == nil || again.Error() != err.Error() {
		t.Errorf("%q: Replace returns %q, %v, %v", data, out, places, again)
	}
	if text := fmt.Sprintf("%v %+v %#v", err, refusal, refusal); strings.Contains(text, oldPair.Secret) || refusal.Path != "dir/file" || refusal.Text == "" || refusal.Remedy == "" {
		t.Errorf("%q: %s", data, text)
	}
	return refusal
}
