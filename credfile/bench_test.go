package credfile

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkProfiles100 measures what keyd status does with the files of a user with 100
// profiles, apart from reading them.
func BenchmarkProfiles100(b *testing.B) {
	var credentials, config bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&credentials, "# profile %d\n[acme-%d]\n%s\n", i, i, withKey(oldKey, pairLines))
		fmt.Fprintf(&config, "[profile acme-%d]\nregion = eu-west-1\noutput = json\ns3 =\n  max_concurrent_requests = 20\n\n", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		p := Profiles(Lex("credentials", Credentials, credentials.Bytes()), Lex("config", Config, config.Bytes()))
		if len(p) != 100 || p[99].Skip != Rotatable || p[99].Endpoints.Region != "eu-west-1" {
			b.Fatal("wrong profiles")
		}
	}
}

// BenchmarkReplace100 measures one replacement in a file with 101 profiles.
func BenchmarkReplace100(b *testing.B) {
	var credentials bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&credentials, "[acme-%d]\n%s\n", i, withKey(thirdKey, pairLines))
	}
	fmt.Fprintf(&credentials, "[mine]\n%s", withKey(oldKey, pairLines))
	f := Lex("credentials", Credentials, credentials.Bytes())
	for b.Loop() {
		if _, _, err := f.Replace(oldKey, newKey); err != nil {
			b.Fatal(err)
		}
	}
}
