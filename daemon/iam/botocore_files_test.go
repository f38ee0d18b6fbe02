package iam_test

import (
	"math/rand/v2"
	"strings"
)

// botoCase is a pair of files, an environment and a profile, of which testdata/ask_botocore.py
// says how botocore reads them. A nil file does not exist.
type botoCase struct {
	Config      *string `json:"config"`
	Credentials *string `json:"credentials"`
	Env         env     `json:"env"`
	Profile     string  `json:"profile"`
}

// holds reports whether one of the files holds text.
func (c botoCase) holds(text string) bool {
	return c.Config != nil && strings.Contains(*c.Config, text) || c.Credentials != nil && strings.Contains(*c.Credentials, text)
}

// fileMaker writes files as people and tools write them, and as they should not.
type fileMaker struct {
	*rand.Rand
	text strings.Builder
}

// makeCase returns the case with this number, always the same one.
func makeCase(number uint64) botoCase {
	m := &fileMaker{Rand: rand.New(rand.NewPCG(10, number))}
	name := pick(m, "default", "default", "dev", "dev", "dev", "a b", "Gov Prod", "x'y", `q"t`, "a#b", "a;b", "a]b", `a\b`, "ünï", "a.b@c", "dev]", "profile")
	other := pick(m, "default", "dev", "other", "other", "a b", "DEFAULT")
	c := botoCase{Env: m.environment(), Profile: name}
	if config := m.config(name, other); m.IntN(30) > 0 {
		c.Config = &config
	}
	if credentials := m.credentials(name, other); m.IntN(30) > 0 {
		c.Credentials = &credentials
	}
	return c
}

func pick[T any](m *fileMaker, from ...T) T { return from[m.IntN(len(from))] }

// sometimes returns text in one of n cases, and else "".
func (m *fileMaker) sometimes(n int, text string) string {
	if m.IntN(n) == 0 {
		return text
	}
	return ""
}

func (m *fileMaker) environment() env {
	e := env{}
	for _, v := range []struct {
		name   string
		values []string
	}{
		{"AWS_DEFAULT_REGION", regions},
		{"AWS_REGION", regions},
		{"AWS_ENDPOINT_URL", urls},
		{"AWS_ENDPOINT_URL_STS", urls},
		{"AWS_ENDPOINT_URL_IAM", urls},
		{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", booleans},
		{"AWS_USE_FIPS_ENDPOINT", booleans},
		{"AWS_USE_DUALSTACK_ENDPOINT", booleans},
		{"AWS_STS_REGIONAL_ENDPOINTS", []string{"legacy", "regional"}},
		{"AWS_CA_BUNDLE", []string{"/env.pem"}},
		{"REQUESTS_CA_BUNDLE", []string{"/requests.pem"}},
	} {
		if m.IntN(16) == 0 {
			e[v.name] = pick(m, v.values...)
		}
	}
	return e
}

var (
	regions = []string{"us-east-1", "us-east-1", "eu-west-1", "eu-west-1", "eu-west-1", "eu-south-1", "eu-south-1", "cn-north-1", "us-gov-east-1", "us-gov-west-1",
		"ap-southeast-2", "ap-southeast-2", "us-iso-east-1", "eusc-de-east-1", "aws-global", "fips-us-east-1", "us-gov-west-1-fips", "xx-foo-1"}
	urls = []string{"https://a.example", "https://a.example", "https://b.example/x/", "https://b.example/x/", "http://127.0.0.1:4566", "http://localhost:9000", "http://localhost:9000",
		"https://sts.eu-west-1.amazonaws.com", "https://iam.amazonaws.com", "https://s3.eu-west-1.amazonaws.com", "http://c.example", "localhost:1"}
	booleans = []string{"true", "true", "true", "True", "false", "false", "1"}
)

// config returns a config file with a section for name, and others.
func (m *fileMaker) config(name, other string) string {
	m.text.Reset()
	m.junk()
	if m.IntN(12) == 0 {
		m.line("[DEFAULT]")
		m.settings(1, false)
	}
	sections := []func(){
		func() { m.line(m.header(name)); m.settings(2+m.IntN(4), true) },
		func() { m.line(m.services()); m.blocks() },
	}
	if m.IntN(2) == 0 {
		sections = append(sections, func() { m.line(m.header(other)); m.settings(2, true) })
	}
	if m.IntN(6) == 0 { // another spelling of the same name
		sections = append(sections, func() { m.line(m.header(name)); m.settings(2, true) })
	}
	m.Shuffle(len(sections), func(i, j int) { sections[i], sections[j] = sections[j], sections[i] })
	for _, write := range sections {
		write()
		m.junk()
	}
	return m.endings(m.text.String())
}

// credentials returns a credentials file that holds the pair of name, and others.
func (m *fileMaker) credentials(name, other string) string {
	m.text.Reset()
	m.junk()
	if other != name && m.IntN(2) == 0 {
		m.line("[" + other + "]")
		m.settings(1, false)
	}
	m.line(pick(m, "["+name+"]", "["+name+"]", "["+name+"]", "["+name+"]", "["+name+"]", "["+name+"]", "[ "+name+"]", `["`+name+`"]`))
	if m.IntN(15) > 0 {
		m.pair()
	}
	if m.IntN(4) == 0 {
		m.settings(1+m.IntN(2), false)
	}
	return m.endings(m.text.String())
}

func (m *fileMaker) line(text string) { m.text.WriteString(text + "\n") }

func (m *fileMaker) pair() {
	m.line("aws_access_key_id" + pick(m, " = ", "=", " =\t") + pick(m, "AKIAY34FZKBOKMUTVV7A", "AKIAY34FZKBOKMUTVV7B"))
	m.line("aws_secret_access_key = aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb")
}

// header returns a header for a profile in one of many spellings.
func (m *fileMaker) header(name string) string {
	double := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	single := "'" + strings.ReplaceAll(name, "'", `'"'"'`) + "'"
	var escaped strings.Builder
	for _, r := range name {
		if strings.ContainsRune(` '"\`, r) {
			escaped.WriteByte('\\')
		}
		escaped.WriteRune(r)
	}
	if name == "default" && m.IntN(3) > 0 {
		return "[default]" + m.sometimes(8, " # x")
	}
	return pick(m,
		"[profile "+name+"]", "[profile "+name+"]", "[profile "+double+"]", "[profile "+double+"]", "[profile "+single+"]", "[profile "+single+"]", "[profile "+escaped.String()+"]",
		"[profile\t"+double+"]", "[profile   "+single+"]", "[profile "+name+" ]", "[ profile "+name+"]", "[profile "+double+"] # x", "[profile "+single+"]# x", "[profile "+name+"] ; see [x]",
		"  [profile "+name+"]", `[profile "`+name+"]", "[profile]", "[profile ]", `[profile""`+name+"]", "[profile "+name+" extra]", `["profile" `+name+"]", "[profiles "+double+"]",
		"[Profile "+name+"]", "["+name+"]", "[profile "+double+" ] x", "[profile "+name+`\]`, "[profile a'' b]", "[profile ''"+double+"]", "[profile\u00a0"+name+"]", "[profile "+single+"\t]")
}

func (m *fileMaker) services() string {
	return pick(m, "[services s]", "[services s]", "[services s]", `[services "s"]`, "[services 's']", "[services\ts]", "[ services s]", "[services x]", `[services "s t"]`, "[service s]", "[servicess s]")
}

// settings writes up to n settings that decide where or as whom AWS is asked.
func (m *fileMaker) settings(n int, nested bool) {
	names := []string{"region", "region", "region", "endpoint_url", "services", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint", "sts_regional_endpoints", "ca_bundle", "role", "other"}
	m.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	written := map[string]bool{}
	for _, name := range names[:n] {
		if written[name] && m.IntN(40) > 0 {
			continue
		}
		written[name] = true
		m.setting(name)
		m.text.WriteString(m.sometimes(15, "\n") + m.sometimes(15, "# a comment\n") + m.sometimes(30, "  ; indented\n"))
	}
	if nested && m.IntN(6) == 0 {
		m.block(pick(m, "s3", "s3", "s3api", "iam", "sts"))
	}
	if nested && m.IntN(8) == 0 {
		m.pair()
	}
}

func (m *fileMaker) setting(name string) {
	value := ""
	switch name {
	case "region":
		value = pick(m, regions...)
	case "endpoint_url":
		value = pick(m, urls...)
	case "services":
		value = pick(m, "s", "s", "s", "s", "s t", "x", "")
	case "sts_regional_endpoints":
		value = pick(m, "legacy", "legacy", "regional", "global")
	case "ca_bundle":
		value = pick(m, "/profile.pem", "~/p.pem")
	case "role":
		chosen := pick(m, [2]string{"role_arn", "arn:aws:iam::1:role/x"}, [2]string{"sso_start_url", "https://x.example/start"}, [2]string{"login_session", "arn:aws:sts::1:x"})
		name, value = chosen[0], chosen[1]
		if m.IntN(2) == 0 {
			m.line(pick(m, "source_profile = dev", "source_profile = default", "web_identity_token_file = /nowhere", "sso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1"))
		}
	case "other":
		name, value = pick(m, "output", "cli_pager", "Region2"), pick(m, "json", "x = y", "")
	default:
		value = pick(m, booleans...)
	}
	lead := m.sometimes(30, "  ")
	if m.IntN(40) == 0 {
		name = strings.ToUpper(name)
	}
	if m.IntN(40) == 0 {
		value = pick(m, `"`+value+`"`, value+" # why", value+"\t; why", value+"#why")
	}
	m.line(lead + name + pick(m, " = ", " = ", " = ", "=", " =\t", ": ", "= ") + value + m.sometimes(10, "  "))
	if m.IntN(60) == 0 {
		m.line("    more")
	}
}

// blocks writes the blocks of a services section.
func (m *fileMaker) blocks() {
	for _, name := range []string{"sts", "iam", "s3", "dynamodb"} {
		if m.IntN(2) == 0 {
			m.block(name)
		}
	}
}

func (m *fileMaker) block(name string) {
	if m.IntN(40) == 0 {
		m.line(name + " = https://flat.example")
		return
	}
	m.line(pick(m, name, name, name, strings.ToUpper(name)) + pick(m, " =", "=", " = ", ":"))
	indent := pick(m, "  ", "  ", "\t", "    ")
	for range 1 + m.IntN(2) {
		m.line(indent + pick(m, "endpoint_url = ", "endpoint_url = ", "endpoint_url=", "other = ", "Endpoint_URL = ") + pick(m, urls...) + m.sometimes(20, " # why"))
		m.text.WriteString(m.sometimes(10, "\n") + m.sometimes(10, "  # c\n") + m.sometimes(200, indent+"junk\n"))
	}
}

func (m *fileMaker) junk() {
	m.text.WriteString(m.sometimes(6, "\n") + m.sometimes(8, "# comment = x\n") + m.sometimes(200, "junk\n") + m.sometimes(40, "[preview]\nx = y\n") + m.sometimes(60, "\f\n"))
}

// endings returns the text with the line ends of one system or another.
func (m *fileMaker) endings(text string) string {
	switch m.IntN(20) {
	case 0, 1:
		return strings.ReplaceAll(text, "\n", "\r\n")
	case 2:
		return strings.TrimRight(text, "\n")
	}
	return text
}
