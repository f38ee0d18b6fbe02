package readers

import (
	"errors"
	"maps"
	"strings"
)

// Setting is one value as a reader sees it.
type Setting struct {
	Value  string
	Line   int  // where the setting begins, from 1, counting line feeds
	Config bool // it is in the config file; set by ReadFiles only
}

// Profile holds the settings of one profile by name. A setting of a nested block
// is named "block.name".
type Profile map[string]Setting

// Profiles holds the profiles of one file, or of both, by name.
type Profiles map[string]Profile

// Reader is the model of one program.
type Reader struct {
	Name string // as people know the program
	// TokenNames are the names of the session token, the preferred one first.
	TokenNames []string

	// read returns the profiles of one file, or an error when the program refuses
	// the whole file.
	read func(config bool, text string) (Profiles, error)
	// join returns what the program uses of two files. Neither may be changed.
	join func(config, credentials Profiles) Profiles
	// goesOn is set when a file that the program refuses counts as empty. Without
	// it, the program stops.
	goesOn bool
}

// All returns the models.
func All() []Reader {
	session := []string{"aws_session_token"}
	return []Reader{
		{Name: "the AWS CLI", TokenNames: []string{"aws_security_token", "aws_session_token"}, read: readBotocore, join: joinBotocore},
		{Name: "the Go SDK", TokenNames: session, read: readGo, join: joinGo},
		{Name: "the JavaScript SDK", TokenNames: session, read: readJavaScript, join: joinSettings, goesOn: true},
		{Name: "the Java SDK", TokenNames: session, read: readJava, join: joinSettings},
		{Name: "the Rust SDK", TokenNames: session, read: readRust, join: joinSettings},
	}
}

var errRefused = errors.New("the reader refuses the whole file")

// ReadFile returns the profiles that the program finds in one file. The error
// says no more than that the program refuses the file.
func (r *Reader) ReadFile(config bool, data []byte) (Profiles, error) {
	return r.read(config, string(data))
}

// ReadFiles returns the profiles that the program finds in both files together. Either
// may be nil. It returns nil when the program cannot use the files at all.
func (r *Reader) ReadFiles(credentials, config []byte) Profiles {
	var found [2]Profiles
	for i, data := range [][]byte{credentials, config} {
		if data == nil {
			continue
		}
		p, err := r.read(i == 1, string(data))
		if err != nil && !r.goesOn {
			return nil
		}
		for _, profile := range p {
			for name, setting := range profile {
				setting.Config = i == 1
				profile[name] = setting
			}
		}
		found[i] = p
	}
	return r.join(found[1], found[0])
}

// Pair is the static credential that a reader finds in a profile. A half that is not
// there is the zero Setting.
type Pair struct{ ID, Secret, Token Setting }

// Pair returns the static credential of a profile that this reader found.
func (r *Reader) Pair(p Profile) Pair {
	pair := Pair{ID: p["aws_access_key_id"], Secret: p["aws_secret_access_key"]}
	for _, name := range r.TokenNames {
		if token, ok := p[name]; ok && pair.Token.Value == "" {
			pair.Token = token
		}
	}
	return pair
}

// joinSettings merges the settings of two files. Those of the credentials file win.
func joinSettings(config, credentials Profiles) Profiles {
	all := Profiles{}
	for _, file := range []Profiles{config, credentials} {
		for name, profile := range file {
			merged := all.profile(name)
			maps.Copy(merged, profile)
		}
	}
	return all
}

// profile returns the profile with this name, and adds it if there is none.
func (p Profiles) profile(name string) Profile {
	if p[name] == nil {
		p[name] = Profile{}
	}
	return p[name]
}

// openSetting is a setting whose value may continue in the next line.
type openSetting struct {
	profile Profile
	name    string
	more    []string
}

// close adds the lines that continue the value, and forgets the setting.
func (o *openSetting) close() {
	if len(o.more) > 0 {
		s := o.profile[o.name]
		s.Value += "\n" + strings.Join(o.more, "\n")
		o.profile[o.name] = s
	}
	*o = openSetting{}
}

// textLine is one line without its ending.
type textLine struct {
	text   string
	number int // counting line feeds, from 1
}

// splitLines splits text after each LF, after CR LF, and with bareCR after each CR, too. The
// last line may be empty. Only one CR before an LF belongs to the ending, and only
// with trimCR.
func splitLines(text string, trimCR, bareCR bool) []textLine {
	lines := make([]textLine, 0, strings.Count(text, "\n")+1)
	number, start := 1, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			end := i
			if trimCR && end > start && text[end-1] == '\r' {
				end--
			}
			lines = append(lines, textLine{text[start:end], number})
			number++
			start = i + 1
		case c == '\r' && bareCR && (i+1 == len(text) || text[i+1] != '\n'):
			lines = append(lines, textLine{text[start:i], number})
			start = i + 1
		}
	}
	return append(lines, textLine{text[start:], number})
}

// isName reports whether the rules that Rust and Java share allow name for a profile
// or a setting.
func isName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("_-/.%@:+", c) < 0 {
			return false
		}
	}
	return true
}

// cutFirst returns s up to the first of the marks.
func cutFirst(s string, marks ...string) string {
	end := len(s)
	for _, mark := range marks {
		if i := strings.Index(s[:end], mark); i >= 0 {
			end = i
		}
	}
	return s[:end]
}
