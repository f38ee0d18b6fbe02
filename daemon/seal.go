package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A journal carries the SHA-256 of itself, with zeros in its own place: keyd acts
// on what it says, up to writing a pair into the file, so that one bit that has
// tipped over must not be believed. It guards against disks, not against people.

// unsealed stands in the place of the sum while it is computed.
var unsealed = strings.Repeat("0", hex.EncodedLen(sha256.Size))

// sealed puts the sum into a journal that was written with unsealed.
func sealed(data []byte) []byte {
	sum := sha256.Sum256(data)
	return bytes.Replace(data, []byte(unsealed), []byte(hex.EncodeToString(sum[:])), 1)
}

// intact reports whether a journal is as it was written. One without a sum is of
// an older keyd.
func intact(data []byte, sum string) bool {
	open := bytes.Replace(data, []byte(sum), []byte(unsealed), 1)
	return sum == "" || !bytes.Equal(open, data) && bytes.Equal(sealed(open), data)
}
