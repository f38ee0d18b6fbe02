package credfile

import (
	"fmt"
	"maps"
	"strings"

	"keyd/credfile/readers"
)

// botoValue is one setting as botocore reads it, and the file that holds it.
type botoValue struct {
	readers.BotocoreValue
	file *File
}

// botoProfiles joins both files as botocore does.
// Source: botocore, configloader.py, build_profile_map; session.py, full_config.
type botoProfiles struct {
	profiles map[string]map[string]botoValue // by profile, then by setting
	services map[string]map[string]botoValue // the services sections of the config file
	headers  map[string]int                  // the line of each profile's header in the config file
}

// indexBotocore returns nil when botocore refuses one of the files. Either file may be
// nil.
func indexBotocore(credentials, config *File) *botoProfiles {
	b := &botoProfiles{profiles: map[string]map[string]botoValue{}, services: map[string]map[string]botoValue{}, headers: map[string]int{}}
	for _, f := range []*File{config, credentials} {
		if f == nil {
			continue
		}
		sections, ok := readers.ReadBotocore(f.Data)
		if !ok {
			return nil
		}
		for _, s := range sections {
			b.addSection(f, s)
		}
	}
	return b
}

// addSection adds a section. A later section of the config file replaces an earlier one of
// the same profile; one of the credentials file only overrides its settings.
func (b *botoProfiles) addSection(f *File, s readers.BotocoreSection) {
	values := make(map[string]botoValue, len(s.Values))
	for name, v := range s.Values {
		values[name] = botoValue{v, f}
	}
	if f.Kind == Credentials {
		if known := b.profiles[s.Header]; known != nil {
			maps.Copy(known, values)
		} else {
			b.profiles[s.Header] = values
		}
		return
	}
	if name, ok := readers.NamedBy("profile", s.Header); ok {
		b.profiles[name], b.headers[name] = values, s.Line
	} else if name, ok := readers.NamedBy("services", s.Header); ok {
		b.services[name] = values
	} else if s.Header == "default" {
		b.profiles[s.Header], b.headers[s.Header] = values, s.Line
	}
}

// knows reports whether botocore finds the profile.
func (b *botoProfiles) knows(profile string) bool { return b != nil && b.profiles[profile] != nil }

// endpointConfig collects the settings of a profile that botocore knows.
func (b *botoProfiles) endpointConfig(profile string) EndpointConfig {
	values := b.profiles[profile]
	s := newEndpointConfig(func(name string) string { return plainValue(values[name].Text) })
	s.MFAProcess = commandLine(values["mfa_process"].Text)
	s.setPluginURLs(func(block string) string { return nestedURL(values[block]) })
	named, ok := values["services"]
	if !ok {
		return s
	}
	section := b.services[named.Text]
	if section == nil {
		section = b.services[plainValue(named.Text)]
	}
	if len(section) == 0 || named.Nested != nil {
		s.ServicesProblem = noServicesSection
		return s
	}
	for _, block := range []string{"iam", "sts"} {
		if v, ok := section[block]; ok && v.Nested == nil {
			s.ServicesProblem = fmt.Sprintf("names a section in which %s is no block: write endpoint_url below `%s =`, with blanks before it", block, block)
		}
	}
	s.setServiceURLs(func(block string) string { return nestedURL(section[block]) })
	return s
}

// nestedURL returns the endpoint_url of a block. To botocore the case of its name matters,
// to other readers it does not.
func nestedURL(block botoValue) string {
	if url := block.Nested["endpoint_url"]; url != "" {
		return plainValue(url)
	}
	for name, value := range block.Nested {
		if strings.EqualFold(name, "endpoint_url") {
			return plainValue(value)
		}
	}
	return ""
}

// plainValue returns a value without what readers other than botocore leave out of it: the
// indented lines below it, a comment behind it, and quotes around it.
func plainValue(text string) string {
	if text == "" {
		return ""
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
func (b *botoProfiles) disputedSettings(profile string) (ws []Problem) {
	values := b.profiles[profile]
	for _, name := range decidingSettings {
		v, ok := values[name]
		if ok && v.Nested == nil && v.Text != plainValue(v.Text) && name != "credential_process" {
			ws = append(ws, v.file.newProblem(v.Line, "the AWS CLI reads "+name+" with the quotes, the comment or the indented lines around it; other readers, and keyd, read it without",
				"write nothing but the value after the '='"))
		}
	}
	for _, block := range b.services[values["services"].Text] {
		for name, value := range block.Nested {
			switch {
			case name != "endpoint_url" && strings.EqualFold(name, "endpoint_url"):
				ws = append(ws, block.file.newProblem(block.Line, "the AWS CLI reads endpoint_url in lower case only; other readers, and keyd, read it in capitals too", "write the name in lower case"))
			case name == "endpoint_url" && value != plainValue(value):
				ws = append(ws, block.file.newProblem(block.Line, "the AWS CLI reads endpoint_url with the quotes or the comment around it; other readers, and keyd, read it without",
					"write nothing but the value after the '='"))
			}
		}
	}
	return ws
}
