package credfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// awkwardLines are lines with which readers end, begin or continue sections in ways of their
// own, and those of plain sections around them. {p} is the prefix of a header in the config file.
var awkwardLines = []string{"[{p}mine]\n", "[{p}mine]\n" + pairLines, "[{p}a]\n" + pairLines, "[{p}b]\nregion = x\n", "[default]\n", "[{p}default]\n", "[{p}a]\n", "[profile mine]\n", "[services mine]\n",
	"aws_access_key_id = {ID}\n", "aws_secret_access_key = {SECRET}\n", "aws_access_key_id = AKIAOTHEROTHEROTHER1\n", "aws_secret_access_key = x\n", "AWS_SECRET_ACCESS_KEY = {SECRET}\n", "aws_access_key_id : {ID}\n", "aws_session_token = x\n",
	"[{p}mine\n", "[ {p}mine ]\n", " [{p}mine]\n", "[{p}\"mine\"]\n", "[{p}mine] # c]\n", "[{p}mine]#c\n", "[{p} mine]\n", "[]\n", "[", "[DEFAULT]\n", "[__proto__]\n", "x = 1\r[{p}mine]\r", "x = 1\r", "\r\n", "\f[{p}mine]\n", "{p}mine]\n",
	"s3 =\n", "  x = 1\n", "  aws_secret_access_key = {SECRET}\n", "\taws_access_key_id = {ID}\n", "  \n", "\n", "# {ID}\n", "; [mine]\n", " # c\n", "x = \"\n", "x = '\n", "x = \"\"\"\n", "junk\n", "= x\n", "x =\n", "region = y # z\n", "\x00\n", "x = \x1f\n", "\x1f[{p}mine]\n", "aws_secret_access_key = {SECRET}\x1f\n", "x = \u00a0\n", "\u00a0[{p}mine]\n"}

// FuzzOddSections checks that an excerpt of a file with some sections that are not plain is
// accepted only if the file is, wherever those sections stand, and that one of both files is.
// It also checks that keyd finds the same profiles by excerpts.
// The file begins with some of awkwardLines, and the other file consists of them.
func FuzzOddSections(f *testing.F) {
	for _, config := range []bool{false, true} {
		prefix := map[bool]string{true: "profile "}[config]
		plain := string(manySections(config))
		mine := "[" + prefix + "mine]\n" + pairLines
		odd := []string{"[x\naws_secret_access_key = {SECRET}\n", "[" + prefix + "mine\n" + pairLines, "[DEFAULT]\nregion = x\n", "[DEFAULT]\n" + pairLines,
			" [" + prefix + "mine]\naws_secret_access_key = x\n", "[y]\nx = 1\r[" + prefix + "mine]\raws_access_key_id = x\n", "[ " + prefix + "mine ]\n" + pairLines,
			"[" + prefix + "\"mine\"]\naws_access_key_id = {ID}\n", "[z]\ns3 =\n [a]\n  b = c\n", "[profile default]\n" + pairLines, "[default]\naws_access_key_id : {ID}\n", "junk\n", "[__proto__]\n"}
		for _, test := range halfSeen {
			odd = append(odd, test.text)
		}
		for _, test := range unreadable {
			odd = append(odd, test.text)
		}
		for _, text := range odd {
			for _, all := range []string{text + mine, mine + text, "[" + prefix + "k]\n" + pairLines + text + plain + mine, plain + mine + text} {
				f.Add([]byte(nil), withKey(oldKey, all), []byte(nil), config)
			}
		}
		f.Add([]byte{1, byte(slices.Index(awkwardLines, "[__proto__]\n"))}, []byte(nil), []byte{1}, config)
		f.Add([]byte(nil), withKey(oldKey, "#\r[mine]\raws_access_key_id = {ID}\raws_secret_access_key = {SECRET}"), []byte(nil), config)
		for i := range awkwardLines {
			f.Add([]byte{1, byte(i), 2, 3, byte(i)}, []byte(nil), []byte{3, 0, byte(i), 2}, config)
			f.Add([]byte{3, 2, byte(i), 10, 1, byte(i), 9}, []byte(nil), []byte{1, 5}, config)
		}
	}
	f.Fuzz(func(t *testing.T, lines, more, others []byte, config bool) {
		file := Lex("file", kindOf(config), append(writeAwkward(lines, config), more...))
		requireSameVerdict(t, file)
		other := Lex("other", kindOf(!config), writeAwkward(others, !config))
		requireNotLooser(t, file, other)
		if config {
			file, other = other, file
		}
		requireSameSlowly(t, file, other)
	})
}

// writeAwkward returns a file of some of awkwardLines.
func writeAwkward(lines []byte, config bool) []byte {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(awkwardLines[int(line)%len(awkwardLines)])
	}
	return withKey(oldKey, strings.ReplaceAll(text.String(), "{p}", map[bool]string{true: "profile "}[config]))
}

// requireNotLooser requires that an edit of a file, of its places or some of them, whole or
// in part, is accepted by an excerpt of both files only if it is accepted by the files.
func requireNotLooser(t *testing.T, file, other *File) {
	t.Helper()
	places, refusal := file.findPlaces(oldKey)
	if refusal != nil {
		return
	}
	before := lexedFiles{}.with(file).with(other)
	for _, edited := range [][]pairPlace{places, places[:1], places[1:]} {
		changes := file.listChanges(edited)
		check := file.newReaderCheck(places, newKey, true)
		e, ok := check.cutExcerpt(before, edited, file.spliceKey(changes, newKey))
		if !ok || len(edited) == 0 {
			continue
		}
		short := e.file.listChanges(e.places)
		for _, part := range [][2]int{{0, len(changes)}, {0, len(changes) - 1}, {1, len(changes)}} {
			texts, _ := e.texts()
			got := check.compare(texts, texts.with(file.Kind, e.file.spliceKey(short[part[0]:part[1]], newKey)))
			want := check.compare(before.texts(), before.texts().with(file.Kind, file.spliceKey(changes[part[0]:part[1]], newKey)))
			if got == nil && want != nil {
				t.Errorf("changes %v of %d: accepted in the excerpt, and refused as a whole: %v", part, len(changes), want)
			}
		}
	}
}

// TestOddSectionsAreCut: otherwise FuzzOddSections would have nothing to check.
func TestOddSectionsAreCut(t *testing.T) {
	for _, text := range []string{"", "junk\n", "[x\n", " [x]\n", "[x]\ny = 1\ry = 2\n", "[DEFAULT]\nregion = x\n"} {
		file := Lex("credentials", Credentials, withKey(oldKey, "[a]\nregion = x\n[b]\nregion = x\n[mine]\n"+pairLines+"[c]\nregion = x\n[d]\nregion = x\n"+text))
		places, _ := file.findPlaces(oldKey)
		e, ok := file.newReaderCheck(places, newKey, true).cutExcerpt(lexedFiles{}.with(file), places, file.spliceKey(file.listChanges(places), newKey))
		if !ok || bytes.Contains(e.file.Data, []byte("[a]")) || !bytes.HasSuffix(e.file.Data, []byte(text)) || text != "" && !bytes.Contains(e.file.Data, []byte("[d]")) {
			t.Errorf("with %q: excerpt %v", text, ok)
		}
	}
}
