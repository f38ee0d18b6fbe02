package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A journal contains its own SHA-256, computed with zeros in place of the sum. keyd
// acts on a journal, up to writing a pair into the credentials file, and so must
// notice a single flipped bit. The sum protects against disks, not against people.

// zeroChecksum is in the place of the checksum while it is computed.
var zeroChecksum = strings.Repeat("0", hex.EncodedLen(sha256.Size))

// addChecksum puts the checksum into a journal that contains zeroChecksum.
func addChecksum(data []byte) []byte {
	sum := sha256.Sum256(data)
	return bytes.Replace(data, []byte(zeroChecksum), []byte(hex.EncodeToString(sum[:])), 1)
}

// checksumMatches reports whether a journal is as it was written. Older versions of
// keyd wrote no checksum; such a journal passes.
func checksumMatches(data []byte, sum string) bool {
	open := bytes.Replace(data, []byte(sum), []byte(zeroChecksum), 1)
	return sum == "" || !bytes.Equal(open, data) && bytes.Equal(addChecksum(open), data)
}
