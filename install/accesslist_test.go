package install

import (
	"slices"
	"testing"
)

// TestAccessListOfWindowsNamesStrangers has the lists of folders as Windows makes them.
func TestAccessListOfWindowsNamesStrangers(t *testing.T) {
	const (
		me, users, authenticated, everyone = "S-1-5-21-1-2-3-1001", "S-1-5-32-545", "S-1-5-11", "S-1-1-0"
		full, modify, read                 = 0x1f01ff, 0x1301bf, 0x1200a9
	)
	system := []accessEntry{{sid: "S-1-5-18", rights: full}, {sid: "S-1-5-32-544", rights: full}, {sid: "S-1-3-0", rights: 0x10000000, inheritOnly: true}}
	for _, test := range []struct {
		name             string
		entries          []accessEntry
		isProgram, holds bool
		want             []string
	}{
		{"a folder in the profile", []accessEntry{{sid: me, rights: full}}, false, true, nil},
		{"Program Files", []accessEntry{{sid: users, rights: read}, {sid: "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", rights: full}}, false, true, nil},
		{"the root of C:, on the way", []accessEntry{{sid: authenticated, rights: modify, inheritOnly: true}, {sid: authenticated, rights: rightAppendData}, {sid: users, rights: read}}, false, false, nil},
		{"a folder made in the root of C:", []accessEntry{{sid: authenticated, rights: modify}, {sid: users, rights: read}}, false, true, []string{authenticated}},
		{"a folder above it", []accessEntry{{sid: authenticated, rights: modify}}, false, false, []string{authenticated}},
		{"ProgramData, where everybody may add files", []accessEntry{{sid: users, rights: rightWriteData | rightAppendData}}, false, true, []string{users}},
		{"ProgramData, on the way", []accessEntry{{sid: users, rights: rightWriteData | rightAppendData}}, false, false, nil},
		{"a program that everybody may write", []accessEntry{{sid: everyone, rights: rightAppendData}, {sid: everyone, rights: full}}, true, false, []string{everyone}},
		{"a colleague", []accessEntry{{sid: "S-1-5-21-1-2-3-1002", rights: modify}}, false, true, []string{"S-1-5-21-1-2-3-1002"}},
		{"administrators of the domain", []accessEntry{{sid: "S-1-5-21-1-2-3-512", rights: full}}, false, true, nil},
	} {
		h := Host{GOOS: "windows", UID: me}
		if got := h.othersInList(append(test.entries, system...), test.isProgram, test.holds); !slices.Equal(got, test.want) {
			t.Errorf("%s: others %v, want %v", test.name, got, test.want)
		}
	}
}
