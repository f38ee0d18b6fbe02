package credfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
)

// Link is a file that is no AWS file and that shows a pair which a swap keeps up to date:
// a linked file.
type Link struct {
	Path string
	Form forms.Form // the zero Form means whatever form stands in the file
}

// LinkedFile is a linked file as it was read.
type LinkedFile struct {
	Link
	Err     error     // why the file could not be read; nil when it was
	Changed time.Time // when the file was last written, by the clock of the file system; zero when it could not be read

	text *linkedText // nil when the file could not be read
}

// ShowsID reports whether the file shows the key id, with whatever secret.
func (l *LinkedFile) ShowsID(id string) bool {
	return l.text != nil && l.text.showsID(id)
}

// Holds reports whether the file shows the pair in a way in which a swap replaces it.
func (l *LinkedFile) Holds(k Key) bool { return l.text != nil && l.text.holdsPair(k) }

// CheckPair returns why the file does not show the pair in a way in which a swap can
// replace it, or nil when it does. The error holds no secret.
func (l *LinkedFile) CheckPair(k Key) error {
	if l.Err != nil {
		return l.Err
	}
	return l.text.checkPair(k)
}

// linkedText is the text of a linked file.
type linkedText struct {
	Link
	data []byte
}

// formPair returns a key in the type that package forms uses.
func formPair(k Key) forms.Pair { return forms.Pair{ID: k.ID, Secret: k.Secret.Reveal()} }

func (l *linkedText) path() string { return l.Path }

func (l *linkedText) withData(data []byte) document { return &linkedText{l.Link, data} }

func (l *linkedText) isBroken() bool { return false } // whoever reads it, keyd cannot tell

func (l *linkedText) showsID(id string) bool { return id != "" && forms.Shows(l.data, l.Form, id) }

func (l *linkedText) holdsPair(k Key) bool { return l.checkPair(k) == nil }

// checkPair returns why the text does not show k where it can be replaced.
func (l *linkedText) checkPair(k Key) error {
	if !l.showsID(k.ID) {
		return (&Refusal{Path: l.Path, Text: "does not show " + Short(k.ID)}).wrap()
	}
	if k.Secret.IsZero() {
		return (&Refusal{Path: l.Path, Text: "shows " + Short(k.ID) + ", and keyd does not have its secret"}).wrap()
	}
	_, err := forms.Find(l.Path, l.data, l.Form, formPair(k))
	return asRefusal(err)
}

func (l *linkedText) replacePair(old, next Key) ([]byte, []Change, error) {
	data, places, err := forms.Replace(l.Path, l.data, l.Form, formPair(old), formPair(next))
	if err == nil {
		err = forms.ReadBack(l.Path, data, l.Form, formPair(next))
	}
	if err != nil {
		return nil, nil, asRefusal(err)
	}
	var changes []Change
	for _, p := range places {
		changes = append(changes, Change{Path: l.Path, Line: p.Line, Property: p.Value.String()})
	}
	return data, changes, nil
}

// asRefusal returns a refusal of package forms as one of this package.
func asRefusal(err error) error {
	if r, ok := errors.AsType[*forms.Refusal](err); ok {
		return (&Refusal{r.Path, r.Line, r.Text, r.Remedy}).wrap()
	}
	return err
}

func (l *linkedText) mendPair(_, _ Key) ([]byte, []Change, error) { return l.data, nil, nil }

// write never writes in place: nobody could tell a mixture of two texts apart.
func (l *linkedText) write(ctx context.Context, o *atomicfile.Original, data []byte, _ bool) (atomicfile.Written, error) {
	return o.ReplaceWhole(ctx, data)
}

func (l *linkedText) checkWritable(o *atomicfile.Original) error { return o.CheckWhole() }

// linkPatience is how long a reading waits for a program that is writing a linked file. A
// swap waits longer, as for the AWS files.
const linkPatience = 150 * time.Millisecond

// readLink reads a linked file. With patient, it waits for a program that is writing it.
func (s *Store) readLink(ctx context.Context, l Link, patient bool) (LinkedFile, *atomicfile.Original) {
	o, err := s.readLinkedFile(ctx, l.Path, patient)
	if err != nil {
		return LinkedFile{Link: l, Err: explainLink(l.Path, err)}, nil
	}
	return LinkedFile{Link: l, Changed: o.Info.ModTime, text: &linkedText{l, o.Data}}, o
}

// readLinks reads the linked files into snap. With patient, it returns an error when a
// program keeps writing one of them.
func (s *Store) readLinks(ctx context.Context, snap *Snapshot, patient bool) error {
	for _, l := range s.Links {
		linked, o := s.readLink(ctx, l, patient)
		if ctx.Err() != nil || patient && errors.Is(linked.Err, atomicfile.ErrBusy) {
			return fmt.Errorf("credfile: %w", linked.Err)
		}
		snap.Links = append(snap.Links, linked)
		if linked.Err == nil {
			snap.sources = append(snap.sources, source{linked.text, o})
		}
	}
	return nil
}

func (s *Store) readLinkedFile(ctx context.Context, path string, patient bool) (*atomicfile.Original, error) {
	if patient {
		return atomicfile.Read(ctx, s.sys(), path)
	}
	short, cancel := context.WithTimeout(ctx, linkPatience)
	defer cancel()
	o, err := atomicfile.Read(short, s.sys(), path)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("read %s: %w", path, atomicfile.ErrBusy)
	}
	return o, err
}

// explainLink turns what package atomicfile says of a file into a refusal, with a remedy that
// is none for the AWS files.
func explainLink(path string, err error) error {
	refused, ok := errors.AsType[*atomicfile.Refused](err)
	switch {
	case ok && strings.Contains(refused.Remedy, "AWS_"):
		return &Refusal{Path: path, Text: refused.Why, Remedy: "correct the path, if it leads to another file than you mean"}
	case ok:
		return &Refusal{Path: path, Text: refused.Why, Remedy: refused.Remedy}
	case errors.Is(err, fs.ErrNotExist):
		return &Refusal{Path: path, Text: "is not there", Remedy: "mount its disk, or correct the path"}
	}
	return err
}

// CheckLink returns why a swap could not keep a file up to date, or nil: it is no regular
// file, it can only be written in place, it is one of the AWS files, or it shows none of
// the pairs in a form that can be replaced. keys are the pairs; those that the file shows
// are returned. It changes nothing.
func (s *Store) CheckLink(ctx context.Context, l Link, keys []Key) (shown []Key, err error) {
	if s.HasFile(l.Path) {
		return nil, &Refusal{Path: l.Path, Text: "is one of the AWS files, which keyd changes anyway", Remedy: "leave it out of the command"}
	}
	linked, o := s.readLink(ctx, l, true)
	if linked.Err != nil {
		return nil, linked.Err
	}
	for _, k := range keys {
		if !linked.ShowsID(k.ID) {
			continue
		}
		if err := linked.CheckPair(k); err != nil {
			return nil, err
		}
		if _, _, err := linked.text.replacePair(k, placeholderKey(k)); err != nil {
			return nil, err
		}
		shown = append(shown, k)
	}
	if len(shown) == 0 {
		return nil, linked.text.explainNone(keys)
	}
	if err := o.CheckWhole(); err != nil {
		return nil, explainLink(l.Path, err)
	}
	return shown, nil
}

// explainNone returns why the text shows none of the keys: what stands against the file
// itself, such as that it is encrypted, or else that no id stands in it.
func (l *linkedText) explainNone(keys []Key) error {
	for _, k := range keys {
		_, err := forms.Find(l.Path, l.data, l.Form, formPair(k))
		_, absent := forms.Find(l.Path, []byte("\n"), l.Form, formPair(k))
		why, ok := errors.AsType[*forms.Refusal](err)
		usual, alike := errors.AsType[*forms.Refusal](absent)
		if ok && alike && why.Text != usual.Text {
			return asRefusal(err)
		}
	}
	return &Refusal{Path: l.Path, Text: "shows none of the keys that keyd rotates", Remedy: "name the right file; keyd status lists the ids"}
}

// ReadBackLink makes the present contents of a linked file durable, and returns an error
// unless they show the pair k whole and show nothing else of that form half.
func (s *Store) ReadBackLink(ctx context.Context, l Link, k Key) error {
	o, err := atomicfile.Read(ctx, s.sys(), l.Path)
	if err == nil {
		err = o.Sync()
	}
	if err != nil {
		return fmt.Errorf("credfile: %w", err)
	}
	return asRefusal(forms.ReadBack(l.Path, o.Data, l.Form, formPair(k)))
}
