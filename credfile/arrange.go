package credfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile/shell"
)

// An Arrangement is a change of the credentials file after which programs that use a
// profile ask keyd for its key, or the change back. Readers prefer a pair to a
// credential_process in the same profile, so the pair gets a section of its own:
//
//	[work]                                            [work]
//	region = eu-west-1                                region = eu-west-1
//	aws_access_key_id = AKIA...                  <->  credential_process = /usr/bin/keyd credentials work-key
//	aws_secret_access_key = ...                       [work-key]
//	                                                  region = eu-west-1
//	                                                  aws_access_key_id = AKIA...
//	                                                  aws_secret_access_key = ...
//
// Whole lines are added or removed, and at most one header is renamed; every other byte
// stays. It is one edit of one file, so no reader finds a profile without a key at any
// moment. The command stands in the credentials file, because every SDK finds it there
// except that for C++, and programs with minio-go, such as restic, find it there only. The
// new section has the settings that say where AWS is asked: keyd rotates the key as before.
type Arrangement struct {
	Profile    string // what programs use
	KeyProfile string // the profile of the section with the pair
	Key        Key
	Path       string
	Changes    []LineChange // in the order of their lines
	Sources    []string     // the profiles whose roles are assumed with the key of Profile
	Blind      []string     // the AWS readers that cannot read the files, or not this pair, before and after

	command string // that asks keyd
	back    bool   // it is the change back
	source  source
	data    []byte
}

// LineChange is a line that an Arrangement adds, removes, or puts in place of another. It
// never holds a secret.
type LineChange struct {
	Line     int    // in the file as it is; an added line comes before it; from 1
	Old, New string // without their ends; "" for none
}

// whereSettings are the settings of a profile that say where AWS is asked about its key.
var whereSettings = [...]string{
	"region", "endpoint_url", "services", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint",
	"sts_regional_endpoints", "ca_bundle", "mfa_serial", "mfa_process",
}

// Arrange returns the change after which programs that use the profile run command, which
// hands out the pair of the new profile keyProfile. It writes nothing. The error is a
// *Refusal when the change cannot be made so that every AWS reader finds what it should.
func (s *Snapshot) Arrange(profile, keyProfile, command string) (*Arrangement, error) {
	a := &Arrangement{Profile: profile, KeyProfile: keyProfile, command: command}
	section, r := s.findArrangeable(a)
	if r != nil {
		return nil, r.wrap()
	}
	lines, r := a.source.file().splitSection(section, s.copiedSettings(a))
	if r == nil {
		r = a.apply(s, lines)
	}
	if r != nil {
		return nil, r.wrap()
	}
	return a, nil
}

// credentialsSource returns the credentials file, or nil.
func (s *Snapshot) credentialsSource() *source {
	i := slices.IndexFunc(s.sources, func(src source) bool { return src.file() != nil && src.file().Kind == Credentials })
	if i < 0 {
		return nil
	}
	return &s.sources[i]
}

// findArrangeable fills in a, and returns the section that holds the pair.
func (s *Snapshot) findArrangeable(a *Arrangement) (*Section, *Refusal) {
	v := indexProfiles(s.Credentials, s.Config)
	p, ok := s.FindProfile(a.Profile)
	refuse := func(remedy, format string, args ...any) (*Section, *Refusal) {
		return nil, &Refusal{p.Path, p.Line, fmt.Sprintf(format, args...), remedy}
	}
	switch src := s.credentialsSource(); {
	case !ok:
		return refuse("run keyd status to see the profiles", "there is no profile %s", a.Profile)
	case p.Asks != "":
		return refuse("to undo it: keyd credentials --undo "+shell.Quote(a.Profile), "profile %s %s already", a.Profile, p.Why)
	case p.Skip.IsUnreadable():
		return refuse(p.Remedy, "%s", p.Why)
	case !p.HandsOut():
		return refuse("name a profile that holds a key: keyd status", "profile %s holds no key that could be handed out: %s", a.Profile, p.Why)
	case src == nil || p.Path != src.file().Path:
		return refuse("move the two lines into the credentials file, below ["+a.Profile+"]", "the pair of profile %s is in the config file", a.Profile)
	default:
		a.source, a.Path, a.Key = *src, src.file().Path, p.Key
	}
	for _, q := range s.Profiles {
		if q.Name == a.Profile && q.Path != p.Path {
			return refuse("remove one of the two pairs", "profile %s holds a pair in %s:%d as well", a.Profile, q.Path, q.Line)
		}
		if v.find(q.Name).setting("source_profile") == a.Profile && !slices.Contains(a.Sources, q.Name) {
			a.Sources = append(a.Sources, q.Name)
		}
	}
	for _, name := range []string{"role_arn", "credential_source", "web_identity_token_file", "sso_session", "sso_start_url", "login_session", "credential_process"} {
		if v.find(a.Profile).setting(name) != "" {
			return refuse("keep the pair and that in two profiles", "profile %s also has %s, which readers rank differently", a.Profile, name)
		}
	}
	if v.find(a.KeyProfile).exists() || !isPlainName(a.KeyProfile) || a.KeyProfile == "DEFAULT" {
		return refuse("choose another name with --as", "%s is the name of a profile already, or cannot be one", a.KeyProfile)
	}
	for _, at := range v.find(a.Profile).sections {
		if section := at.section; at.file.Kind == Credentials {
			if section.Form != Plain {
				return refuse("write the header as ["+a.Profile+"], at the beginning of its line", "AWS readers disagree on the header of profile %s", a.Profile)
			}
			return section, nil
		}
	}
	return refuse("run keyd status to see the profiles", "the section of profile %s was not found", a.Profile)
}

// copiedSettings returns the lines of the new section that say where AWS is asked.
func (s *Snapshot) copiedSettings(a *Arrangement) (lines []string) {
	v := indexProfiles(s.Credentials, s.Config)
	for _, name := range whereSettings {
		if value := v.find(a.Profile).setting(name); value != "" {
			lines = append(lines, name+" = "+value)
		}
	}
	return lines
}

// sectionSplit says where a section is split into two.
type sectionSplit struct {
	section *Section
	first   int // the line before which the second section begins
	keyLast bool
	copied  []string
}

// splitSection finds the line that divides the pair of s from its other settings.
func (f *File) splitSection(s *Section, copied []string) (sectionSplit, *Refusal) {
	p := f.findPair(s)
	from, to := min(p.id.Line, p.secret.Line), max(p.id.Line, p.secret.Line)
	before, after := 0, 0
	for i := range s.Properties {
		switch q := &s.Properties[i]; {
		case q == p.id || q == p.secret:
		case q.Line < from:
			before++
		case q.Line > to && after == 0:
			after = q.Line
		case q.Line < to:
			before, after = 1, q.Line
		}
	}
	switch {
	case before > 0 && after > 0:
		return sectionSplit{}, f.newRefusal(from, "put the two lines of the pair at the end of the section", "the pair stands between other settings")
	case after > 0:
		return sectionSplit{s, after, false, copied}, nil
	}
	return sectionSplit{s, from, true, copied}, nil
}

// apply computes the new file and verifies it.
func (a *Arrangement) apply(s *Snapshot, split sectionSplit) *Refusal {
	header := split.section.Line
	process := "credential_process = " + a.command
	key := append([]string{"[" + a.KeyProfile + "]"}, split.copied...)
	below := split.first // the line that will follow the copied ones
	if !split.keyLast {
		below = header + 1
	}
	if text := a.lineText(below); len(split.copied) > 0 && strings.TrimLeft(text, " \t") != text {
		return &Refusal{a.Path, below, "the line is indented, and would continue the setting that keyd adds above it", "begin the lines of [" + a.Profile + "] at the start of their lines"}
	}
	if split.keyLast {
		a.insert(split.first, append([]string{process}, key...)...)
	} else {
		a.rename(header, a.Profile, a.KeyProfile)
		a.insert(header+1, split.copied...)
		a.insert(split.first, "["+a.Profile+"]", process)
	}
	a.data = a.render()
	return a.verify(s)
}

func (a *Arrangement) insert(line int, texts ...string) {
	for _, text := range texts {
		a.Changes = append(a.Changes, LineChange{Line: line, New: text})
	}
}

func (a *Arrangement) remove(line int) {
	a.Changes = append(a.Changes, LineChange{Line: line, Old: a.lineText(line)})
}

// rename changes the name in a header.
func (a *Arrangement) rename(line int, from, to string) {
	old := a.lineText(line)
	a.Changes = append(a.Changes, LineChange{Line: line, Old: old, New: strings.Replace(old, from, to, 1)})
}

// lines returns the lines of the file with their ends.
func (a *Arrangement) lines() [][]byte { return bytes.SplitAfter(a.source.file().Data, []byte("\n")) }

// lineText returns a line without its end.
func (a *Arrangement) lineText(line int) string {
	return strings.TrimRight(string(a.lines()[line-1]), "\r\n")
}

// render returns the file with the changes. A new line ends as the line does before which
// it stands, or as the one above it if that is the last one and has no end.
func (a *Arrangement) render() []byte {
	var out []byte
	changes := a.Changes
	lines := a.lines()
	for i, line := range lines {
		end := line[len(bytes.TrimRight(line, "\r\n")):]
		if len(end) == 0 && i > 0 {
			end = lines[i-1][len(bytes.TrimRight(lines[i-1], "\r\n")):]
		}
		replaced := false
		for ; len(changes) > 0 && changes[0].Line == i+1; changes = changes[1:] {
			c := changes[0]
			switch {
			case c.Old == "":
				out = append(append(out, c.New...), end...)
			case c.New == "":
				replaced = true
			default:
				out = append(append(out, c.New...), line[len(c.Old):]...)
				replaced = true
			}
		}
		if !replaced {
			out = append(out, line...)
		}
	}
	return out
}
