package journal

import (
	"bytes"
	"reflect"
	"sync"
)

// Memo remembers what the bytes of journals mean, so that a Dir which reads the same
// bytes again need not decode and check them again. The bytes always come from the disk.
// It holds secrets as long as it lives: a pass has one of its own. It is safe for
// concurrent use. The zero Memo is ready.
type Memo struct {
	mu    sync.Mutex
	known map[string]decoded // by path
}

// decoded is a sound journal, and what its bytes mean.
type decoded struct {
	data     []byte
	rotation *Rotation // of which callers get copies
}

// recall returns the rotation that the bytes of a journal mean, or nil when that is
// unknown.
func (m *Memo) recall(path string, data []byte) *Rotation {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.known[path]; d.rotation != nil && bytes.Equal(d.data, data) {
		return d.rotation.clone()
	}
	return nil
}

// keep remembers what the bytes of a journal mean.
func (m *Memo) keep(path string, data []byte, r *Rotation) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]decoded{}
	}
	m.known[path] = decoded{data, r.clone()}
}

// clone returns a copy that shares nothing with r which anyone could change.
func (r *Rotation) clone() *Rotation {
	c := *r
	unshare(reflect.ValueOf(&c).Elem())
	return &c
}

// unshare replaces the slices, maps and pointers in v, which can be set, by copies. What a type
// does not export, as in a time or a secret, is never changed in place.
func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() {
				unshare(f)
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		if v.Type().Elem().Kind() != reflect.String {
			for i := range v.Len() {
				unshare(v.Index(i))
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		v.Set(c)
		unshare(c.Elem())
	case reflect.Map:
		if v.IsNil() {
			return
		}
		c := reflect.MakeMap(v.Type())
		for name, value := range v.Seq2() {
			own := reflect.New(v.Type().Elem()).Elem()
			own.Set(value)
			unshare(own)
			c.SetMapIndex(name, own)
		}
		v.Set(c)
	}
}
