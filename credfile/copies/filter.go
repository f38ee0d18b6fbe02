package copies

import (
	"encoding/binary"
	"math/bits"
)

// gram is how many bytes the filter reads at a time.
const gram = 4

// filter finds where a needle may be in a single pass over the bytes, for all ids and
// encodings at once. It reads gram bytes, then skips as many as it can: whichever window
// is in the text, one of the readings lies inside it. A bit for each hash of these grams
// decides in a nanosecond that nearly all readings belong to no needle.
type filter struct {
	needles []needle
	stride  int // from one reading to the next
	bits    []uint64
	shift   uint
	parts   map[uint32][]part // by gram
}

// part says that a gram may be part of a needle.
type part struct {
	needle int
	offset int // where in the needle's text
}

func newFilter(needles []needle, window int) filter {
	f := filter{needles: needles, stride: window - gram + 1, parts: map[uint32][]part{}}
	for i, n := range needles {
		for offset := range f.stride {
			g := binary.LittleEndian.Uint32([]byte(n.text[offset : offset+gram]))
			f.parts[g] = append(f.parts[g], part{i, offset})
		}
	}
	size := min(max(bits.Len(uint(250*len(f.parts))), 12), 24) // one in 250 other grams passes
	f.bits, f.shift = make([]uint64, 1<<(size-6)), uint(32-size)
	for g := range f.parts {
		h := hashGram(g) >> f.shift
		f.bits[h>>6] |= 1 << (h & 63)
	}
	return f
}

func hashGram(g uint32) uint32 { return g * 0x9E3779B1 }

// next returns the first position from i on whose gram passes, or -1. The next search
// begins at that position plus the stride.
func (f *filter) next(data []byte, i int) int {
	table, shift, stride := f.bits, f.shift, f.stride
	for ; i+gram <= len(data); i += stride {
		h := hashGram(binary.LittleEndian.Uint32(data[i:])) >> shift
		if table[h>>6]&(1<<(h&63)) != 0 {
			return i
		}
	}
	return -1
}
