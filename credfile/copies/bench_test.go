package copies

import (
	"math/rand/v2"
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
