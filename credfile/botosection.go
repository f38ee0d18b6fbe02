package credfile

import (
	"slices"
	"strings"

	"keyd/credfile/readers"
)

// botoValue is one setting as botocore reads it, and the file that holds it.
type botoValue struct {
	readers.BotocoreValue
	file *File
}

// botoSection is a section as botocore reads it. The zero botoSection is none.
type botoSection struct {
	file   *File
	line   int      // of the header
	lexed  *Section // in a plain file; values is nil then
	values map[string]readers.BotocoreValue
}

// get returns a setting of the section, and whether there is one.
func (s *botoSection) get(name string) (botoValue, bool) {
	if s.lexed == nil {
		v, ok := s.values[name]
		return botoValue{v, s.file}, ok
	}
	for i := range s.lexed.Properties {
		if p := &s.lexed.Properties[i]; p.Name == name {
			return botoValue{s.file.botoValue(p), s.file}, true
		}
	}
	return botoValue{}, false
}

// isEmpty reports whether the section has no settings, or is none.
func (s *botoSection) isEmpty() bool {
	return len(s.values) == 0 && (s.lexed == nil || len(s.lexed.Properties) == 0)
}

// all returns every setting of the section.
func (s *botoSection) all() map[string]readers.BotocoreValue {
	if s.lexed == nil {
		return s.values
	}
	values := make(map[string]readers.BotocoreValue, len(s.lexed.Properties))
	for i := range s.lexed.Properties {
		p := &s.lexed.Properties[i]
		values[p.Name] = s.file.botoValue(p)
	}
	return values
}

// setsAny reports whether the section may set one of the names.
func (s *botoSection) setsAny(names ...string) bool {
	if s.lexed == nil {
		return len(s.values) > 0
	}
	for i := range s.lexed.Properties {
		if name := s.lexed.Properties[i].Name; name != idName && name != secretName && slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// setsUndisputed reports whether all readers are known to find the same values in the
// section, and none of them names another section.
func (s *botoSection) setsUndisputed() bool {
	if s.lexed == nil {
		return len(s.values) == 0
	}
	for i := range s.lexed.Properties {
		if p := &s.lexed.Properties[i]; p.Raw != p.Value || p.Raw != p.Rest || len(p.More) > 0 || p.Name == "services" {
			return false
		}
	}
	return true
}

// botoValue returns a property of a plain file as botocore reads it: it knows no quotes and
// no comments after a value, and takes the lines of a nested block at their first '='.
func (f *File) botoValue(p *Property) readers.BotocoreValue {
	v := readers.BotocoreValue{Text: f.Text(p.Rest), Line: p.Line}
	for _, line := range p.More {
		text := f.Text(line)
		if text[0] == '#' || text[0] == ';' {
			continue
		}
		if v.Nested == nil {
			v.Nested = map[string]string{}
		}
		name, value, _ := strings.Cut(text, "=")
		name = strings.Trim(name, " \t")
		v.Nested[name], v.Names = strings.Trim(value, " \t"), append(v.Names, name)
	}
	return v
}
