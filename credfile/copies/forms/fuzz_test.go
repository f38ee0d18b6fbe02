package forms

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzReplace replaces the old key by the new one and back in any bytes. Nothing panics; a
// refusal names the file and no secret; a replacement changes the places only, is agreed
// to by the second reader, and comes back as the same bytes.
func FuzzReplace(f *testing.F) {
	for _, e := range examples {
		data, err := os.ReadFile(filepath.Join("testdata", e.file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, e.form != "")
	}
	for i, e := range encodings {
		text := fill(frames[i%len(frames)], oldPair, e.wrap)
		f.Add([]byte(text), false)
		f.Add(utf16LE(text), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, ses bool) {
		form := Form{}
		if ses {
			form = Form{region: "eu-west-1"}
		}
		checkRoundTrip(t, data, form, oldPair, nextPair)
	})
}

// checkRoundTrip reports whether data was kept up to date.
func checkRoundTrip(t *testing.T, data []byte, form Form, old, next Pair) bool {
	t.Helper()
	keep := bytes.Clone(data)
	out, places, err := Replace("file", data, form, old, next)
	if !bytes.Equal(keep, data) {
		t.Fatal("the bytes that were passed in have changed")
	}
	if err != nil {
		r, ok := errors.AsType[*Refusal](err)
		if !ok || r.Path != "file" || r.Text == "" || r.Remedy == "" || out != nil || strings.Contains(err.Error()+r.Remedy, old.Secret) {
			t.Fatalf("%v: %q, %+v", err, out, r)
		}
		return false
	}
	if Shows(out, form, old.ID) || !Shows(out, form, next.ID) || !Shows(data, form, old.ID) {
		t.Fatal("Shows is wrong")
	}
	if ReadBack("file", out, form, next) != nil || ReadBack("file", out, form, old) == nil || ReadBack("file", data, form, old) != nil {
		t.Fatal("ReadBack is wrong")
	}
	before, err := Find("file", data, form, old)
	if err != nil || len(before) > len(places) || len(before) < 2 {
		t.Fatalf("%v: %d places, then %d", err, len(before), len(places))
	}
	if Shows(data, form, next.ID) || bytes.Contains(data, []byte(next.ID)) {
		return true // the way back would change more
	}
	back, _, err := Replace("file", out, form, next, old)
	if err != nil || !bytes.Equal(back, data) && !holdsOtherMarks(form) {
		t.Fatalf("the way back: %v\n%q\n%q", err, data, back)
	}
	return true
}

// holdsOtherMarks reports whether an SMTP password lacks a mark that the other one has: then
// the way back may write it in another way.
func holdsOtherMarks(form Form) bool { return form.region != "" }

// FuzzEncodings wraps random pairs in random encodings and surroundings, among random words.
func FuzzEncodings(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed)
	}
	f.Fuzz(checkEncodings)
}

func checkEncodings(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	old, next := randomPair(r), randomPair(r)
	encoding := encodings[r.IntN(len(encodings))]
	var before, after strings.Builder
	for range 1 + r.IntN(4) {
		frame := frames[r.IntN(len(frames))]
		var noise strings.Builder
		noise.WriteString(noises[r.IntN(len(noises))])
		for range r.IntN(3) {
			noise.WriteString(noises[r.IntN(len(noises))])
		}
		before.WriteString(fill(frame, old, encoding.wrap) + "\n" + noise.String() + "\n")
		after.WriteString(fill(frame, next, encoding.wrap) + "\n" + noise.String() + "\n")
		if r.IntN(2) == 0 {
			encoding = encodings[r.IntN(len(encodings))]
		}
	}
	data, want := before.String(), after.String()
	// A byte order mark counts at the beginning only, and elsewhere is part of a word.
	data, want = strings.ReplaceAll(data, "\ufeff", ""), strings.ReplaceAll(want, "\ufeff", "")
	if r.IntN(4) == 0 {
		data, want = strings.ReplaceAll(data, "\n", "\r\n"), strings.ReplaceAll(want, "\n", "\r\n")
	}
	got, _, err := Replace("file", []byte(data), Form{}, old, next)
	if err != nil || string(got) != want {
		t.Fatalf("%s: %v\n  of %q\n got %q\nwant %q", encoding.name, err, data, got, want)
	}
	if !checkRoundTrip(t, []byte(data), Form{}, old, next) {
		t.Fatal("refused")
	}
}

// noises are lines that have nothing to do with the key.
var noises = []string{
	"", "region = eu-west-1\n", "# a comment\n", "path=C:\\new\\users\\x64\n", "100% of %2F and %zz\n", "&amp; &#65; & \n",
	"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n", strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\n", 3),
	"id = AKIAOTHEROTHEROTHER1\nsecret = Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBaAbCd\n", "<!-- a -->\n", "\u00e9\u20ac\U0001f600\n", "\\\\\\\\\n",
}

// randomPair returns a pair whose secret has each mark that the secrets of AWS have.
func randomPair(r *rand.Rand) Pair {
	const capitals, all = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	id, secret := []byte("AKIA"), make([]byte, 40)
	for range 16 {
		id = append(id, capitals[r.IntN(len(capitals))])
	}
	for i := range secret {
		secret[i] = all[r.IntN(len(all))]
	}
	plus := 1 + r.IntN(38)
	secret[plus], secret[(plus+1+r.IntN(30))%40] = '+', '/'
	return Pair{string(id), string(secret)}
}

// FuzzEdits changes the example files as a person does who is not careful: near the values,
// by lines, with the marks that mean something.
func FuzzEdits(f *testing.F) {
	for seed := range uint64(32) {
		f.Add(seed)
	}
	type text struct {
		data []byte
		form Form
	}
	var texts []text
	for _, e := range examples {
		data, err := os.ReadFile(filepath.Join("testdata", e.file))
		form, bad := ParseForm(e.form)
		if err != nil || bad != nil {
			f.Fatal(err, bad)
		}
		texts = append(texts, text{data, form})
	}
	for i, e := range encodings {
		texts = append(texts, text{[]byte(fill(frames[i%len(frames)], oldPair, e.wrap)), Form{}})
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		from := texts[r.IntN(len(texts))]
		data := bytes.Clone(from.data)
		for range 1 + r.IntN(4) {
			data = edited(r, data)
		}
		checkRoundTrip(t, data, from.form, oldPair, nextPair)
	})
}

// slips are what somebody types by mistake.
var slips = []string{
	`\`, "%", "&", "&#47;", "%2F", `\u002f`, `"`, "'", "\n", "\r\n", " ", "#", "//", "=", "+", "/", "A", "-", "_", "<!--", "-->", "{", "}",
	"://", "QUJD", "\t", "\u00e9", oldPair.ID, oldPair.Secret, `\n`, "%%",
}

func edited(r *rand.Rand, data []byte) []byte {
	at := r.IntN(len(data) + 1)
	if i := bytes.Index(data, []byte(oldPair.ID)); i >= 0 && r.IntN(2) == 0 {
		at = min(len(data), max(0, i-2+r.IntN(64)))
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	a, b := r.IntN(len(lines)), r.IntN(len(lines))
	switch r.IntN(4) {
	case 0:
		return slices.Concat(data[:at], []byte(slips[r.IntN(len(slips))]), data[at:])
	case 1:
		return slices.Concat(data[:at], data[min(len(data), at+1+r.IntN(3)):])
	case 2:
		lines[a], lines[b] = lines[b], lines[a]
	default:
		lines = append(lines, lines[a])
	}
	return bytes.Join(lines, nil)
}
