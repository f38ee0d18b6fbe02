package credfile

import (
	"bytes"
	"cmp"
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
	EndpointS3      string // endpoint_url of s3 in the services section
	ServicesProblem string // why the services section of the profile cannot be read; "" if it can, or none is named
	IgnoreEndpoints bool   // ignore_configured_endpoint_urls
	FIPS            bool   // use_fips_endpoint
	DualStack       bool   // use_dualstack_endpoint
	RegionalSTS     string // sts_regional_endpoints
	CABundle        string // ca_bundle
	MFASerial       string // mfa_serial
	MFAProcess      string // mfa_process, which aws-vault reads: a command for the shell

	// What awscli-plugin-endpoint reads, and no AWS tool without it: endpoint_url in a
	// block of the profile itself.
	PluginIAM, PluginSTS, PluginS3 string
}

// namesEndpoint reports whether the file may hold "endpoint_url", in whatever case.
func (f *File) namesEndpoint() bool {
	if f == nil {
		return false
	}
	const name = "endpoint_url"
	if bytes.Contains(f.Data, []byte("\u0130")) {
		return true // the only letter outside of ASCII whose lower case is in the name
	}
	middle := strings.IndexByte(name, '_')
	for at := 0; ; at++ {
		n := bytes.IndexByte(f.Data[at:], '_')
		if n < 0 {
			return false
		}
		at += n
		from := at - middle
		if from >= 0 && from+len(name) <= len(f.Data) && strings.EqualFold(string(f.Data[from:from+len(name)]), name) {
			return true
		}
	}
}

// setting returns a setting of a profile, "" if there is none. botocore decides which
// lines count, because the AWS CLI writes the files. Only where botocore refuses one of
// the files, or knows no such profile, other readers do: then the last line wins, and
// the credentials file wins over the config file.
//
// What all other readers leave out of a value is left out here as well: quotes around
// it and a comment behind it. botocore cannot use such a value: see disputedSettings.
func (p *joinedProfile) setting(name string) string {
	if p.known {
		found, _ := p.boto.get(name)
		return plainValue(found.Text)
	}
	return p.lenientSetting(name)
}

// lenientSetting is setting for readers that do not see what botocore sees.
func (p *joinedProfile) lenientSetting(name string) string {
	value := ""
	for _, at := range p.sections {
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

// endpointConfig collects the settings of a profile from both files.
func (v *profileIndex) endpointConfig(p *joinedProfile) EndpointConfig {
	if p.known {
		return v.boto.endpointConfig(&p.boto)
	}
	return v.lenientEndpointConfig(p)
}

// lenientEndpointConfig is endpointConfig for readers that do not see what botocore
// sees.
func (v *profileIndex) lenientEndpointConfig(p *joinedProfile) EndpointConfig {
	s := newEndpointConfig(p.lenientSetting)
	for _, at := range p.sections {
		s.setPluginURLs(func(block string) string { return at.nestedValue(block, "endpoint_url") })
	}
	name := p.lenientSetting("services")
	services, named := v.services[name]
	switch {
	case name == "":
	case !named:
		s.ServicesProblem = noServicesSection
	default:
		s.setServiceURLs(func(block string) string { return services.nestedValue(block, "endpoint_url") })
	}
	return s
}

const noServicesSection = "names a section that the config file does not have"

// newEndpointConfig returns the settings that get returns, without nested ones.
func newEndpointConfig(get func(name string) string) EndpointConfig {
	return EndpointConfig{
		Region:          get("region"),
		EndpointURL:     get("endpoint_url"),
		IgnoreEndpoints: isTrue(get("ignore_configured_endpoint_urls")),
		FIPS:            isTrue(get("use_fips_endpoint")),
		DualStack:       isTrue(get("use_dualstack_endpoint")),
		RegionalSTS:     get("sts_regional_endpoints"),
		CABundle:        get("ca_bundle"),
		MFASerial:       get("mfa_serial"),
		MFAProcess:      get("mfa_process"),
	}
}

// setServiceURLs sets the endpoints of the services section. get returns the endpoint_url
// of a block.
func (s *EndpointConfig) setServiceURLs(get func(block string) string) {
	s.EndpointIAM, s.EndpointSTS, s.EndpointS3 = get("iam"), get("sts"), get("s3")
}

// setPluginURLs sets the endpoints in blocks of the profile itself, unless an earlier
// call has set them.
func (s *EndpointConfig) setPluginURLs(get func(block string) string) {
	s.PluginIAM, s.PluginSTS = cmp.Or(get("iam"), s.PluginIAM), cmp.Or(get("sts"), s.PluginSTS)
	s.PluginS3 = cmp.Or(get("s3"), get("s3api"), s.PluginS3)
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

// describeSource says what is wrong with the source_profile of a role, or "". Whether its
// key is rotated is for the profile's own line to say.
func (v *profileIndex) describeSource(source *joinedProfile) string {
	switch {
	case source.hasPair(), source.setting("role_arn") != "":
		return ""
	case !source.exists():
		return ", which does not exist"
	}
	if skip, _ := v.findProvider(source); skip == NoKeys {
		return ", which holds no key"
	}
	return ""
}

// findProvider returns the way in which a profile gets its credentials apart from a
// static pair, and the reason in words. The first match counts, in the order in
// which the SDKs try.
// Source: aws-sdk-go-v2/config, resolveCredsFromProfile.
func (v *profileIndex) findProvider(p *joinedProfile) (Skip, string) {
	if p.namesNoProvider() {
		return NoKeys, "the profile holds settings only"
	}
	get := p.setting
	switch source := get("source_profile"); {
	case get("role_arn") != "" && source != "":
		return Role, "assumes a role with the credentials of profile " + source + v.describeSource(v.find(source))
	case get("role_arn") != "":
		return Role, "assumes a role without a key in these files"
	case get("sso_session") != "" || get("sso_start_url") != "":
		return SSO, "signs in through IAM Identity Center: run aws sso login to renew"
	case get("login_session") != "":
		return Login, "signs in with the console's session: run aws login to renew"
	case get("credential_process") != "":
		return CredentialProcess, v.describeProcess(p)
	}
	return NoKeys, "the profile holds settings only"
}

// namesNoProvider reports whether botocore knows the profile and finds none of the
// settings there that findProvider asks for: so it is with nearly all that hold a pair.
func (p *joinedProfile) namesNoProvider() bool {
	if !p.known {
		return false
	}
	if !p.boto.credentials.setsAny(providerSettings[:]...) && !p.boto.config.setsAny(providerSettings[:]...) {
		return true
	}
	for _, name := range providerSettings {
		if _, named := p.boto.get(name); named {
			return false
		}
	}
	return true
}

var providerSettings = [...]string{"source_profile", "role_arn", "sso_session", "sso_start_url", "login_session", "credential_process"}
