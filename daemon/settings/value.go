package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/hint"
)

// value is one field of Settings. Its type knows how keyd.ini writes it.
type value interface {
	// parse stores the value that text stands for. Its error has no path and no line
	// yet. name is the setting, for the error.
	parse(name, text string) *Error

	// String returns the value as keyd.ini writes it.
	String() string
}

// duration is a length of time, such as 60d.
type duration time.Duration

func (d *duration) parse(name, text string) *Error {
	parsed, err := ParseDuration(text)
	if err != nil {
		return &Error{Text: fmt.Sprintf("%s = %q: %v", name, text, err)}
	}
	*d = duration(parsed)
	return nil
}

func (d *duration) String() string { return FormatDuration(time.Duration(*d)) }

// durationOrNever is a length of time, or never, which is stored as 0.
type durationOrNever time.Duration

func (d *durationOrNever) parse(name, text string) *Error {
	if text == "never" {
		*d = 0
		return nil
	}
	if err := (*duration)(d).parse(name, text); err != nil {
		return err
	}
	if *d == 0 { // 0 in the file would mean at once, and 0 in the field means never
		return &Error{Text: fmt.Sprintf("%s = %s: write a duration such as 90d, or never", name, text), Near: name + " = never"}
	}
	return nil
}

func (d *durationOrNever) String() string {
	if *d == 0 {
		return "never"
	}
	return (*duration)(d).String()
}

// choice is one of a few words.
type choice struct {
	chosen *string
	words  []string
}

func (c choice) parse(name, text string) *Error {
	if !slices.Contains(c.words, text) {
		return &Error{Text: fmt.Sprintf("%s = %q: must be %s", name, text, credfile.JoinChoices(c.words)), Near: hint.Nearest(text, c.words)}
	}
	*c.chosen = text
	return nil
}

func (c choice) String() string { return *c.chosen }

// flag is true or false.
type flag bool

func (f *flag) parse(name, text string) *Error {
	word := ""
	err := choice{&word, []string{"true", "false"}}.parse(name, text)
	*f = word == "true"
	return err
}

func (f *flag) String() string { return strconv.FormatBool(bool(*f)) }

// accounts are AWS account ids, separated by commas.
type accounts []string

func (a *accounts) parse(name, text string) *Error {
	*a = nil
	if strings.TrimSpace(text) == "" {
		return nil
	}
	for account := range strings.SplitSeq(text, ",") {
		account = strings.TrimSpace(account)
		if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
			return &Error{Text: fmt.Sprintf("%s: %q is not an account id: write 12 digits each, separated by commas", name, account)}
		}
		*a = append(*a, account)
	}
	return nil
}

func (a *accounts) String() string { return strings.Join(*a, ", ") }

// exclusion is rotate = never of a profile, stored as the rotate_after Never.
type exclusion time.Duration

func (e *exclusion) parse(name, text string) *Error {
	if text != "never" {
		return &Error{Text: fmt.Sprintf("%s = %q: the only value is never; to set an age, write rotate_after = 30d", name, text), Near: "rotate = never"}
	}
	*e = exclusion(Never)
	return nil
}

// String returns "" for a profile that is not excluded.
func (e *exclusion) String() string {
	if time.Duration(*e) == Never {
		return "never"
	}
	return ""
}

// linkForm is the form of a linked file.
type linkForm forms.Form

func (f *linkForm) parse(_, text string) *Error {
	form, err := forms.ParseForm(text)
	if err != nil {
		return &Error{Text: err.Error()}
	}
	*f = linkForm(form)
	return nil
}

func (f *linkForm) String() string { return forms.Form(*f).String() }

// command is a program and its arguments, separated by blanks.
type command []string

func (c *command) parse(name, text string) *Error {
	words, err := splitWords(text)
	if err != nil {
		return &Error{Text: fmt.Sprintf("%s = %s: %v", name, text, err)}
	}
	*c = words
	return nil
}

// String quotes the words that splitWords would split.
func (c *command) String() string {
	var quoted []string
	for _, word := range *c {
		if word == "" || strings.ContainsAny(word, " \t\"';#") {
			word = "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
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

// shellLine is a command as a person would type it.
type shellLine string

func (l *shellLine) parse(_, text string) *Error {
	*l = shellLine(text)
	return nil
}

func (l *shellLine) String() string { return string(*l) }

// deviceSerial is the ARN or the serial number of an MFA device.
type deviceSerial string

func (d *deviceSerial) parse(name, text string) *Error {
	strange := strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
	if strange || len(text) > 256 || text != "" && len(text) < 6 {
		return &Error{Text: fmt.Sprintf("%s = %q: must be the ARN of an MFA device, such as arn:aws:iam::111122223333:mfa/alice, or a serial number", name, text)}
	}
	*d = deviceSerial(text)
	return nil
}

func (d *deviceSerial) String() string { return string(*d) }
