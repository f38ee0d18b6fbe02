package credfile

import (
	"bytes"
	"slices"
	"sync"
)

// Memo remembers what the bytes of the two files mean, so that a Store which reads the
// same bytes again need not parse them again. It holds bytes, and with them secrets, as
// long as it lives: a pass has one of its own. It is safe for concurrent use. The zero
// Memo is ready.
//
// The bytes themselves always come from the disk. A Memo never answers for them.
type Memo struct {
	mu       sync.Mutex
	files    map[string]*File // as lexed last, by path
	of       [2]*File         // the files to which profiles belongs; the second is the config file
	profiles []Profile
}

// lex is Lex. The File may be one that an earlier call has returned for the same bytes.
func (m *Memo) lex(path string, kind Kind, data []byte) *File {
	if m == nil {
		return Lex(path, kind, data)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[path]; f != nil && f.Kind == kind && bytes.Equal(f.Data, data) {
		return f
	}
	if m.files == nil {
		m.files = map[string]*File{}
	}
	m.files[path] = Lex(path, kind, data)
	return m.files[path]
}

// listProfiles is Profiles for two files of lex. The caller may change the list, but not
// what its elements point at.
func (m *Memo) listProfiles(credentials, config *File) []Profile {
	if m == nil {
		return Profiles(credentials, config)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if of := [2]*File{credentials, config}; m.profiles == nil || m.of != of {
		m.of, m.profiles = of, Profiles(credentials, config)
	}
	return slices.Clone(m.profiles)
}
