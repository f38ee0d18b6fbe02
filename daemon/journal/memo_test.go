package journal

import (
	"path/filepath"
	"reflect"
	"testing"

	"keyd/credfile/atomicfile"
)

// TestMemoAnswersLikeTheDisk: whatever a caller does to a rotation, and whatever is
// written, a Dir that remembers returns what the disk holds.
func TestMemoAnswersLikeTheDisk(t *testing.T) {
	plain := Dir{Path: filepath.Join(t.TempDir(), "rotations"), Sys: atomicfile.OS{}}
	remembers := plain
	remembers.Memo = &Memo{}
	check := func(when string) *Rotation {
		t.Helper()
		want, errs := plain.Load(t.Context())
		got, wrong := remembers.Load(t.Context())
		if len(errs)+len(wrong) > 0 || !reflect.DeepEqual(got, want) || len(got) != 1 {
			t.Fatalf("%s: %+v, want %+v; %v, %v", when, got, want, errs, wrong)
		}
		return got[0]
	}
	r := someRotation()
	must(t, plain.Save(r))
	for range 3 {
		spoil(reflect.ValueOf(check("unchanged")).Elem())
	}
	r.User, r.Host = "bobby", "laptoq" // of the same length
	must(t, plain.Save(r))
	spoil(reflect.ValueOf(check("changed")).Elem())
	must(t, plain.Erase(r.Old.ID))
	if got, errs := remembers.Load(t.Context()); len(got)+len(errs) > 0 {
		t.Errorf("erased: %v, %v", got, errs)
	}
	must(t, plain.Save(r))
	check("written again")
}

// spoil sets to zero whatever can be reached from v.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			spoil(field)
		}
	}
	if v.CanSet() {
		v.SetZero()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
