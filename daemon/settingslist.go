package daemon

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// accounts reads never_accounts: AWS account ids with commas between them.
func (p *settingsParser) accounts(name, value string) {
	for account := range strings.SplitSeq(value, ",") {
		account = strings.TrimSpace(account)
		if account == "" && strings.TrimSpace(value) == "" {
			return
		}
		if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
			p.fail("", name, fmt.Sprintf("%s: %q is no account id: 12 digits each, with commas between them", name, account), "")
			return
		}
		p.into.NeverAccounts = append(p.into.NeverAccounts, account)
	}
}

// command reads on_event.
func (p *settingsParser) command(name, value string) {
	words, err := splitWords(value)
	if err != nil {
		p.fail("", name, fmt.Sprintf("%s = %s: %v", name, value, err), "")
	}
	p.into.OnEvent = words
}

// unlessCommand is the value of a setting without quotation marks around all
// of it, but for a command, whose own they are. Where nothing but a comment
// follows the sign, ini.v1 takes it for the value.
func unlessCommand(key *ini.Key) string {
	value := key.Value()
	if strings.HasPrefix(value, ";") || strings.HasPrefix(value, "#") {
		return ""
	}
	if n := len(value); key.Name() != "on_event" && n > 1 && value[0] == value[n-1] && strings.ContainsRune("\"'", rune(value[0])) {
		return value[1 : n-1]
	}
	return value
}

var errQuote = errors.New("a quotation mark is not closed")

// splitWords splits a command into the program and its arguments. No shell is
// asked: blanks separate, "..." and '...' hold together, and nothing else is
// special, a backslash neither, so that Windows paths stay what they are.
func splitWords(text string) (words []string, err error) {
	var word strings.Builder
	quote, begun := rune(0), false
	for _, c := range text {
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		case quote == 0 && (c == '"' || c == '\''):
			quote, begun = c, true
		case c == quote:
			quote = 0
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
