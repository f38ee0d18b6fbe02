package credfile

import (
	"bytes"
	"strings"
	"testing"
)

// addSeeds adds awkward files with the old key, as either kind of file.
func addSeeds(f *testing.F) {
	for _, text := range []string{
		"", "\n", "[", "[]", "]\n", "=\n", "[a]\n=", "[a]\n b", " [a]\n\tb=c\n", "\ufeff[a]\r\nb = c\r\n", "[a]\rb=c\r",
		plainFile, "[default] # x\naws_access_key_id=\"{ID}\"\n\taws_secret_access_key = {SECRET}\t# c\n",
		"[a]\ns3 =\n  aws_access_key_id = {OLD}\n" + pairLines + "[b]\n" + pairLines,
		"[a]\naws_secret_access_key = '{SECRET}' ; c\nAWS_ACCESS_KEY_ID = {ID} # d\n[b]\nx = `y\n",
		"[a]\n  s3 =\n    x = y\n aws_access_key_id : {ID}\n", plainFile + "x = %(y)s\ny = %(x)s\n\"aws_session_token\" = z\n",
	} {
		f.Add(withKey(oldKey, text), false)
		f.Add(withKey(oldKey, text), true)
	}
}

func kindOf(config bool) Kind {
	if config {
		return Config
	}
	return Credentials
}

// FuzzLex checks that lexing never fails, that spans nest properly, and that no text
// about a file quotes its secrets.
func FuzzLex(f *testing.F) {
	addSeeds(f)
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
					if m.Start < len(data) && data[m.Start] == '[' { // an indented header is a section and part of the value above at once
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
				t.Fatalf("the problem is incomplete or has a wrong line: %+v", p)
			}
		}
		requireNoSecretIn(t, file, Profiles(file, nil))
		requireNoSecretIn(t, file, Profiles(nil, file))
	})
}

// FuzzReplace checks that replacing a key and replacing it back restores every byte,
// that other readers see the new pair in between and nothing else that is new, and
// that a refusal quotes no secret.
func FuzzReplace(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, config bool) {
		file := Lex("file", kindOf(config), data)
		if bytes.Contains(data, []byte(newKey.ID)) {
			return // the way back would change more places
		}
		edited, changes, err := file.Replace(oldKey, newKey)
		if err != nil {
			if strings.Contains(strings.ToLower(allNames(file)), strings.ToLower(oldKey.Secret.Reveal()[:12])) {
				return // the secret is a name as well, and names are not secret
			}
			requireNoSecret(t, err.Error())
			return
		}
		if len(changes) == 0 || len(changes)%2 != 0 || !bytes.Equal(edited, applyChanges(data, changes)) {
			t.Fatalf("the changes %v do not lead to %q", changes, edited)
		}
		for _, p := range Profiles(file, nil) {
			if p.Key.ID != oldKey.ID || file.Kind != Credentials {
				continue
			}
			if key, err := ReadPair(edited, file.Kind, p.Section); err != nil || key.ID != newKey.ID || !key.Secret.Equal(newKey.Secret) {
				t.Fatalf("the second reader sees %s, %v", key, err)
			}
		}
		requireSameReading(t, thirdReader(data), thirdReader(edited))
		back, _, err := Lex("file", kindOf(config), edited).Replace(newKey, oldKey)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("not restored: %v\n%q\n%q", err, back, data)
		}
	})
}

// requireNoSecretIn requires that no text about a file contains a secret of that file.
// It accepts a secret that is a name as well, because names are not secret.
func requireNoSecretIn(t *testing.T, file *File, profiles []Profile) {
	t.Helper()
	var words strings.Builder
	problems := file.Problems
	for _, p := range profiles {
		words.WriteString(p.Why + "\n" + p.Key.String() + "\n")
		problems = append(problems[:len(problems):len(problems)], p.Warnings...)
	}
	for _, p := range problems {
		words.WriteString(p.Text + "\n" + p.Remedy + "\n")
	}
	for _, s := range file.Sections {
		for _, p := range s.Properties {
			secret := file.Text(p.Value)
			if p.Name == secretName && len(secret) >= 16 && strings.Contains(words.String(), secret) && !strings.Contains(allNames(file), secret) {
				t.Errorf("the secret %q is in %q", secret, words.String())
			}
		}
	}
}

// allNames returns every name in a file, one per line.
func allNames(file *File) string {
	var all strings.Builder
	all.WriteString(file.Path)
	for _, s := range file.Sections {
		all.WriteString("\n" + s.Name)
		for _, p := range s.Properties {
			all.WriteString("\n" + p.Name)
		}
	}
	return all.String()
}

// thirdReader reads a file the way Python's configparser and so the AWS CLI do: a name
// ends at "=" or ":", a deeper line continues the value above, there are no comments
// after a value, names are case-insensitive, and a duplicate is an error. It returns
// nil when it cannot read the file.
func thirdReader(data []byte) map[string]map[string]string {
	sections := map[string]map[string]string{}
	var section map[string]string
	last, indent := "", 0
	for line := range strings.Lines(string(data)) {
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		deep := len(line) - len(strings.TrimLeft(line, " \t"))
		if section != nil && last != "" && deep > indent {
			section[last] += "\n" + text
			continue
		}
		indent, last = deep, ""
		if header, ok := strings.CutPrefix(text, "["); ok && strings.Contains(header, "]") {
			name := header[:strings.LastIndex(header, "]")]
			if sections[name] != nil {
				return nil
			}
			section = map[string]string{}
			sections[name] = section
			continue
		}
		at := strings.IndexAny(text, "=:")
		if section == nil || at <= 0 {
			return nil
		}
		last = strings.ToLower(strings.TrimSpace(text[:at]))
		if _, twice := section[last]; twice {
			return nil
		}
		section[last] = strings.TrimSpace(text[at+1:])
	}
	return sections
}

// newToOld replaces the new pair with the old one. The third reader may take more than
// half a pair for one value: the lines below it, and a comment after it. A comment that
// repeats half of the pair must not change.
var newToOld = strings.NewReplacer(newKey.ID, oldKey.ID, newKey.Secret.Reveal(), oldKey.Secret.Reveal())

// requireSameReading requires that a reader sees the same before and after a
// replacement except for the pair, and never sees half of the new pair.
func requireSameReading(t *testing.T, before, after map[string]map[string]string) {
	t.Helper()
	if len(before) != len(after) || (before == nil) != (after == nil) {
		t.Fatalf("the third reader saw %d sections before and sees %d now", len(before), len(after))
	}
	for name, values := range before {
		now := after[name]
		if len(now) != len(values) {
			t.Fatalf("the third reader sees other names in [%s]", name)
		}
		for key, value := range values {
			if newToOld.Replace(value) != newToOld.Replace(now[key]) {
				t.Errorf("the third reader saw %s = %q in [%s] before and sees %q now", key, value, name, now[key])
			}
		}
		old := values[idName] == oldKey.ID && values[secretName] == oldKey.Secret.Reveal()
		if old && (now[idName] != newKey.ID || now[secretName] != newKey.Secret.Reveal()) {
			t.Errorf("the third reader sees %q in [%s], want the new pair", now, name)
		}
	}
}
