package settings

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// parseAccounts reads never_accounts: AWS account ids separated by commas.
func (p *parser) parseAccounts(name, value string) {
	for account := range strings.SplitSeq(value, ",") {
		account = strings.TrimSpace(account)
		if account == "" && strings.TrimSpace(value) == "" {
			return
		}
		if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
			p.addError("", name, fmt.Sprintf("%s: %q is not an account id: write 12 digits each, separated by commas", name, account), "")
			return
		}
		p.result.NeverAccounts = append(p.result.NeverAccounts, account)
	}
}

// parseCommand reads on_event.
func (p *parser) parseCommand(name, value string) {
	words, err := splitWords(value)
	if err != nil {
		p.addError("", name, fmt.Sprintf("%s = %s: %v", name, value, err), "")
	}
	p.result.OnEvent = words
}

// unquoteValue returns the value of a setting without the quotation marks around it.
// on_event keeps them: they belong to the command. If only a comment follows "=",
// ini.v1 returns the comment as the value; unquoteValue then returns "".
func unquoteValue(key *ini.Key) string {
	value := key.Value()
	if strings.HasPrefix(value, ";") || strings.HasPrefix(value, "#") {
		return ""
	}
	if n := len(value); key.Name() != "on_event" && n > 1 && value[0] == value[n-1] && strings.ContainsRune("\"'", rune(value[0])) {
		return value[1 : n-1]
	}
	return value
}

// errUnclosedQuote reports a command with an odd quotation mark.
var errUnclosedQuote = errors.New("a quotation mark is not closed")

// splitWords splits a command into the program and its arguments, without a shell.
// Blanks and tabs separate words, and "..." and '...' keep a word together. No other
// character is special. A backslash is not special either, so Windows paths stay as
// they are.
func splitWords(text string) (words []string, err error) {
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, c := range text {
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case c == quote:
			quote = 0
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errUnclosedQuote
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
