package state

import (
	"strings"
	"time"
)

// Description is the text that keyd shows for a key in the console's description column: a
// tag of the user, which ListUserTags returns.
type Description struct {
	Host         string
	Installation string    // see InstallationID; "" when unknown
	Made         time.Time // when the key was made, of which the text has the day; zero when unknown
	Anchor       string    // the hash of the history at that time, see CheckChain; "" for none
}

// The words of a description.
const (
	descriptionWord = "keyd"
	anchorWord      = "history="
)

// descriptionLimit is how many characters the value of a tag can have.
// Source: IAM API reference, Tag.
const descriptionLimit = 256

// String returns the text: at most 256 characters, of those that the value of a tag may
// have. A host name that is too long is cut.
func (d Description) String() string {
	var end string
	if d.Installation != "" {
		end += " " + d.Installation
	}
	if !d.Made.IsZero() {
		end += " " + d.Made.UTC().Format(time.DateOnly)
	}
	if d.Anchor != "" {
		end += " " + anchorWord + d.Anchor
	}
	host := strings.Map(keepInTag, d.Host)
	if room := max(descriptionLimit-len(descriptionWord)-1-len(end), 0); len(host) > room {
		host = host[:room]
	}
	return strings.Join(strings.Fields(descriptionWord+" "+host+strings.Map(keepInTag, end)), " ")
}

// keepInTag replaces what the value of a tag cannot hold.
// Source: IAM API reference, Tag: letters, digits, spaces and _.:/=+-@.
func keepInTag(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_.:/=+-@ ", r):
		return r
	}
	return '-'
}

// ParseDescription reads what String has returned. ok is false for a text that is none of
// keyd's.
func ParseDescription(text string) (d Description, ok bool) {
	words := strings.Fields(text)
	if len(words) == 0 || words[0] != descriptionWord {
		return d, false
	}
	words = words[1:]
	last := func() string {
		if len(words) == 0 {
			return ""
		}
		return words[len(words)-1]
	}
	if hash, found := strings.CutPrefix(last(), anchorWord); found {
		d.Anchor, words = hash, words[:len(words)-1]
	}
	if day, err := time.Parse(time.DateOnly, last()); err == nil {
		d.Made, words = day, words[:len(words)-1]
	}
	if isInstallation(last()) {
		d.Installation, words = last(), words[:len(words)-1]
	}
	d.Host = strings.Join(words, " ")
	return d, true
}

// isInstallation reports whether a word has the shape of an InstallationID.
func isInstallation(word string) bool {
	return len(word) == 12 && strings.Trim(word, "0123456789abcdef") == ""
}

// FindDay returns the day in the description of a key: a word such as 2026-02-03. The zero
// time means that there is none. A policy may ask for MFA before it lets keys be listed with
// their dates, and not before it shows the descriptions.
func FindDay(description string) time.Time {
	for word := range strings.FieldsSeq(description) {
		if day, err := time.Parse(time.DateOnly, word); err == nil {
			return day
		}
	}
	return time.Time{}
}
