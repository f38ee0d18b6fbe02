package credfile

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// largeFile returns a credentials file with n profiles, 200 bytes each, and the last one
// holds oldKey.
func largeFile(n int) []byte {
	var text bytes.Buffer
	for i := range n - 1 {
		fmt.Fprintf(&text, "# the account of team number %06d, in eu-west-1, asked for by mail\n[acme-%d]\naws_access_key_id = AKIA%016d\naws_secret_access_key = %040d\n\n", i, i, i, i)
	}
	fmt.Fprintf(&text, "[mine]\n%s", withKey(oldKey, pairLines))
	return text.Bytes()
}

// BenchmarkParseLarge measures how long it takes to find all profiles. It grows with the
// file.
func BenchmarkParseLarge(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := largeFile(n)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if p := Profiles(Lex("credentials", Credentials, data), nil); len(p) != n {
					b.Fatal(len(p))
				}
			}
		})
	}
}

// BenchmarkReplaceLarge measures one replacement with its cross-check. It grows with the
// file. Its limit is to lex the file once.
func BenchmarkReplaceLarge(b *testing.B) {
	for _, n := range []int{1000, 10000, 20000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := largeFile(n)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var limit time.Duration
			for b.Loop() {
				b.StopTimer()
				began := time.Now()
				Lex("credentials", Credentials, data)
				limit += time.Since(began)
				b.StartTimer()
				if _, _, err := Lex("credentials", Credentials, data).Replace(oldKey, newKey); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/limit.Seconds(), "x-lexing")
		})
	}
}
