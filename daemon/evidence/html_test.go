package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
)

// TestPageLoadsNothing: the policy of the page allows its own style and nothing else, and
// nothing in the page refers to another place.
func TestPageLoadsNothing(t *testing.T) {
	r, _ := sample(t)
	page := string(r.HTML())
	_, rest, _ := strings.Cut(page, "<style>")
	style, rest, _ := strings.Cut(rest, "</style>")
	hash := sha256.Sum256([]byte(style))
	policy := `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-` + base64.StdEncoding.EncodeToString(hash[:]) + `'; base-uri 'none'; form-action 'none'">`
	if !strings.Contains(page, policy) || strings.Index(page, policy) > strings.Index(page, "<style>") {
		t.Errorf("the page has not %s before its style", policy)
	}
	for _, bad := range []string{"<script", "<link", "<img", "<iframe", "<object", "<base", "src=", "href=", "url(h", "@import", "http://", "https://", "javascript:", "style=", " on"} {
		inTags := regexp.MustCompile(`<[^>]*`).FindAllString(rest, -1)
		for _, tag := range append(inTags, style) {
			if strings.Contains(tag, bad) && !(bad == " on" && tag == style) {
				t.Errorf("%q in %.80s", bad, tag)
			}
		}
	}
	for _, want := range []string{"prefers-color-scheme:dark", "@media print", `lang="en"`, "AKIACAROL00000000001", "arn:aws:iam::111122223333:user/alice", "a person: keyd rotate --force", "7a62c49f-0000-0000-0000-000000000013", "not recorded", "CCC.IAM", "IA-5(f)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// TestPageIsWellFormed reads the page as XML, which is stricter than a browser: a name that
// broke out of its place would break the nesting.
func TestPageIsWellFormed(t *testing.T) {
	r, w := sample(t)
	pages := [][]byte{r.HTML(), newWorld(t).report().HTML()}
	short := newWorld(t)
	short.seen(owner{profiles: []string{"a\u202eb\x1b[31m"}, user: "\x1b", account: "1"}, "AKIA\x1b1", nil, listed("AKIA\x1b1", now.Add(-day)), listed("AKIA2", time.Time{}))
	page := short.report().HTML()
	if pages = append(pages, page); !bytes.Contains(page, []byte("when they were created: 1 key.")) {
		t.Error("the page does not say which key the picture lacks")
	}
	w.src.Profiles, w.src.Since, w.src.Settings.Unknown = []string{evil}, now.Add(-30*day), true
	for _, page := range append(pages, w.report().HTML()) {
		d := xml.NewDecoder(bytes.NewReader(regexp.MustCompile(`<meta [^>]*>|<!doctype html>|<br>`).ReplaceAll(page, nil)))
		d.Entity = map[string]string{"nbsp": " "}
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v near %.300s", err, page[max(d.InputOffset()-200, 0):])
			}
			if s, ok := token.(xml.StartElement); ok && (s.Name.Local == "script" || s.Name.Local == "img") {
				t.Errorf("the page has a <%s>", s.Name.Local)
			}
		}
		for _, c := range string(page) {
			if !unicode.IsPrint(c) && c != '\n' {
				t.Errorf("the page has %q", c)
			}
		}
	}
}
