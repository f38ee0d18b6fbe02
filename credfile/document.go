package credfile

import (
	"context"
	"fmt"

	"keyd/credfile/atomicfile"
)

// document is the text of one file in which a swap replaces a pair: an AWS file, *File, or
// a linked file, *linkedText. It does not change; withData returns another one.
type document interface {
	path() string
	withData(data []byte) document
	isBroken() bool // its readers refuse the text

	// showsID reports whether the text shows the id, with whatever secret.
	showsID(id string) bool
	// holdsPair reports whether the text shows k where replacePair replaces it.
	holdsPair(k Key) bool
	// replacePair returns the text with next in every place that shows old. It edits every
	// place or none.
	replacePair(old, next Key) ([]byte, []Change, error)
	// mendPair returns the text with next in place of every mixture of old and next. A text
	// that is never written in place has none.
	mendPair(old, next Key) ([]byte, []Change, error)

	// write replaces the file, which holds o. With keep, new bytes stay even if their sync
	// fails. checkWritable returns why write would be refused, or nil.
	write(ctx context.Context, o *atomicfile.Original, data []byte, keep bool) (atomicfile.Written, error)
	checkWritable(o *atomicfile.Original) error
}

func (f *File) path() string { return f.Path }

func (f *File) withData(data []byte) document { return Lex(f.Path, f.Kind, data) }

func (f *File) isBroken() bool { return f.Err() != nil }

func (f *File) showsID(id string) bool { return f.Holds(id) }

func (f *File) holdsPair(k Key) bool { return f.Holds(k.ID) }

func (f *File) replacePair(old, next Key) ([]byte, []Change, error) { return f.Replace(old, next) }

func (f *File) mendPair(old, next Key) ([]byte, []Change, error) { return f.Mend(old, next) }

func (f *File) write(ctx context.Context, o *atomicfile.Original, data []byte, keep bool) (atomicfile.Written, error) {
	if keep {
		return o.ReplaceKeepUnsynced(ctx, data)
	}
	return o.Replace(ctx, data)
}

func (f *File) checkWritable(o *atomicfile.Original) error {
	_, err := o.CheckWritable()
	return err
}

// replaceAll returns the text with the pair to in place of the pair from and of every
// mixture of both.
func replaceAll(doc document, from, to Key) ([]byte, error) {
	data, _, err := doc.mendPair(from, to)
	if err != nil {
		return nil, err
	}
	if doc = doc.withData(data); doc.showsID(from.ID) {
		data, _, err = doc.replacePair(from, to)
	}
	return data, err
}

// source is one existing file, as read from the disk.
type source struct {
	document
	original *atomicfile.Original
}

// file returns the AWS file that the source is, or nil.
func (s source) file() *File {
	f, _ := s.document.(*File)
	return f
}

// checkWritable returns the first reason why one of the files cannot be written.
func checkWritable(edits []fileEdit) error {
	for _, e := range edits {
		if err := e.checkWritable(e.original); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
}
