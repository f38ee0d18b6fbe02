package credfile

import "keyd/credfile/readers"

// profileIndex joins both files: it knows which sections make up which profile.
type profileIndex struct {
	credentials, config *File
	profiles            *profileMap
	services            map[string]sectionOf
	profileDefault      *Section      // [profile default] in the config file, or nil
	plain               bool          // both files are plain
	cut                 bool          // readers may read excerpts: it is worth it
	boto                *botoProfiles // nil when botocore refuses one of the files
	namesEndpoints      bool          // one of the files holds "endpoint_url", in whatever case
}

// joinedProfile is what both files hold for one profile.
type joinedProfile struct {
	name          string
	sections      []sectionOf // config first, because credentials wins; none if only botocore finds the profile
	boto          botoProfile // as botocore joins it
	known         bool        // to botocore
	hasStaticPair bool        // set as the profiles are listed
}

// profileMap holds profiles by name.
type profileMap struct {
	byName map[string]*joinedProfile
	room   []joinedProfile // for the next profiles
}

// newProfileMap returns a map with room for n profiles.
func newProfileMap(n int) *profileMap {
	return &profileMap{byName: make(map[string]*joinedProfile, n), room: make([]joinedProfile, 0, n)}
}

// add returns the profile with this name, and adds it if there is none.
func (m *profileMap) add(name string) *joinedProfile {
	if p := m.byName[name]; p != nil {
		return p
	}
	if len(m.room) == cap(m.room) {
		m.room = make([]joinedProfile, 0, 16)
	}
	m.room = append(m.room, joinedProfile{name: name})
	p := &m.room[len(m.room)-1]
	m.byName[name] = p
	return p
}

// find returns the profile with this name, an empty one if there is none.
func (v *profileIndex) find(name string) *joinedProfile {
	if p := v.profiles.byName[name]; p != nil {
		return p
	}
	return &joinedProfile{name: name}
}

// exists reports whether any reader finds the profile.
func (p *joinedProfile) exists() bool { return len(p.sections) > 0 || p.known }

// sectionOf is a section and the file that holds it.
type sectionOf struct {
	file    *File
	section *Section
}

// indexProfiles indexes the sections of both files. Either file may be nil.
func indexProfiles(credentials, config *File) *profileIndex {
	return joinFiles(credentials, config, (*File).isPlain)
}

// joinFiles is indexProfiles where plain says whether a file is plain.
func joinFiles(credentials, config *File, plain func(*File) bool) *profileIndex {
	v := &profileIndex{credentials: credentials, config: config, services: map[string]sectionOf{}, plain: plain(credentials) && plain(config),
		profileDefault: findProfileDefault(config), boto: indexBotocore(credentials, config, plain)}
	v.cut = lexedFiles{credentials, config}.size() >= excerptSize
	if v.boto != nil {
		v.profiles = v.boto.profiles
	} else {
		v.profiles = newProfileMap(countSections(credentials, config))
	}
	for _, f := range []*File{config, credentials} {
		if f == nil {
			continue
		}
		v.namesEndpoints = v.namesEndpoints || f.namesEndpoint()
		for i := range f.Sections {
			v.addSection(f, &f.Sections[i])
		}
	}
	return v
}

// countSections returns the number of sections of the larger file.
func countSections(files ...*File) (n int) {
	for _, f := range files {
		if f != nil {
			n = max(n, len(f.Sections))
		}
	}
	return n
}

// addSection adds one section to its profile, or to the services sections.
func (v *profileIndex) addSection(f *File, s *Section) {
	at := sectionOf{f, s}
	if name, ok := readers.NamedBy("services", s.Name); f.Kind == Config && ok {
		v.services[name] = at
	}
	name, ok := profileName(f.Kind, s.Name)
	if !ok {
		return
	}
	if v.isHidden(f, s) {
		at = sectionOf{f, &Section{}} // keeps the name; [profile default] hides the settings
	}
	p := v.profiles.add(name)
	p.sections = append(p.sections, at)
}

// isHidden reports whether s is [default] next to a [profile default].
func (v *profileIndex) isHidden(f *File, s *Section) bool {
	return f.Kind == Config && s.Name == "default" && v.profileDefault != nil
}

// findProfileDefault returns the section [profile default], which wins over
// [default], or nil.
func findProfileDefault(config *File) *Section {
	if config == nil {
		return nil
	}
	for i, s := range config.Sections {
		if s.Name != "default" && normalHeader(Config, s.Name) == (headerName{"profile", "default"}) {
			return &config.Sections[i]
		}
	}
	return nil
}

// hasPair reports whether a section of the profile holds a part of a pair.
func (p *joinedProfile) hasPair() bool {
	for _, at := range p.sections {
		if at.file.findPair(at.section).hasAny() {
			return true
		}
	}
	return false
}
