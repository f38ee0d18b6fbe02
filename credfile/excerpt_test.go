package credfile

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/readers"
)

// FuzzPlainSectionsStandAlone checks what keyd assumes of plain files, so that it need not
// have every reader read a large file whole: botocore finds the settings that keyd finds,
// every reader finds in a section what it finds in the sections of that name alone, and an
// edit is accepted there exactly when it is accepted as a whole.
func FuzzPlainSectionsStandAlone(f *testing.F) {
	addSeeds(f)
	f.Add([]byte("\r"), true)
	f.Add([]byte("[c]\ns3 =\n  a = b\n  o # n= x\n"), false)
	f.Add([]byte("[a]\nregion = x\r"), false)
	f.Add([]byte("[a]\nregion = \" # why\n"), false)
	f.Add([]byte("[a]\nAWS_secret_access_key='\naws_access_key_id=\n"), false)
	f.Add([]byte("[a]\ns3 =\n  b: '\n  a = \"\n"), false)
	f.Add([]byte("[a]\ns3 =\n  b:'\n  a=x\n"), false)
	f.Add([]byte("[a]\ns3 =\n  b=:'\n  a= \" \n"), true)
	for _, config := range []bool{false, true} {
		f.Add(manySections(config), config)
		f.Add(bytes.ReplaceAll(manySections(config), []byte("\n"), []byte("\r\n")), config)
	}
	f.Fuzz(func(t *testing.T, data []byte, config bool) {
		file := Lex("file", kindOf(config), data)
		if !file.isPlain() {
			return
		}
		requireBotocoreAgrees(t, file)
		for _, r := range readers.All() {
			requireSectionsStandAlone(t, file, &r)
		}
		requireSameVerdict(t, file)
	})
}

// manySections returns a plain file with what a plain file may hold.
func manySections(config bool) []byte {
	prefix := map[bool]string{true: "profile "}[config]
	text := "# a comment\n; another = one\n\n[default]\nregion=eu-west-1\n\n[" + prefix + "a]\n" + pairLines +
		"\n# b=c\n[" + prefix + "b] # the second\n" + pairLines + "[" + prefix + "c]\nregion = \"x\" ; why\ns3 =\n  addressing_style = path\n\n  # no = setting\n  max = 2 # x\noutput =\n" +
		"[" + prefix + "d]\nrole_arn = x=y\nsource_profile\t=\tb\n"
	if config {
		text += "[services a]\niam =\n  endpoint_url = http://localhost:1\n[sso-session b]\nsso_region = x\n"
	}
	return withKey(oldKey, text)
}

// TestManySectionsArePlain: otherwise the fuzz test would have nothing to check.
func TestManySectionsArePlain(t *testing.T) {
	for _, config := range []bool{false, true} {
		if f := Lex("file", kindOf(config), manySections(config)); !f.isPlain() {
			t.Errorf("config %v: not plain, %+v", config, f.Problems)
		}
	}
}

// TestPlainLine tries every byte at every place of a line, and next to bytes from which another
// one may borrow.
func TestPlainLine(t *testing.T) {
	for b := range 256 {
		plain := b == '\t' || b >= ' ' && b < 0x7f
		for at := range 19 {
			for _, next := range []byte("x ~_?") {
				line, comment := bytes.Repeat([]byte{next}, 19), bytes.Repeat([]byte{next}, 19)
				line[at], comment[at], comment[0] = byte(b), byte(b), '#'
				if got := isPlainLine(line); got != plain {
					t.Errorf("%q: %v, want %v", line, got, plain)
				}
				if got, want := isPlainLine(comment), plain || b > 0x7f; got != want && at > 0 {
					t.Errorf("%q: %v, want %v", comment, got, want)
				}
			}
		}
	}
	if !isPlainLine(nil) {
		t.Error("an empty line is not plain")
	}
}

// TestTokenOfTheOtherFile: some readers let an empty session token, or one without a pair,
// hide the token of the other file, and others do not. What those find, keyd tells, however
// the other lines of the files are written.
func TestTokenOfTheOtherFile(t *testing.T) {
	const token = "aws_session_token = token\n"
	for _, test := range []struct {
		name, credentials, config string
		skip                      Skip
		says                      string
	}{
		{"an empty token hides that of the pair", "[a]\naws_session_token =\n", "[profile a]\n" + pairLines + token, Unreadable, "the Java SDK and the Rust SDK can use the key AKIA..0001"},
		{"an empty token with a comment", "[a]\naws_session_token = # none\n", "[profile a]\n" + pairLines + token, Unreadable, "the Java SDK and the Rust SDK can use the key AKIA..0001"},
		{"another token for the pair", "[a]\naws_session_token = other\n", "[profile a]\n" + pairLines + token, Temporary, "there is a session token"},
		{"an empty token next to the pair", "[a]\n" + pairLines + "aws_session_token =\n", "[profile a]\nregion = x\n", Rotatable, ""},
		{"an empty token in the other file", "[a]\n" + pairLines + token, "[profile a]\naws_session_token =\n", Temporary, "there is a session token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, more := range []string{"", "[b]\nregion:x = 1\n"} { // a colon in the name: not plain
				credentials, config := Lex("credentials", Credentials, withKey(oldKey, test.credentials+more)), Lex("config", Config, withKey(oldKey, test.config))
				p := findProfile(t, Profiles(credentials, config), "a")
				if p.Skip != test.skip || !strings.Contains(p.Why, test.says) {
					t.Errorf("with %q: %s: %s", more, p.Skip, p.Why)
				}
				requireSameSlowly(t, credentials, config)
			}
		})
	}
}

// requireSameSlowly requires that keyd finds the same in both files when it has all readers
// read them whole.
func requireSameSlowly(t *testing.T, credentials, config *File) {
	t.Helper()
	fast, slow := indexProfiles(credentials, config), joinFiles(credentials, config, func(*File) bool { return false })
	fast.cut, slow.cut = true, false
	if got, want := fast.listProfiles(), slow.listProfiles(); !reflect.DeepEqual(got, want) {
		t.Errorf("files have %+v; read whole by all readers, they have %+v", got, want)
	}
}

// requireBotocoreAgrees requires that botocore finds the sections and settings of the file.
func requireBotocoreAgrees(t *testing.T, file *File) {
	t.Helper()
	sections, ok := readers.ReadBotocore(file.Data)
	if !ok || len(sections) != len(file.Sections) {
		t.Fatalf("botocore finds %d sections, and keyd %d", len(sections), len(file.Sections))
	}
	for i, want := range sections {
		s := &file.Sections[i]
		lexed := botoSection{file: file, line: s.Line, lexed: s}
		if s.Name != want.Header || s.Line != want.Line || !reflect.DeepEqual(lexed.all(), want.Values) {
			t.Errorf("botocore finds %+v, and keyd %s in line %d with %+v", want, s.Name, s.Line, lexed.all())
		}
		for name, value := range want.Values {
			if got, ok := lexed.get(name); !ok || !reflect.DeepEqual(got.BotocoreValue, value) {
				t.Errorf("botocore finds %s = %+v, and keyd %+v", name, value, got)
			}
			if !lexed.setsAny(name) && name != idName && name != secretName {
				t.Errorf("[%s] is said not to set %s", s.Name, name)
			}
		}
	}
	if v := indexProfiles(file, nil); !v.namesEndpoints && bytes.Contains(bytes.ToLower(file.Data), []byte("endpoint_url")) {
		t.Error("endpoint_url was not found")
	}
}

// requireSectionsStandAlone requires that a reader finds in all sections of one name together
// what it finds there in the whole file.
func requireSectionsStandAlone(t *testing.T, file *File, r *readers.Reader) {
	t.Helper()
	whole, err := r.ReadFile(file.Kind == Config, file.Data)
	if err != nil {
		t.Fatalf("%s refuses the file: %v", r.Name, err)
	}
	alone := readers.Profiles{}
	names := map[string]bool{}
	for i := range file.Sections {
		names[lastName(&file.Sections[i])] = true
	}
	for name := range names {
		short, _ := file.cutSections(map[string]bool{name: true})
		found, err := r.ReadFile(file.Kind == Config, short.Data)
		if err != nil {
			t.Fatalf("%s refuses the sections of %s: %v", r.Name, name, err)
		}
		lines := []int{0} // in the file, by the lines of the excerpt
		for line := range bytes.Count(file.headText(), []byte("\n")) {
			lines = append(lines, line+1)
		}
		for i := range file.Sections {
			for line := file.Sections[i].Line; lastName(&file.Sections[i]) == name && line <= file.Sections[i].Last; line++ {
				lines = append(lines, line)
			}
		}
		for name, profile := range found {
			if alone[name] != nil {
				t.Errorf("%s finds %s below several names", r.Name, name)
			}
			alone[name] = maps.Clone(profile)
			for setting, value := range profile {
				value.Line = lines[value.Line]
				alone[name][setting] = value
			}
		}
	}
	if !reflect.DeepEqual(whole, alone) {
		t.Errorf("%s finds\n%+v in the file, and\n%+v in its sections", r.Name, whole, alone)
	}
}

// requireSameVerdict requires that an edit, and the same edit with its id or its secret left
// out, is accepted by its excerpt only if it is accepted as a whole. So is an edit of some of
// the places only. Of a plain file, the verdicts are the same.
func requireSameVerdict(t *testing.T, file *File) {
	t.Helper()
	places, refusal := file.findPlaces(oldKey)
	if refusal != nil || bytes.Contains(file.Data, []byte(newKey.ID)) {
		return
	}
	for _, edited := range [][]pairPlace{places, places[:1], places[1:]} {
		check := file.newReaderCheck(places, newKey, true)
		changes := file.listChanges(edited)
		data := file.spliceKey(changes, newKey)
		e, ok := check.cutExcerpt(lexedFiles{}.with(file), edited, data)
		if len(edited) == 0 || !ok {
			continue
		}
		requireStandAlone(t, file, edited, e)
		whole := excerpt{lexedFiles{}.with(file), file, Lex(file.Path, file.Kind, data), edited}
		if got, want := check.verifyExcerpt(e) == nil, check.verifyExcerpt(whole) == nil; got != want && (got || file.plain) {
			t.Errorf("%d of %d places: accepted in the excerpt %v, as a whole %v", len(edited), len(places), got, want)
		}
		short := e.file.listChanges(e.places)
		for _, part := range [][2]int{{0, len(changes) - 1}, {1, len(changes)}, {0, 0}} {
			data := file.spliceKey(changes[part[0]:part[1]], newKey)
			if _, ok := check.cutExcerpt(lexedFiles{}.with(file), edited, data); ok {
				t.Errorf("an excerpt of an edit of which a part is missing, %v of %d", part, len(changes))
			}
			before, _ := e.texts()
			got := check.compare(before, before.with(file.Kind, e.file.spliceKey(short[part[0]:part[1]], newKey))) == nil
			want := check.compare(fileTexts{}.with(file.Kind, file.Data), fileTexts{}.with(file.Kind, data)) == nil
			if got != want && (got || file.plain) {
				t.Errorf("changes %v of %d: accepted in the excerpt %v, as a whole %v", part, len(changes), got, want)
			}
		}
	}
}

// requireStandAlone requires that keyd finds in the excerpt what it finds in the file, before
// and after the edit, and that all else is the same.
func requireStandAlone(t *testing.T, file *File, places []pairPlace, e excerpt) {
	t.Helper()
	g := Lex(file.Path, file.Kind, file.spliceKey(file.listChanges(places), newKey))
	if file.plain && !g.plain {
		t.Fatalf("the excerpt is plain after the edit, and the file is not: %+v", g.Problems)
	}
	for _, pair := range [][2]*File{{file, e.file}, {g, e.edited}} {
		whole, short, j := pair[0], pair[1], 0
		for i := range whole.Sections {
			s := &whole.Sections[i]
			if j == len(short.Sections) || !bytes.Equal(whole.sectionText(s), short.sectionText(&short.Sections[j])) {
				if !bytes.Equal(file.sectionText(&file.Sections[i]), g.sectionText(&g.Sections[i])) {
					t.Errorf("[%s] changes and is not in the excerpt", s.Name)
				}
				continue
			}
			if got, want := describeSection(short, &short.Sections[j]), describeSection(whole, s); got != want {
				t.Errorf("in the excerpt %s, in the file %s", got, want)
			}
			j++
		}
		if j != len(short.Sections) {
			t.Errorf("the excerpt has %d sections, of which %d are in the file", len(short.Sections), j)
		}
	}
}

// describeSection returns all that is known of a section but for its place.
func describeSection(f *File, s *Section) string {
	var text strings.Builder
	fmt.Fprintf(&text, "[%s] %d %v %v\n", s.Name, s.Last-s.Line, s.Form, s.DuplicateLine != 0)
	for _, p := range s.Properties {
		fmt.Fprintf(&text, "%s %d %v %q %q %q", p.Name, p.Line-s.Line, p.Form, f.Text(p.Raw), f.Text(p.Value), f.Text(p.Rest))
		for _, m := range p.More {
			fmt.Fprintf(&text, " %q", f.Text(m))
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// TestLargeEditIsCheckedInItsSections: of a large plain file the readers read only a part, and
// they refuse there what they refuse in the whole file. A file that is not plain is read whole.
func TestLargeEditIsCheckedInItsSections(t *testing.T) {
	data := largeFile(1000)
	file := Lex("credentials", Credentials, data)
	places, _ := file.findPlaces(oldKey)
	changes := file.listChanges(places)
	edit := func(text, after []byte) (short, refused bool) {
		before := Lex("credentials", Credentials, text)
		check := before.newReaderCheck(places, newKey, true)
		e, ok := check.cutExcerpt(lexedFiles{}.with(before), places, after)
		return ok && len(e.file.Data) < 500, check.verifyEdit(places, after) != nil
	}
	if short, refused := edit(data, file.spliceKey(changes, newKey)); !short || refused {
		t.Errorf("excerpt %v, refused %v", short, refused)
	}
	for i := range changes { // one half is left as it was
		if short, refused := edit(data, file.spliceKey(slices.Delete(slices.Clone(changes), i, i+1), newKey)); short || !refused {
			t.Errorf("without change %d: excerpt %v, refused %v", i, short, refused)
		}
	}
	for _, elsewhere := range []string{"eu-west-1", "acme-7]", "AKIA0000000000000007\n", "mail\n[acme-500]"} { // in a comment, a header, a value, a line end
		after := bytes.Replace(file.spliceKey(changes, newKey), []byte(elsewhere), []byte(strings.ReplaceAll(elsewhere, elsewhere[len(elsewhere)-2:], "XY")), 1)
		if short, refused := edit(data, after); short || !refused {
			t.Errorf("%q changed too: excerpt %v, refused %v", elsewhere, short, refused)
		}
	}
	for text, want := range map[string]bool{"[odd]\nx = 'y'\nx = z\n": true, "[x\naws_access_key_id = AKIA\n": true, " [x]\n": true, "y=1\ry=2\n": true, "x = \xff\n": false} {
		text = "[dev]\nregion = x\n" + text
		if short, refused := edit(append(bytes.Clone(data), text...), append(file.spliceKey(changes, newKey), text...)); short != want || refused {
			t.Errorf("with %q: excerpt %v, refused %v", text, short, refused)
		}
	}
}

// TestManySectionsHaveTheirOwnProperties: the properties of a file share their memory, and
// one section never shows those of another.
func TestManySectionsHaveTheirOwnProperties(t *testing.T) {
	var text strings.Builder
	for i := range 700 {
		fmt.Fprintf(&text, "[s%d]\n", i)
		for j := range i % 40 * (1 + i%7) {
			fmt.Fprintf(&text, "p%d_%d = %d\n", i, j, j)
		}
	}
	f := Lex("credentials", Credentials, []byte(text.String()))
	for i, s := range f.Sections {
		if len(s.Properties) != i%40*(1+i%7) || cap(s.Properties) != len(s.Properties) {
			t.Fatalf("[%s] has %d properties, with room for %d", s.Name, len(s.Properties), cap(s.Properties))
		}
		for j, p := range s.Properties {
			if p.Name != fmt.Sprintf("p%d_%d", i, j) || f.Text(p.Value) != fmt.Sprint(j) {
				t.Fatalf("[%s] has %+v", s.Name, p)
			}
		}
	}
}

// TestEndpointSettingsAreComplete: a profile that sets none of them reaches AWS in the usual
// way, so a name that is missing would be a setting that keyd passes over.
func TestEndpointSettingsAreComplete(t *testing.T) {
	var s EndpointConfig
	asked := []string{}
	get := func(name string) string {
		asked = append(asked, name)
		return ""
	}
	newEndpointConfig(get)
	s.setPluginURLs(get)
	for _, name := range asked {
		if name != "region" && !slices.Contains(endpointSettings[:], name) {
			t.Errorf("%s decides how AWS is reached, and endpointSettings does not have it", name)
		}
	}
}
