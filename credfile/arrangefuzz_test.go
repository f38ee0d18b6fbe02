package credfile

import (
	"bytes"
	"strings"
	"testing"

	"keyd/credfile/atomicfile"
)

// snapshotOf returns what Read would return for files with this text. config may be nil.
func snapshotOf(credentials, config []byte) *Snapshot {
	s := &Snapshot{Credentials: Lex("credentials", Credentials, credentials)}
	s.sources = append(s.sources, source{s.Credentials, &atomicfile.Original{}})
	if config != nil {
		s.Config = Lex("config", Config, config)
		s.sources = append(s.sources, source{s.Config, &atomicfile.Original{}})
	}
	s.Profiles = Profiles(s.Credentials, s.Config)
	return s
}

// requireArrangement arranges each profile of the files, and demands that the change back
// gives every byte back, that nothing but whole lines was added, and that no change shows a
// secret. It returns how many profiles were arranged.
func requireArrangement(t *testing.T, credentials, config []byte) (arranged int) {
	s := snapshotOf(credentials, config)
	for _, p := range s.Profiles {
		a, err := s.Arrange(p.Name, "the-key", "/bin/keyd credentials the-key")
		if err != nil {
			continue
		}
		arranged++
		for _, c := range a.Changes {
			if strings.Contains(c.Old+c.New, p.Key.Secret.Reveal()) {
				t.Fatalf("profile %q: a change shows the secret:\n%q", p.Name, credentials)
			}
		}
		back, err := snapshotOf(a.data, config).Unarrange(p.Name)
		if err != nil {
			t.Fatalf("profile %q: no way back: %v\n%q\n%q", p.Name, err, credentials, a.data)
		}
		if !bytes.Equal(back.data, credentials) {
			t.Fatalf("profile %q: the change and the change back give\n%q\nand not\n%q", p.Name, back.data, credentials)
		}
	}
	return arranged
}

func FuzzArrange(f *testing.F) {
	pair := string(withKey(oldKey, pairLines))
	for _, c := range [][2]string{
		{"[work]\n" + pair, ""},
		{"# c\r\n[work] # d\r\nregion = x\r\n\r\n" + strings.ReplaceAll(pair, "\n", "\r\n") + "[b]\r\n", "[profile work]\noutput = json\n"},
		{"[work]\n" + pair + "region = x\n  y\n# z\ns3 =\n  a = b", "[default]\nregion = z"},
		{"[default]\n  " + strings.ReplaceAll(strings.TrimSpace(pair), "\n", "\n  "), "[profile default]\nservices = s\n[services s]\niam =\n  endpoint_url = http://h\n"},
		{"[DEFAULT]\nregion = y\n[work]\n" + pair + "[other]\n" + pair, "[profile r]\nrole_arn = a\nsource_profile = work\n"},
		{"[work]\n" + strings.TrimSuffix(pair, "\n"), "[profile \"work\"]\nregion = 'q' # c\n"},
	} {
		f.Add([]byte(c[0]), []byte(c[1]))
	}
	for _, text := range []string{plainFile, "[a]\n\taws_secret_access_key = '{SECRET}' ; c\nAWS_ACCESS_KEY_ID = {ID} # d\n[b]\nx = `y\n"} {
		f.Add(withKey(oldKey, text), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, credentials, config []byte) {
		if len(config) == 0 {
			config = nil
		}
		requireArrangement(t, credentials, config)
	})
}

// TestEdgeFilesAreArrangedExactlyOrRefused arranges what it can of the awkward files of the
// shared vectors.
func TestEdgeFilesAreArrangedExactlyOrRefused(t *testing.T) {
	arranged := 0
	for _, f := range edgeFiles(t) {
		arranged += requireArrangement(t, f.data, nil)
	}
	if arranged == 0 {
		t.Error("no file was arranged")
	}
	t.Logf("%d profiles were arranged", arranged)
}
