package copies

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// listMounts returns what is mounted, by folder. It touches none of it: a folder of the
// automounter mounts something as soon as it is opened. It returns nil when the system does
// not say; then nothing is left out.
func listMounts() map[string]mount {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(string(data))
}

// parseMounts reads mountinfo. The last mount on a folder hides the others.
// Source: proc_pid_mountinfo(5).
func parseMounts(text string) map[string]mount {
	mounts := map[string]mount{}
	for line := range strings.Lines(text) {
		before, behind, found := strings.Cut(line, " - ")
		fields, of := strings.Fields(before), strings.Fields(behind)
		if !found || len(fields) < 5 || len(of) < 2 {
			continue
		}
		options := ""
		if len(of) > 2 {
			options = of[2]
		}
		mounts[unescapeMount(fields[4])] = newMount(of[0], unescapeMount(of[1]), options)
	}
	return mounts
}

// unescapeMount undoes the octal escapes of mountinfo.
func unescapeMount(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}

// listTwins returns the AWS folders of the Windows that this Linux runs in. They are searched
// although they are on another file system, because programs on that side read them.
func listTwins(mounts map[string]mount) []string {
	var found []string
	for path, m := range mounts {
		if m.windows {
			twins, _ := filepath.Glob(filepath.Join(path, "Users", "*", ".aws"))
			found = append(found, twins...)
		}
	}
	slices.Sort(found)
	return found
}
