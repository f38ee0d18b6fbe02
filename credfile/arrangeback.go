package credfile

import (
	"cmp"
	"fmt"
	"slices"
)

// Unarrange returns the change back: the pair returns into the section of the profile that
// asks keyd for it. It refuses what Arrange has not written, or a person has changed since.
func (s *Snapshot) Unarrange(profile string) (*Arrangement, error) {
	a := &Arrangement{Profile: profile, back: true}
	if r := s.findArranged(a); r != nil {
		return nil, r.wrap()
	}
	f := a.source.file()
	asks, key := f.sectionNamed(profile), f.sectionNamed(a.KeyProfile)
	if r := a.removeLines(f, asks, key); r != nil {
		return nil, r.wrap()
	}
	slices.SortStableFunc(a.Changes, func(b, c LineChange) int { return cmp.Compare(b.Line, c.Line) })
	a.data = a.render()
	if r := a.verify(s); r != nil {
		return nil, r.wrap()
	}
	return a, nil
}

// findArranged fills in a from what the files show.
func (s *Snapshot) findArranged(a *Arrangement) *Refusal {
	p, ok := s.FindProfile(a.Profile)
	if !ok || p.Asks == "" {
		return &Refusal{p.Path, p.Line, fmt.Sprintf("profile %s does not ask keyd for a key", a.Profile), "name a profile that asks: keyd status"}
	}
	a.KeyProfile = p.Asks
	v := indexProfiles(s.Credentials, s.Config)
	a.command = v.find(a.Profile).setting("credential_process")
	key, found := s.FindProfile(a.KeyProfile)
	src := s.credentialsSource()
	if src == nil || !found || !key.HandsOut() || key.Path != src.file().Path || p.Path != src.file().Path {
		return &Refusal{p.Path, p.Line, fmt.Sprintf("profile %s %s, and both are not in the credentials file as keyd wrote them", a.Profile, p.Why), "change the files by hand"}
	}
	a.source, a.Path, a.Key = *src, src.file().Path, key.Key
	for _, q := range s.Profiles {
		if q.Name != a.Profile && (q.Asks == a.KeyProfile || v.find(q.Name).setting("source_profile") == a.KeyProfile) {
			return &Refusal{q.Path, q.Line, fmt.Sprintf("profile %s uses the key of %s as well", q.Name, a.KeyProfile), "let it use " + a.Profile + " instead"}
		}
	}
	return nil
}

// sectionNamed returns the section with this header, or nil.
func (f *File) sectionNamed(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name && f.Sections[i].DuplicateLine == 0 {
			return &f.Sections[i]
		}
	}
	return nil
}

// removeLines removes what Arrange adds.
func (a *Arrangement) removeLines(f *File, asks, key *Section) *Refusal {
	if asks == nil || key == nil || len(asks.Properties) == 0 {
		return f.newRefusal(0, "change the file by hand", "the headers of %s and %s appear twice, or not at all", a.Profile, a.KeyProfile)
	}
	process := &asks.Properties[len(asks.Properties)-1]
	copies := true
	switch {
	case asks.Last+1 == key.Line:
		a.remove(key.Line)
	case key.Last+1 == asks.Line:
		process = &asks.Properties[0]
		a.rename(key.Line, a.KeyProfile, a.Profile)
		a.remove(asks.Line)
	default:
		return f.newRefusal(key.Line, "put the section ["+a.KeyProfile+"] right below ["+a.Profile+"]", "other sections stand between [%s] and [%s]", a.Profile, a.KeyProfile)
	}
	if process.Name != "credential_process" {
		return f.newRefusal(process.Line, "change the file by hand", "credential_process is not where keyd wrote it")
	}
	a.remove(process.Line)
	for i := range key.Properties {
		q := &key.Properties[i]
		if credentialName(q.Name) != "" {
			copies = false
			continue
		}
		if !copies || !slices.Contains(whereSettings[:], q.Name) || len(q.More) > 0 {
			return f.newRefusal(q.Line, "move the line to ["+a.Profile+"], or remove it", "[%s] has a setting that keyd did not copy", a.KeyProfile)
		}
		a.remove(q.Line)
	}
	return nil
}
