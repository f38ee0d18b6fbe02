package forms

import (
	"bytes"
	"fmt"
	"regexp"
)

// largest is the size in bytes of the largest file that is kept up to date.
const largest = 4 << 20

// mark is a sign that a file must not be edited, whatever stands in it.
type mark struct {
	begins       bool // it counts only at the beginning of the file
	text         string
	also         string // must stand in the file too
	without      string // must not stand in the file
	what, remedy string
}

const (
	remedyPlain  = "let the tool read the profile, use a hook that calls it, or keep the key in a plain file"
	remedySigned = "use a hook that writes the file and signs it again"
	remedyOwner  = "use a hook that calls that program"
)

// marks lists what may not be edited. The texts are those that the tools write: rclone
// fs/config/crypt.go, Ansible lib/ansible/parsing/vault, sops, git-crypt, age and RFC 9580.
var marks = []mark{
	{true, "# Encrypted rclone configuration File", "", "", "encrypted by rclone", remedyPlain},
	{true, "RCLONE_ENCRYPT_V", "", "", "encrypted by rclone", remedyPlain},
	{true, "$ANSIBLE_VAULT;", "", "", "encrypted by ansible-vault", remedyPlain},
	{true, "\x00GITCRYPT", "", "", "encrypted by git-crypt", remedyPlain},
	{true, "age-encryption.org/", "", "", "encrypted by age", remedyPlain},
	{true, "-----BEGIN AGE ENCRYPTED FILE-----", "", "", "encrypted by age", remedyPlain},
	{true, "-----BEGIN PGP MESSAGE-----", "", "", "encrypted by OpenPGP", remedyPlain},
	{true, "-----BEGIN PGP SIGNED MESSAGE-----", "", "", "signed by OpenPGP, and an edit breaks the signature", remedySigned},
	{true, "SQLite format 3\x00", "", "", "a database of SQLite", remedyOwner},
	{true, "\x1f\x8b", "", "", "compressed", remedyOwner},
	{false, "ENC[AES256_GCM,", "sops", "", "encrypted by sops, which also seals what it leaves readable", remedyPlain},
	{false, "# SIG # Begin signature block", "", "", "signed by Authenticode, and an edit breaks the signature", remedySigned},
	{true, "# This file contains fish universal variable definitions.", "", "", "rewritten by every running fish", "set the variables in config.fish, which keyd can keep up to date"},
	{false, `"numStartups":`, `"mcpServers"`, "", "rewritten by Claude Code while it runs", "put AWS_PROFILE into the env of the server, or use .mcp.json of the project"},
	{false, `"HostsPath":`, `"StreamConfig":`, "", "written by Docker for a container, which reads it only when it is created", "create the container again from a file that keyd can keep up to date"},
	{false, `<component name="ChangeListManager">`, `<project version=`, "", "rewritten by a running IDE of JetBrains", "store the run configuration as a file of the project, which keyd can keep up to date, or put AWS_PROFILE into it"},
	{true, ": 1", ":0;", "", "the history of zsh, which every shell rewrites", "delete those lines from the history"},
	{true, "- cmd: ", "\n  when: ", "", "the history of fish, which every shell rewrites", "delete those lines from the history"},
	// A state is Terraform's memory of what it has made. Unlike it, the file
	// .terraform/terraform.tfstate of "terraform init" holds the settings of the backend.
	// Its hash is that of the block in the configuration and not of these settings
	// ("Hash of portion of configuration from config files", Terraform,
	// internal/command/workdir/backend_config_state.go), so they may change.
	{false, `"terraform_version":`, `"lineage":`, `"backend":`, "a state of Terraform, which records what Terraform itself has made", "let Terraform read the profile, and take the key out of its resources"},
}

// unfit returns a Refusal for a file that must not be edited, or nil.
func unfit(path string, data []byte) *Refusal {
	if len(data) > largest {
		return &Refusal{path, 0, fmt.Sprintf("the file has %d bytes, more than the %d that keyd edits", len(data), largest), remedyHook}
	}
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	for _, m := range marks {
		at := bytes.Index(text, []byte(m.text))
		switch {
		case at < 0, m.also != "" && !bytes.Contains(text, []byte(m.also)), m.without != "" && bytes.Contains(text, []byte(m.without)):
		case m.begins && !bytes.HasPrefix(text, []byte(m.text)) && !startsAfterComments(text[:at]):
		default:
			return &Refusal{path, 1 + bytes.Count(text[:at], []byte("\n")), "the file is " + m.what, m.remedy}
		}
	}
	return nil
}

var backendBlock = CompileLater(`\bbackend[ \t]+"[a-z0-9_-]+"[ \t]*\{`)

// backends adds a flaw for a value in the block of a Terraform backend: when the block
// changes, its hash no longer equals that in .terraform/terraform.tfstate, and every command
// fails until somebody runs terraform init.
func (l *layer) backends() {
	if len(l.hits) == 0 || !bytes.Contains(l.view.text, []byte("backend")) {
		return
	}
	for _, head := range backendBlock().FindAllIndex(l.view.text, -1) {
		end, depth := head[1], 1
		for ; end < len(l.view.text) && depth > 0; end++ {
			switch l.view.text[end] {
			case '{':
				depth++
			case '}':
				depth--
			}
		}
		for _, h := range l.hits {
			if head[1] <= h.start && h.start < end && !h.comment {
				l.flaw(h.start, `write profile = "NAME" there in place of the key and run terraform init -reconfigure`,
					"the key stands in the block of a backend: when that changes, Terraform refuses to work until terraform init")
				return
			}
		}
		if end == len(l.view.text) {
			return
		}
	}
}

// startsAfterComments reports whether nothing but blank lines and comments stand in a text.
func startsAfterComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && line[0] != ';' {
			return false
		}
	}
	return len(text) == 0 || text[len(text)-1] == '\n'
}

// reasons lists what may stand next to an id in place of its secret.
var reasons = []struct {
	sign        func() *regexp.Regexp
	why, remedy string
}{
	{CompileLater(`(?:^|[^A-Za-z0-9+/])B[A-P][A-Za-z0-9+/]{42}(?:[^A-Za-z0-9+/]|$)`), ": what stands next to it has the form of an SMTP password of SES", "write form = ses-smtp REGION into the link of this file, with the region of the SMTP endpoint"},
	{CompileLater(`\{[A-Za-z0-9+/]{16,}={0,2}\}`), ": what stands next to it is encrypted, as Maven, Gradle and Jenkins do", remedyHook},
	{CompileLater(`!vault|\$ANSIBLE_VAULT`), ": what stands next to it is encrypted by ansible-vault", remedyHook},
	{CompileLater(`ENC\[|\bencrypted:`), ": what stands next to it is encrypted", remedyHook},
	{CompileLater(`op://|vault:|secretsmanager|ssm:|\bpass show\b`), ": it comes from a password store", "use a hook that writes it there"},
	{CompileLater(`X-Amz-Credential|AWSAccessKeyId=`), ": it is part of a presigned address, which ends with the key", "remove the address"},
	{CompileLater(`(?i)secret|passw`), ": another value stands next to it", "correct the secret, take the id out, or use a hook"},
}

// explain returns what a reader of the line and its neighbours can say about an id that has
// no secret. It leaves out the lines that are taken.
func explain(text []byte, lines []int, line int, taken map[int]bool) (why, remedy string) {
	const near, longest = 3, 1024
	var around []byte
	for n := max(1, line-near); n <= min(len(lines)+1, line+near); n++ {
		start, end := 0, len(text)
		if n > 1 {
			start = lines[n-2]
		}
		if n <= len(lines) {
			end = lines[n-1]
		}
		if !taken[n] || n == line {
			around = append(around, text[start:min(end, start+longest)]...)
		}
	}
	for _, r := range reasons {
		if r.sign().Match(around) {
			return r.why, r.remedy
		}
	}
	return "", "write the secret next to it, take the id out, or use a hook if the secret is kept elsewhere"
}
