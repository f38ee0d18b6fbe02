package settings

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	"keyd/credfile/copies/forms"
)

// Link is a [link FILE] section: a file that is no AWS file and that shows a key which keyd
// keeps up to date.
type Link struct {
	Path string     // absolute and clean; symbolic links in it are not resolved
	Form forms.Form // the zero Form means whatever form stands in the file
	Line string     // the section, as file:line
}

// linkHeader returns the path in the header of a [link FILE] section. It may be in quotes.
func linkHeader(header string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(header), "link")
	if !ok || strings.TrimLeft(rest, " \t") == rest {
		return "", false
	}
	path = strings.TrimSpace(rest)
	if n := len(path); n > 1 && path[0] == path[n-1] && strings.ContainsRune(`"'`, rune(path[0])) {
		path = path[1 : n-1]
	}
	return path, path != ""
}

// nearLink returns the section that an unknown one was probably meant to be, or "" when it
// names no file.
func nearLink(header string) string {
	word, path, _ := strings.Cut(strings.TrimSpace(header), " ")
	switch {
	case path == "" && (strings.EqualFold(word, "link") || word == "links"):
		return "[link FILE]"
	case path == "":
		path, word = word, "link"
	}
	if path = strings.TrimSpace(path); !strings.ContainsAny(path, `/\`) || !strings.EqualFold(word, "link") && word != "links" && word != "file" {
		return ""
	}
	return "[link " + path + "]"
}

// parseLink reads a [link FILE] section.
func (p *parser) parseLink(s *ini.Section, written string) {
	own := Settings{Links: []Link{{Line: fmt.Sprintf("%s:%d", p.path, findLine(p.data, s.Name(), ""))}}}
	path, mistake := expandLink(written, p.home)
	for _, key := range s.Keys() {
		p.parseSetting(linkTable[:], &own, s.Name(), "link "+path, key)
	}
	if i := slices.IndexFunc(p.result.Links, func(l Link) bool { return l.Path == path }); mistake == nil && i >= 0 {
		mistake = &Error{Text: fmt.Sprintf("[%s]: that file has a section already, at %s", s.Name(), p.result.Links[i].Line), Fix: "keep one of the two"}
	}
	p.addError(s.Name(), "", mistake)
	own.Links[0].Path = path
	p.result.Links = append(p.result.Links, own.Links[0])
}

// expandLink returns the absolute path that a section names. A leading ~ or $HOME stands
// for home.
func expandLink(written, home string) (string, *Error) {
	path := written
	for _, prefix := range []string{"~", "$HOME", "${HOME}"} {
		rest, ok := strings.CutPrefix(written, prefix)
		if !ok || rest != "" && !isSeparator(rest[0]) {
			continue
		}
		if home == "" {
			return "", &Error{Text: fmt.Sprintf("[link %s]: the home folder is not known", written), Fix: "set HOME, or write the path in full"}
		}
		path = home + rest
		break
	}
	switch {
	case path == home, isSeparator(path[len(path)-1]):
		return "", &Error{Text: fmt.Sprintf("[link %s]: that is a folder", written), Fix: "name a file"}
	case !filepath.IsAbs(path) && !(home == writtenHome && strings.HasPrefix(path, home)):
		return "", &Error{Text: fmt.Sprintf("[link %s]: the path is not absolute", written), Fix: "begin it with / or with ~/"}
	}
	if home == writtenHome && strings.HasPrefix(path, home) {
		return home + string(filepath.Separator) + filepath.Clean(path[len(home)+1:]), nil
	}
	return filepath.Clean(path), nil
}

func isSeparator(c byte) bool { return c == '/' || c == '\\' && runtime.GOOS == "windows" }

// writtenHome stands for the home folder in settings that are parsed without one: see Parse.
const writtenHome = "~"

// linkTexts adds the links to all, as Texts returns them.
func (s Settings) linkTexts(all map[string]any) {
	for i := range s.Links {
		texts := map[string]string{}
		for _, r := range linkTable {
			texts[r.name] = r.field(&Settings{Links: s.Links[i : i+1]}).String()
		}
		all["link "+s.Links[i].Path] = texts
	}
}

// FindLink returns the link of a path, or nil.
func (s Settings) FindLink(path string) *Link {
	i := slices.IndexFunc(s.Links, func(l Link) bool { return l.Path == path })
	if i < 0 {
		return nil
	}
	return &s.Links[i]
}
