package credfile

import (
	"bytes"
	"strings"
)

// Site is what the files say of how AWS is reached with a profile. Empty
// fields say nothing; the environment is not looked at here. The values are as
// they stand: a path is not expanded, a URL not checked.
type Site struct {
	Region          string
	EndpointURL     string // endpoint_url
	EndpointIAM     string // services section, iam
	EndpointSTS     string // services section, sts
	IgnoreEndpoints bool   // ignore_configured_endpoint_urls
	FIPS            bool   // use_fips_endpoint
	CABundle        string // ca_bundle
	MFASerial       string // mfa_serial
}

// view joins both files: which sections make up which profile.
type view struct {
	credentials, config *File
	order               []string              // profile names, each once
	sections            map[string][]*located // weakest first: config, then credentials
	services            map[string]*located
	shadows             *Section // [profile default], when [default] stands too
	pairs               map[string]bool
	sites               map[string]Site
}

type located struct {
	file    *File
	section *Section
}

func newView(credentials, config *File) *view {
	n := 0
	for _, f := range []*File{config, credentials} {
		if f != nil {
			n += len(f.Sections)
		}
	}
	v := &view{credentials: credentials, config: config, order: make([]string, 0, n), services: map[string]*located{},
		sections: make(map[string][]*located, n), pairs: make(map[string]bool, n), sites: make(map[string]Site, n)}
	v.shadows = profileDefault(config)
	for _, f := range []*File{config, credentials} {
		if f == nil {
			continue
		}
		for i := range f.Sections {
			v.add(f, &f.Sections[i])
		}
	}
	return v
}

func (v *view) add(f *File, s *Section) {
	at := &located{f, s}
	if prefix, name := cutPrefix(s.Name); f.Kind == Config && prefix == "services" {
		v.services[name] = at
	}
	name, ok := profileName(f.Kind, s.Name)
	if !ok {
		return
	}
	if v.sections[name] == nil {
		v.order = append(v.order, name)
	}
	if f.Kind == Config && s.Name == "default" && v.shadows != nil {
		at = &located{f, &Section{}} // known by name, worth nothing
	}
	v.sections[name] = append(v.sections[name], at)
}

// profileDefault returns [profile default], which wins over [default].
func profileDefault(config *File) *Section {
	if config == nil {
		return nil
	}
	for i, s := range config.Sections {
		if identity(s.Name) == "profile default" {
			return &config.Sections[i]
		}
	}
	return nil
}

func (v *view) hasPair(name string) bool {
	for _, at := range v.sections[name] {
		if at.file.pair(at.section).any() {
			return true
		}
	}
	return false
}

// get returns a setting of a profile. The last line wins, and the credentials
// file over the config file.
func (v *view) get(profile, name string) string {
	value := ""
	for _, at := range v.sections[profile] {
		if p := at.find(name); p != nil {
			value = at.file.Text(p.Value)
		}
	}
	return value
}

func (l *located) find(name string) *Property {
	for i := len(l.section.Properties) - 1; i >= 0; i-- {
		if p := &l.section.Properties[i]; p.Name == name && p.Form != Disputed {
			return p
		}
	}
	return nil
}

// siteOf is site, asked once per profile.
func (v *view) siteOf(profile string) Site {
	s, ok := v.sites[profile]
	if !ok {
		s = v.site(profile)
		v.sites[profile] = s
	}
	return s
}

// site merges the settings of a profile from both files.
func (v *view) site(profile string) Site {
	s := Site{
		Region:          v.get(profile, "region"),
		EndpointURL:     v.get(profile, "endpoint_url"),
		IgnoreEndpoints: isTrue(v.get(profile, "ignore_configured_endpoint_urls")),
		FIPS:            isTrue(v.get(profile, "use_fips_endpoint")),
		CABundle:        v.get(profile, "ca_bundle"),
		MFASerial:       v.get(profile, "mfa_serial"),
	}
	if services := v.services[v.get(profile, "services")]; services != nil {
		s.EndpointIAM = services.nested("iam", "endpoint_url")
		s.EndpointSTS = services.nested("sts", "endpoint_url")
	}
	return s
}

func isTrue(s string) bool { return strings.EqualFold(s, "true") }

// nested returns a value out of a nested block. An inline comment is cut off:
// the cross-SDK rules keep it there, but no URL holds a blank.
func (l *located) nested(block, name string) string {
	p := l.find(block)
	if p == nil || !p.Raw.Empty() {
		return ""
	}
	value := ""
	for _, line := range p.More {
		eq := bytes.IndexByte(l.file.Data[line.Start:line.End], '=')
		if eq > 0 && lower(l.file.Data, l.file.trim(Span{line.Start, line.Start + eq})) == name {
			value = l.file.Text(l.file.value(Span{line.Start + eq + 1, line.End}))
		}
	}
	return value
}

// provider says where a profile without a static pair gets its credentials, in
// the order in which the SDKs ask.
// Source: aws-sdk-go-v2/config, resolveCredsFromProfile.
func (v *view) provider(profile string) (Skip, string) {
	get := func(name string) string { return v.get(profile, name) }
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
