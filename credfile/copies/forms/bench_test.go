package forms

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// megabytes make files that are hard on a careless reader.
var megabytes = map[string]func(size int) []byte{
	"lines":         func(size int) []byte { return pad("", "NAME_%=value\\n/some/path+more\n", size, "") },
	"one line":      func(size int) []byte { return pad("", "word,", size, "") },
	"base64 lines":  func(size int) []byte { return pad("", strings.Repeat("QUJD", 19)+"\n", size, "") },
	"backslashes":   func(size int) []byte { return pad("", `\`, size, "\n") },
	"many pairs":    func(size int) []byte { return pad("", "id="+oldPair.ID+"\nsecret="+oldPair.Secret+"\n", size, "") },
	"token names":   func(size int) []byte { return pad("", "session_token\n", size, "") },
	"open comments": func(size int) []byte { return pad("", "<!-- ", size, "\n") },
	"whole base64": func(size int) []byte {
		return []byte("x: " + base64.StdEncoding.EncodeToString(pad("", "id="+oldPair.ID+"\nsecret="+oldPair.Secret+"\n", size*3/4, "")) + "\n")
	},
}

func pad(head, unit string, size int, tail string) []byte {
	return []byte(head + strings.Repeat(unit, size/len(unit)) + tail + "id=" + oldPair.ID + "\nsecret=" + oldPair.Secret + "\n")
}

// BenchmarkReplace shows that the time grows with the size and not faster.
func BenchmarkReplace(b *testing.B) {
	for _, size := range []int{1 << 18, 1 << 20} {
		for name, file := range megabytes {
			benchmarkReplace(b, fmt.Sprintf("%s/%dKiB", strings.ReplaceAll(name, " ", "-"), size>>10), file(size))
		}
	}
}

func benchmarkReplace(b *testing.B, name string, data []byte) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			out, _, err := Replace("f", data, Form{}, oldPair, nextPair)
			if err != nil || bytes.Equal(out, data) {
				b.Fatal(err)
			}
		}
	})
}
