package journal

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

// TestDiskIsReadTwice: one failure of the disk is no news, a lasting one is, and an answer of
// the file system is believed at once.
func TestDiskIsReadTwice(t *testing.T) {
	disk := &fs.PathError{Op: "open", Path: "rotations", Err: syscall.EIO}
	for _, test := range []struct {
		name  string
		errs  []error
		reads int
		fails bool
	}{
		{"it works", []error{nil}, 1, false},
		{"it fails once", []error{disk, nil}, 2, false},
		{"it goes on failing", []error{disk, disk}, 2, true},
		{"there is none", []error{&fs.PathError{Err: syscall.ENOENT}}, 1, true},
		{"it may not be read", []error{&fs.PathError{Err: syscall.EACCES}}, 1, true},
		{"it is being written", []error{errors.New("busy")}, 1, true},
	} {
		reads := 0
		_, err := tryTwice(func() (int, error) { reads++; return reads, test.errs[reads-1] })
		if reads != test.reads || (err != nil) != test.fails {
			t.Errorf("%s: %d reads, %v", test.name, reads, err)
		}
	}
}
