package forms

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// wrapped breaks a text over lines.
func wrapped(text string, width int, between string) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), between)
}

// TestWrappedText replaces the key in a file of AWS that stands as base64 over several lines,
// in all widths and surroundings.
func TestWrappedText(t *testing.T) {
	bodies := []string{"[default]\naws_access_key_id={ID}\naws_secret_access_key={SECRET}\n", "{ID}:{SECRET}", "{ID}\n{SECRET}", "# \u00e9t\u00e9\r\nid = {ID}\r\nsecret = {SECRET}\r\n"}
	frames := []string{
		"data:\n  cloud: |\n    %s\ntype: Opaque\n",
		"%s",
		"cloud: '%s'\n",
		"x = \"%s\"; y = 1\n",
		"-----BEGIN X-----\n%s\n-----END X-----\n",
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n%s\n",
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding} {
		for _, width := range []int{16, 20, 57, 64, 76, 500} {
			for n, between := range []string{"\n    ", "\n", "\r\n", "\n\t", `\n`} {
				for i, body := range bodies {
					frame := frames[(i+n+width)%len(frames)]
					text := func(p Pair) string {
						return fmt.Sprintf(frame, wrapped(e.EncodeToString([]byte(fill(body, p, plain))), width, between))
					}
					got, places, err := Replace("f", []byte(text(oldPair)), Form{}, oldPair, nextPair)
					if err != nil || string(got) != text(nextPair) {
						t.Errorf("width %d, break %q: %v\n  of %q\n got %q\nwant %q", width, between, err, text(oldPair), got, text(nextPair))
						continue
					}
					if len(places) != 2 || places[0].Start != places[1].Start || places[0].Encoding != "plain in base64" {
						t.Errorf("places: %+v", places)
					}
				}
			}
		}
	}
}

// TestTextsInTexts looks through several encodings.
func TestTextsInTexts(t *testing.T) {
	b := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, build := range []func(p Pair) string{
		func(p Pair) string { // a Secret for pulling images
			return "data:\n  .dockerconfigjson: " + b(`{"auths":{"x":{"username":"`+p.ID+`","password":"`+strings.ReplaceAll(p.Secret, "/", `\/`)+`","auth":"`+b(p.ID+":"+p.Secret)+`"}}}`) + "\n"
		},
		func(p Pair) string { return "Authorization: Basic " + b(p.ID+":"+p.Secret) },
		func(p Pair) string { // JSON of a file of AWS
			return `{"file": "[default]\naws_access_key_id = ` + p.ID + `\naws_secret_access_key = ` + p.Secret + `\n"}`
		},
		func(p Pair) string { // JSON in JSON in an assignment
			return `X="{\"a\": \"{\\\"id\\\": \\\"` + p.ID + `\\\", \\\"s\\\": \\\"` + p.Secret + `\\\"}\"}"`
		},
		func(p Pair) string { return "id: " + b(p.ID) + "\nsecret: " + p.Secret }, // half in base64
		func(p Pair) string { return "u=" + b(b(b(p.ID+" "+p.Secret))) },
	} {
		got, _, err := Replace("f", []byte(build(oldPair)), Form{}, oldPair, nextPair)
		if err != nil || string(got) != build(nextPair) {
			t.Errorf("%v\n  of %q\n got %q\nwant %q", err, build(oldPair), got, build(nextPair))
		}
	}
	four := b(b(b(b(oldPair.ID + " " + oldPair.Secret))))
	if r := refused(t, "x="+four, Form{}); !strings.Contains(r.Text, "does not understand") {
		t.Errorf("base64 four times: %s", r.Text)
	}
	// Keys of another length: the lines are laid out anew.
	long := Pair{nextPair.ID + "ABCDEFGH", nextPair.Secret + strings.Repeat("Ab1/", 8)}
	text := func(p Pair) string {
		return "x: |\n  " + wrapped(b("id="+p.ID+"\nsecret="+p.Secret+"\n"), 40, "\n  ") + "\ny: 1\n"
	}
	if got, _, err := Replace("f", []byte(text(oldPair)), Form{}, oldPair, long); err != nil || string(got) != text(long) {
		t.Errorf("%v\n got %q\nwant %q", err, got, text(long))
	}
}
