package credfile

import (
	"errors"
	"testing"
)

// TestPathsExpandAsPythonExpandsThem compares with what os.path.expanduser(os.path.expandvars(p))
// returns, and with ntpath.expandvars, both of CPython 3.11.7.
func TestPathsExpandAsPythonExpandsThem(t *testing.T) {
	env := map[string]string{"A": "va", "B_1": "v$A", "HOME": "/home/me/", "USERPROFILE": `C:\Users\me`}
	for _, test := range []struct{ path, unix, windows string }{
		{"%", "%", "%"},
		{"a%%b", "a%%b", "a%b"},
		{"%A", "%A", "%A"},
		{"%A%", "%A%", "va"},
		{"'%A%'%A%", "'%A%'%A%", "'%A%'va"},
		{"'%A", "'%A", "'%A"},
		{"$$A", "$va", "$A"},
		{"$", "$", "$"},
		{"${A}", "va", "va"},
		{"${A", "${A", "${A"},
		{"${", "${", "${"},
		{"$A.x", "va.x", "va.x"},
		{"$A_x", "$A_x", "$A_x"},
		{"%NO%/$NO/${NO}", "%NO%/$NO/${NO}", "%NO%/$NO/${NO}"},
		{"$é", "$é", "$é"},
		{"%A%%B_1%", "%A%%B_1%", "vav$A"},
		{"%%A%%", "%%A%%", "%A%"},
		{"x'y'$A", "x'y'va", "x'y'va"},
		{"$B_1", "v$A", "v$A"},
		{"${}/x", "${}/x", "${}/x"},
		{"%'A'%", "%'A'%", "%'A'%"},
		{"$A$A${A}b", "vavavab", "vavavab"},
	} {
		for goos, want := range map[string]string{"linux": test.unix, "windows": test.windows} {
			got, err := ExpandPath(test.path, func(name string) string { return env[name] }, goos)
			if err != nil || got != want {
				t.Errorf("%s on %s: got %q, %v, want %q", test.path, goos, got, err, want)
			}
		}
	}
	e := expander{func(name string) string { return env[name] }, "linux", func(name string) (string, error) {
		if name != "bob" {
			return "", errors.New("no such user")
		}
		return "/home/bob", nil
	}}
	for path, want := range map[string]string{"~": "/home/me/", "~/x": "/home/me/x", "~bob": "/home/bob", "~bob/x/y": "/home/bob/x/y", "x~": "x~", "~zzz/x": "", "$NO~": "$NO~"} {
		if got, err := e.expand(path); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
}
