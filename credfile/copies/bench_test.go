package copies

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// BenchmarkFind measures the search in memory, without the disk.
func BenchmarkFind(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	m, err := newMatcher([]string{testID})
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"text": textPool(random), "base64": base64Pool(random), "binary": binaryPool(random)} {
		data = data[:bufferSize]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if found := m.find(data, 0, len(data), true); len(found) > 0 {
					b.Fatal(found)
				}
			}
		})
	}
}

const poolSize = 4 << 20

func textPool(random *rand.Rand) []byte {
	words := strings.Fields("func return string error if err != nil { } for range := the a of to and is in that package import key KEY value access_key_id AWS AKIA AKIAQ3EG config Options = == ( ) path name int64 0 1 42")
	var b bytes.Buffer
	for b.Len() < poolSize {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteByte(" \n\t "[random.IntN(4)])
	}
	return b.Bytes()
}

func numberPool(random *rand.Rand) []byte {
	var b bytes.Buffer
	for b.Len() < poolSize {
		_, _ = fmt.Fprintf(&b, "{\"id\": %d, \"hash\": \"%X\", \"x\": %.6f},\n", random.IntN(1e9), random.Uint64(), random.Float64())
	}
	return b.Bytes()
}

func base64Pool(random *rand.Rand) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, poolSize)
	for i := range b {
		b[i] = alphabet[random.IntN(64)]
		if i%77 == 76 {
			b[i] = '\n'
		}
	}
	return b
}

func binaryPool(random *rand.Rand) []byte {
	b := make([]byte, poolSize)
	for i := range b {
		if random.IntN(3) > 0 {
			b[i] = byte(random.Uint32())
		}
	}
	return b
}
