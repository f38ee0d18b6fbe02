package credfile

import (
	"bytes"
	"testing"
)

func seeds(f *testing.F) {
	for _, text := range []string{
		"", "\n", "[", "[]", "]\n", "=\n", "[a]\n=", "[a]\n b", " [a]\n\tb=c\n", "\ufeff[a]\r\nb = c\r\n", "[a]\rb=c\r",
		plainFile, "[default] # x\naws_access_key_id=\"{ID}\"\n\taws_secret_access_key = {SECRET}\t# c\n",
		"[a]\ns3 =\n  aws_access_key_id = {OLD}\n" + pairLines + "[b]\n" + pairLines,
		"[a]\naws_secret_access_key = '{SECRET}' ; c\nAWS_ACCESS_KEY_ID = {ID} # d\n[b]\nx = `y\n",
		"[a]\n  s3 =\n    x = y\n aws_access_key_id : {ID}\n", plainFile + "x = %(y)s\ny = %(x)s\n\"aws_session_token\" = z\n",
	} {
		f.Add(with(oldKey, text), false)
		f.Add(with(oldKey, text), true)
	}
}

func kindOf(config bool) Kind {
	if config {
		return Config
	}
	return Credentials
}

// FuzzLex: lexing never fails, and every span lies where it says.
func FuzzLex(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte, config bool) {
		file := Lex("file", kindOf(config), bytes.Clone(data))
		if !bytes.Equal(file.Data, data) {
			t.Fatal("the bytes were changed")
		}
		within := func(what string, s, in Span) {
			if s.Start < in.Start || s.Start > s.End || s.End > in.End {
				t.Fatalf("%s %v is not within %v", what, s, in)
			}
		}
		at, lines := 0, bytes.Count(data, []byte("\n"))+1
		for _, s := range file.Sections {
			within("body", s.Body, Span{at, len(data)})
			at = s.Body.End
			line := s.Line
			for _, p := range s.Properties {
				within("rest", p.Rest, s.Body)
				within("raw", p.Raw, p.Rest)
				within("value", p.Value, p.Raw)
				for _, m := range p.More {
					end := s.Body.End
					if m.Start < len(data) && data[m.Start] == '[' { // an indented header is both: a section, and a part of the value above
						end = len(data)
					}
					within("more", m, Span{p.Rest.End, end})
				}
				if p.Name == "" || p.Line <= line || p.Line > s.Last {
					t.Fatalf("property %q in line %d of %d..%d", p.Name, p.Line, s.Line, s.Last)
				}
				line = p.Line
			}
		}
		for _, p := range file.Problems {
			if p.Line < 1 || p.Line > lines || p.Text == "" || p.Remedy == "" {
				t.Fatalf("problem %+v", p)
			}
		}
		Profiles(file, nil)
		Profiles(nil, file)
	})
}

// FuzzReplace: an edit there and back restores every byte, the second reader
// sees the new pair in between, and a refusal gives its reason.
func FuzzReplace(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte, config bool) {
		file := Lex("file", kindOf(config), data)
		if bytes.Contains(data, []byte(newKey.ID)) {
			return // the way back would change more
		}
		edited, changes, err := file.Replace(oldKey, newKey)
		if err != nil {
			secretFree(t, err.Error())
			return
		}
		if len(changes) == 0 || len(changes)%2 != 0 || !bytes.Equal(edited, swapped(data, changes)) {
			t.Fatalf("%v made %q", changes, edited)
		}
		for _, p := range Profiles(file, nil) {
			if p.Key.ID != oldKey.ID || file.Kind != Credentials {
				continue
			}
			if key, err := Pair(edited, file.Kind, p.Section); err != nil || key.ID != newKey.ID || !key.Secret.Equal(newKey.Secret) {
				t.Fatalf("the second reader sees %s, %v", key, err)
			}
		}
		back, _, err := Lex("file", kindOf(config), edited).Replace(newKey, oldKey)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("not restored: %v\n%q\n%q", err, back, data)
		}
	})
}
