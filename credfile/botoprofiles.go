package credfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"keyd/credfile/readers"
)

// botoProfiles joins both files as botocore does.
// Source: botocore, configloader.py, build_profile_map; session.py, full_config.
type botoProfiles struct {
	profiles *profileMap
	services map[string]botoSection // the services sections of the config file
}

// botoProfile is one profile. The settings of its section in the credentials file override
// those in the config file. The zero botoSection is no section.
type botoProfile struct{ config, credentials botoSection }

// indexBotocore returns nil when botocore refuses one of the files. Either file may be
// nil. In the plain files botocore finds what keyd has found, so they are not read again.
func indexBotocore(credentials, config *File, plain func(*File) bool) *botoProfiles {
	b := &botoProfiles{profiles: newProfileMap(countSections(credentials, config)), services: map[string]botoSection{}}
	for _, f := range []*File{config, credentials} {
		switch {
		case f == nil:
		case plain(f):
			for i := range f.Sections {
				s := &f.Sections[i]
				b.addSection(s.Name, botoSection{file: f, line: s.Line, lexed: s})
			}
		default:
			sections, ok := readers.ReadBotocore(f.Data)
			if !ok {
				return nil
			}
			for _, s := range sections {
				b.addSection(s.Header, botoSection{file: f, line: s.Line, values: s.Values})
			}
		}
	}
	return b
}

// addSection adds a section. A later section of the config file replaces an earlier one of
// the same profile; one of the credentials file only overrides its settings.
func (b *botoProfiles) addSection(header string, s botoSection) {
	if s.file.Kind == Credentials {
		p := b.profiles.add(header)
		p.boto.credentials, p.known = s, true
		return
	}
	if name, ok := readers.NamedBy("profile", header); ok {
		b.addConfig(name, s)
	} else if name, ok := readers.NamedBy("services", header); ok {
		b.services[name] = s
	} else if header == "default" {
		b.addConfig(header, s)
	}
}

// addConfig adds a section of the config file to a profile.
func (b *botoProfiles) addConfig(profile string, s botoSection) {
	p := b.profiles.add(profile)
	p.boto, p.known = botoProfile{config: s}, true
}

// get returns a setting of the profile, and whether there is one.
func (p *botoProfile) get(name string) (botoValue, bool) {
	if v, ok := p.credentials.get(name); ok {
		return v, true
	}
	return p.config.get(name)
}

// endpointConfig collects the settings of a profile that botocore knows.
func (b *botoProfiles) endpointConfig(p *botoProfile) EndpointConfig {
	if !p.credentials.setsAny(endpointSettings[:]...) && !p.config.setsAny(endpointSettings[:]...) {
		v, _ := p.get("region")
		return EndpointConfig{Region: plainValue(v.Text)}
	}
	text := func(name string) string { v, _ := p.get(name); return v.Text }
	s := newEndpointConfig(func(name string) string { return plainValue(text(name)) })
	s.MFAProcess = commandLine(text("mfa_process"))
	s.setPluginURLs(func(block string) string { v, _ := p.get(block); return nestedURL(v) })
	named, ok := p.get("services")
	if !ok {
		return s
	}
	section := b.findServices(&named)
	if section.isEmpty() || named.Nested != nil {
		s.ServicesProblem = noServicesSection
		return s
	}
	for _, block := range []string{"iam", "sts"} {
		if v, ok := section.get(block); ok && v.Nested == nil {
			s.ServicesProblem = fmt.Sprintf("names a section in which %s is no block: write endpoint_url below `%s =`, with blanks before it", block, block)
		}
	}
	s.setServiceURLs(func(block string) string { v, _ := section.get(block); return nestedURL(v) })
	return s
}

// endpointSettings are the settings, apart from the region, from which an EndpointConfig is
// made: those of newEndpointConfig, and blocks.
var endpointSettings = [...]string{"endpoint_url", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint", "sts_regional_endpoints", "ca_bundle",
	"mfa_serial", "mfa_process", "services", "iam", "sts", "s3", "s3api"}

// findServices returns the services section that a setting names.
func (b *botoProfiles) findServices(named *botoValue) botoSection {
	if section, known := b.services[named.Text]; known {
		return section
	}
	return b.services[plainValue(named.Text)]
}

// nestedURL returns the endpoint_url of a block. To botocore the case of its name matters:
// where the name stands in lower case, that line counts, and an empty value names none. To
// other readers the case does not matter, and the last line counts.
// Source: botocore, configprovider.py, ConfiguredEndpointProvider.
func nestedURL(block botoValue) string {
	if url, ok := block.Nested["endpoint_url"]; ok {
		return plainValue(url)
	}
	for _, name := range slices.Backward(block.Names) {
		if strings.EqualFold(name, "endpoint_url") {
			return plainValue(block.Nested[name])
		}
	}
	return ""
}

// plainValue returns a value without what readers other than botocore leave out of it: the
// indented lines below it, a comment behind it, and quotes around it.
func plainValue(text string) string {
	if !strings.ContainsAny(text, "\n#;\"'") {
		return strings.Trim(text, " \t")
	}
	text, _, _ = strings.Cut(text, "\n")
	f := File{Data: []byte(" " + text)} // a comment follows a blank
	return f.Text(f.unquote(f.cutComment(Span{0, len(f.Data)})))
}

// commandLine returns a command as aws-vault reads it: with its quotes and whatever stands
// behind them, without the indented lines below.
func commandLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return strings.TrimSpace(text)
}

// decidingSettings are the settings of a profile that decide where or as whom AWS is
// asked.
var decidingSettings = [...]string{
	"region", "endpoint_url", "services", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint",
	"sts_regional_endpoints", "ca_bundle", "role_arn", "source_profile", "credential_source", "web_identity_token_file",
	"sso_session", "sso_start_url", "login_session", "credential_process",
}

// disputedSettings returns warnings about the settings of a profile that only some readers
// can use, because of a comment behind the value, quotes around it, or an indented line
// below it.
func (b *botoProfiles) disputedSettings(p *botoProfile) (ws []Problem) {
	if p.credentials.setsUndisputed() && p.config.setsUndisputed() {
		return nil
	}
	for _, name := range decidingSettings {
		v, ok := p.get(name)
		if ok && v.Nested == nil && v.Text != plainValue(v.Text) && name != "credential_process" {
			ws = append(ws, v.file.newProblem(v.Line, "the AWS CLI reads "+name+" with the quotes, the comment or the indented lines around it; other readers, and keyd, read it without",
				"write nothing but the value after the '='"))
		}
	}
	services, _ := p.get("services")
	section := b.services[services.Text]
	for _, block := range slices.SortedFunc(maps.Values(section.all()), func(a, b readers.BotocoreValue) int { return cmp.Compare(a.Line, b.Line) }) {
		_, lower := block.Nested["endpoint_url"]
		for _, name := range slices.Sorted(maps.Keys(block.Nested)) {
			value := block.Nested[name]
			switch {
			case name != "endpoint_url" && strings.EqualFold(name, "endpoint_url") && lower:
				ws = append(ws, section.file.newProblem(block.Line, "the AWS CLI and keyd read endpoint_url in lower case; other readers take the last one, in capitals or not", "keep one of the lines, in lower case"))
			case name != "endpoint_url" && strings.EqualFold(name, "endpoint_url"):
				ws = append(ws, section.file.newProblem(block.Line, "the AWS CLI reads endpoint_url in lower case only; other readers, and keyd, read it in capitals too", "write the name in lower case"))
			case name == "endpoint_url" && value != plainValue(value):
				ws = append(ws, section.file.newProblem(block.Line, "the AWS CLI reads endpoint_url with the quotes or the comment around it; other readers, and keyd, read it without",
					"write nothing but the value after the '='"))
			}
		}
	}
	return ws
}
