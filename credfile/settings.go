package credfile

import (
	"bytes"
	"strings"
)

// EndpointConfig holds the settings in the two files that decide how a profile reaches AWS.
// An empty field means that the files do not set it. The environment is not
// considered here. The values are raw: paths are not expanded and URLs are not
// checked.
type EndpointConfig struct {
	Region          string
	EndpointURL     string // endpoint_url of the profile
	EndpointIAM     string // endpoint_url of iam in the services section
	EndpointSTS     string // endpoint_url of sts in the services section
	IgnoreEndpoints bool   // ignore_configured_endpoint_urls
	FIPS            bool   // use_fips_endpoint
	CABundle        string // ca_bundle
	MFASerial       string // mfa_serial
}

// profileIndex joins both files: it knows which sections make up which profile.
type profileIndex struct {
	credentials, config *File
	order               []string                // names of the profiles, each once
	sections            map[string][]*sectionOf // by profile; config first, because credentials wins
	services            map[string]*sectionOf
	profileDefault      *Section // [profile default] in the config file, or nil
	hasStaticPair       map[string]bool
	endpoints           map[string]EndpointConfig
}

// sectionOf is a section and the file that holds it.
type sectionOf struct {
	file    *File
	section *Section
}

// indexProfiles indexes the sections of both files. Either file may be nil.
func indexProfiles(credentials, config *File) *profileIndex {
	n := 0
	for _, f := range []*File{config, credentials} {
		if f != nil {
			n += len(f.Sections)
		}
	}
	v := &profileIndex{credentials: credentials, config: config, order: make([]string, 0, n), services: map[string]*sectionOf{},
		sections: make(map[string][]*sectionOf, n), hasStaticPair: make(map[string]bool, n), endpoints: make(map[string]EndpointConfig, n)}
	v.profileDefault = findProfileDefault(config)
	for _, f := range []*File{config, credentials} {
		if f == nil {
			continue
		}
		for i := range f.Sections {
			v.addSection(f, &f.Sections[i])
		}
	}
	return v
}

// addSection adds one section to its profile, or to the services sections.
func (v *profileIndex) addSection(f *File, s *Section) {
	at := &sectionOf{f, s}
	if prefix, name := splitHeader(s.Name); f.Kind == Config && prefix == "services" {
		v.services[name] = at
	}
	name, ok := profileName(f.Kind, s.Name)
	if !ok {
		return
	}
	if v.sections[name] == nil {
		v.order = append(v.order, name)
	}
	if f.Kind == Config && s.Name == "default" && v.profileDefault != nil {
		at = &sectionOf{f, &Section{}} // keeps the name; [profile default] hides the settings
	}
	v.sections[name] = append(v.sections[name], at)
}

// findProfileDefault returns the section [profile default], which wins over
// [default], or nil.
func findProfileDefault(config *File) *Section {
	if config == nil {
		return nil
	}
	for i, s := range config.Sections {
		if normalHeader(s.Name) == "profile default" {
			return &config.Sections[i]
		}
	}
	return nil
}

// hasPair reports whether a section of the profile holds a part of a pair.
func (v *profileIndex) hasPair(name string) bool {
	for _, at := range v.sections[name] {
		if at.file.findPair(at.section).hasAny() {
			return true
		}
	}
	return false
}

// setting returns a setting of a profile, "" if there is none. The last line wins,
// and the credentials file wins over the config file.
func (v *profileIndex) setting(profile, name string) string {
	value := ""
	for _, at := range v.sections[profile] {
		if p := at.findProperty(name); p != nil {
			value = at.file.Text(p.Value)
		}
	}
	return value
}

// findProperty returns the last undisputed property with this name, or nil.
func (l *sectionOf) findProperty(name string) *Property {
	for i := len(l.section.Properties) - 1; i >= 0; i-- {
		if p := &l.section.Properties[i]; p.Name == name && p.Form != Disputed {
			return p
		}
	}
	return nil
}

// endpointConfig calls readEndpointConfig once per profile and remembers the result.
func (v *profileIndex) endpointConfig(profile string) EndpointConfig {
	s, ok := v.endpoints[profile]
	if !ok {
		s = v.readEndpointConfig(profile)
		v.endpoints[profile] = s
	}
	return s
}

// readEndpointConfig collects the settings of a profile from both files.
func (v *profileIndex) readEndpointConfig(profile string) EndpointConfig {
	s := EndpointConfig{
		Region:          v.setting(profile, "region"),
		EndpointURL:     v.setting(profile, "endpoint_url"),
		IgnoreEndpoints: isTrue(v.setting(profile, "ignore_configured_endpoint_urls")),
		FIPS:            isTrue(v.setting(profile, "use_fips_endpoint")),
		CABundle:        v.setting(profile, "ca_bundle"),
		MFASerial:       v.setting(profile, "mfa_serial"),
	}
	if services := v.services[v.setting(profile, "services")]; services != nil {
		s.EndpointIAM = services.nestedValue("iam", "endpoint_url")
		s.EndpointSTS = services.nestedValue("sts", "endpoint_url")
	}
	return s
}

func isTrue(s string) bool { return strings.EqualFold(s, "true") }

// nestedValue returns a value in a nested block, "" if there is none. It cuts off
// an inline comment. The cross-SDK rules keep the comment, but no URL holds a
// blank.
func (l *sectionOf) nestedValue(block, name string) string {
	p := l.findProperty(block)
	if p == nil || !p.Raw.Empty() {
		return ""
	}
	value := ""
	for _, line := range p.More {
		eq := bytes.IndexByte(l.file.Data[line.Start:line.End], '=')
		if eq > 0 && lowerText(l.file.Data, l.file.trimBlanks(Span{line.Start, line.Start + eq})) == name {
			value = l.file.Text(l.file.cutComment(Span{line.Start + eq + 1, line.End}))
		}
	}
	return value
}

// findProvider returns the way in which a profile gets its credentials apart from a
// static pair, and the reason in words. The first match counts, in the order in
// which the SDKs try.
// Source: aws-sdk-go-v2/config, resolveCredsFromProfile.
func (v *profileIndex) findProvider(profile string) (Skip, string) {
	get := func(name string) string { return v.setting(profile, name) }
	switch source := get("source_profile"); {
	case get("role_arn") != "" && source != "":
		return Role, "assumes a role with the key of profile " + source + ": that key is rotated"
	case get("role_arn") != "":
		return Role, "assumes a role without a key in these files"
	case get("sso_session") != "" || get("sso_start_url") != "":
		return SSO, "signs in through IAM Identity Center: run aws sso login to renew"
	case get("login_session") != "":
		return Login, "signs in with the console's session: run aws login to renew"
	case get("credential_process") != "":
		return CredentialProcess, "a program hands out the credentials: rotate the key where that program keeps it"
	}
	return NoKeys, "the profile holds settings only"
}
