package atomicfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// fresh is the new file, before anybody else has seen it.
type fresh struct {
	info Info
	data []byte
}

// displaced says that what another program put at the target could not get its
// name back: err tells why, nil when a third program has written since. It
// stays at, beside the target, and way tells whether the new file has the name.
type displaced struct {
	way Way
	at  string
	err error
}

func (d *displaced) Error() string {
	text := "another program wrote the file at the same moment; its text is in " + d.at
	if !strings.HasSuffix(d.at, theirs) {
		text += " until keyd runs again"
	}
	if d.err != nil {
		text = d.err.Error() + "; " + text
	}
	return text
}

func (d *displaced) Unwrap() error { return d.err }

// exchange gives the new file the name of the target and the other way round,
// and then looks at what came out: what stood there in the very instant of the
// exchange. When that is not the original it goes back, and the error is
// ErrChanged.
//
// Not guaranteed: that a process which is killed between the exchange and the
// look, microseconds later, has given back what came out. The next Sweep
// removes it as it removes the original. The same goes for what a further
// program writes into the new file in those microseconds, when the process is
// killed while that is watched, for 25 ms and more.
func (o *Original) exchange(ctx context.Context, old File, temp string, ours fresh) error {
	err := o.sys.Exchange(temp, o.Real)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed the target
		return ErrChanged
	}
	if err != nil {
		return busy(err)
	}
	out, err := o.sys.Lstat(temp)
	if err == nil && out.ID == o.Info.ID {
		err = o.holds(old)
	} else if err == nil {
		err = ErrChanged
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // some FUSE file systems rename instead
		return nil
	}
	return o.giveBack(ctx, temp, out, ours, err)
}

// mostExchanges bounds how often other programs may be met on the way back.
const mostExchanges = 8

// giveBack puts the file out, which another program put at the target and which
// now has the temporary name, back. It returns cause, ErrChanged or why nobody
// knows what out is, when the new file has the temporary name again.
//
// Meanwhile a further program may have replaced the new file or written into
// it, and so on. What comes out of the target is then the newest text, and goes
// back in turn: the last one to write has the name, as without keyd. The text
// before it is kept beside, because its writer may not have seen it.
func (o *Original) giveBack(ctx context.Context, temp string, out Info, ours fresh, cause error) error {
	at := ours.info // what should come out of the target, having been put there
	for n := range mostExchanges {
		if err := o.sys.Exchange(temp, o.Real); err != nil {
			way := Nowhere
			if n == 0 && !errors.Is(err, fs.ErrNotExist) {
				way = Renamed
			}
			return o.keep(temp, way, cause, err)
		}
		put := out
		var err error
		out, err = o.sys.Lstat(temp)
		if err == nil && n == 0 && out.ID == ours.info.ID {
			touched, failed := o.touched(ctx, temp, ours)
			if failed != nil { // then what it looks like must do
				touched = !out.unmoved(ours.info)
			}
			if !touched {
				return errors.Join(cause, failed, o.sys.SyncDir(filepath.Dir(o.Real)))
			}
			out, err = o.sys.Lstat(temp)
		}
		if err != nil || n > 0 && out.unmoved(at) {
			return o.keep(temp, Nowhere, cause, err)
		}
		at = put
	}
	return o.keep(temp, Nowhere, cause, nil)
}

// touched reports whether another program has written into the new file while
// it had the target's name, or is about to.
func (o *Original) touched(ctx context.Context, temp string, ours fresh) (bool, error) {
	f, err := o.sys.OpenFile(temp, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	text, _ := written(ctx, f, ours.info, ours.data)
	return text != nil, nil
}

// keep gives the file with the temporary name one that Sweep spares. The error
// is not ErrChanged: whoever starts again would not hear of it.
func (o *Original) keep(temp string, way Way, cause, err error) error {
	if errors.Is(cause, ErrChanged) {
		cause = nil
	}
	kept := temp + theirs
	if failed := o.sys.Rename(temp, kept); failed != nil {
		kept, err = temp, errors.Join(err, failed)
	}
	return &displaced{way: way, at: kept, err: errors.Join(cause, err, o.sys.SyncDir(filepath.Dir(o.Real)))}
}
