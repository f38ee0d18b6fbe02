package watch

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
)

// fileDigest identifies the contents of a file at one moment.
type fileDigest struct {
	exists bool
	size   int64 // bytes
	sum    [sha256.Size]byte
}

// maxDigestBytes is how much of a file digestFile reads. A later change in a larger file
// is noticed only if the size changes. The AWS files are a thousand times smaller.
const maxDigestBytes = 16 << 20

// digestFile reads the file that path refers to. An unreadable file counts as missing:
// the pass meets the same error and reports it.
func digestFile(path string) fileDigest {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // opening a FIFO would block
		return fileDigest{}
	}
	file, err := os.Open(path)
	if err != nil {
		return fileDigest{}
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.CopyN(hash, file, maxDigestBytes); err != nil && !errors.Is(err, io.EOF) {
		return fileDigest{}
	}
	p := fileDigest{exists: true, size: info.Size()}
	hash.Sum(p.sum[:0])
	return p
}

// compareFiles reads every file, and returns the paths of those that changed.
func (w *fileWatcher) compareFiles() (changed []string) {
	for _, path := range w.paths {
		now := digestFile(path)
		before, known := w.digests[path]
		if w.digests[path] = now; known && now != before {
			changed = append(changed, path)
		}
	}
	return changed
}
