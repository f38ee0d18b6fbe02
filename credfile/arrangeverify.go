package credfile

import (
	"fmt"
	"maps"
	"slices"

	"keyd/credfile/readers"
)

// verify requires that each AWS reader finds after the change what it should: the profile
// runs the command, or holds the pair, and nothing else is another. keyd itself must find
// the key where it is to rotate it, and ask AWS at the same endpoints.
func (a *Arrangement) verify(s *Snapshot) *Refusal {
	var before fileTexts
	for f := range s.files() {
		before = before.with(f.Kind, f.Data)
	}
	after := before.with(Credentials, a.data)
	for _, r := range readers.All() {
		old, now := a.readFiles(&r, before), a.readFiles(&r, after)
		with, without, from, to := old, now, a.Profile, a.KeyProfile
		if a.back {
			with, without, from, to = now, old, to, from
		}
		if old == nil && now == nil || r.Pair(old[from]).ID.Value != a.Key.ID {
			if r.Pair(now[to]).ID.Value == a.Key.ID {
				return a.refuse("%s does not find the pair in profile %s now, and would find it in profile %s", r.Name, from, to)
			}
			a.Blind = append(a.Blind, r.Name)
			continue
		}
		if text := a.compareReader(&r, with, without); text != "" {
			return a.refuse("after the change %s would find %s", r.Name, text)
		}
	}
	return a.verifyProfiles(s)
}

// readFiles returns what a reader finds in both files together. The model of botocore joins
// them for its providers of static pairs, and hides the settings of the config file behind a
// pair in the credentials file; credential_process is read from all settings of both.
// Source: botocore, session.py, full_config; credentials.py, ProcessProvider.
func (a *Arrangement) readFiles(r *readers.Reader, t fileTexts) readers.Profiles {
	if r.Name != readers.All()[0].Name {
		return r.ReadFiles(t.credentials, t.config)
	}
	var config *File
	if t.config != nil {
		config = Lex("", Config, t.config)
	}
	boto := indexBotocore(Lex(a.Path, Credentials, t.credentials), config, func(*File) bool { return false })
	if boto == nil {
		return nil
	}
	found := make(readers.Profiles, len(boto.profiles.byName))
	for name, joined := range boto.profiles.byName {
		p := &joined.boto
		values := maps.Clone(p.config.all())
		if values == nil {
			values = map[string]readers.BotocoreValue{}
		}
		maps.Copy(values, p.credentials.all())
		found[name] = make(readers.Profile, len(values))
		for setting, v := range values {
			found[name][setting] = readers.Setting{Value: v.Text + fmt.Sprint(v.Nested), Line: v.Line} // Sprint sorts the names
			if v.Nested == nil {
				found[name][setting] = readers.Setting{Value: v.Text, Line: v.Line}
			}
		}
	}
	return found
}

func (a *Arrangement) refuse(format string, args ...any) *Refusal {
	return &Refusal{a.Path, 0, fmt.Sprintf(format, args...), reportRemedy}
}

// compareReader compares what a reader finds with the pair in the profile, and with the pair
// in a section of its own. It returns what is wrong, or "".
func (a *Arrangement) compareReader(r *readers.Reader, with, without readers.Profiles) string {
	if with == nil || without == nil || len(with)+1 != len(without) {
		return "other profiles"
	}
	for _, name := range slices.Sorted(maps.Keys(without)) {
		p, q := with[name], without[name]
		if name == a.KeyProfile {
			p = with[a.Profile]
			if p == nil || r.Pair(p) == (readers.Pair{}) || r.Pair(p).ID.Value != r.Pair(q).ID.Value || r.Pair(p).Secret.Value != r.Pair(q).Secret.Value {
				return "another pair"
			}
			continue // its other settings are for keyd
		}
		if p == nil {
			return "other profiles"
		}
		if name == a.Profile {
			if pair := r.Pair(q); pair.ID.Value != "" || pair.Secret.Value != "" || q["credential_process"].Value != a.command {
				return "no command in profile " + name
			}
			p = maps.Clone(p)
			delete(p, idName)
			delete(p, secretName)
			q = maps.Clone(q)
			delete(q, "credential_process")
		}
		if len(p) != len(q) || !containsSettings(p, q) {
			return "other settings in profile " + name
		}
	}
	return ""
}

// containsSettings reports whether p has all settings of q, with the same values.
func containsSettings(p, q readers.Profile) bool {
	for name, setting := range q {
		if old, ok := p[name]; !ok || old.Value != setting.Value {
			return false
		}
	}
	return true
}

// verifyProfiles compares what keyd finds before and after the change.
func (a *Arrangement) verifyProfiles(s *Snapshot) *Refusal {
	changed := Profiles(Lex(a.Path, Credentials, a.data), s.Config)
	with, without := s.Profiles, changed
	if a.back {
		with, without = changed, s.Profiles
	}
	find := func(all []Profile, name string) Profile {
		p, _ := (&Snapshot{Profiles: all}).FindProfile(name)
		return p
	}
	old, key, asks := find(with, a.Profile), find(without, a.KeyProfile), find(without, a.Profile)
	switch {
	case key.Endpoints != old.Endpoints && !a.back:
		return a.refuse("keyd would ask AWS about the key of %s at other endpoints: they are set in a block or in a section that cannot be copied", a.KeyProfile)
	case key.Key.ID != old.Key.ID || !key.Key.Secret.Equal(old.Key.Secret) || key.Skip != old.Skip:
		return a.refuse("after the change keyd would not find the key in profile %s", a.KeyProfile)
	case asks.Asks != a.KeyProfile:
		return a.refuse("after the change profile %s would not ask keyd", a.Profile)
	}
	for _, p := range with {
		if q := find(without, p.Name); p.Name != a.Profile && (q.Key.ID != p.Key.ID || !q.Key.Secret.Equal(p.Key.Secret) || q.Skip != p.Skip || q.Endpoints != p.Endpoints) {
			return a.refuse("after the change keyd would find another profile %s", p.Name)
		}
	}
	if slices.ContainsFunc(without, func(p Profile) bool { return p.Name != a.KeyProfile && find(with, p.Name).Name == "" }) {
		return a.refuse("after the change keyd would find other profiles")
	}
	return nil
}
