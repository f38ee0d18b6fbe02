package install

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Program returns the path under which the service starts keyd: one that stays
// when the program is upgraded. A package manager that keeps each version in a
// folder of its own deletes that folder later; the link that it keeps up to
// date is what counts. A *RefusedError is a program that is not there to stay.
func (h *Host) Program() (string, error) {
	real, err := filepath.EvalSymlinks(h.Executable)
	if err != nil {
		return "", wrapError(err)
	}
	if place := h.temporaryPlace(real); place != "" {
		return "", refuse("put it where it stays, for example: go build -o "+h.homePath(".local", "bin", programName(h.GOOS))+" ./cmd/keyd",
			"%s is %s: the service would lose it", real, place)
	}
	for _, path := range h.stableNames(real) {
		if sameFile(path, real) && h.temporaryPlace(path) == "" && !isVersioned(path) {
			return h.checkPrintable(path)
		}
	}
	if strings.HasPrefix(real, "/nix/store/") {
		return "", refuse("nix profile install, then keyd install", "%s belongs to one generation and no profile shows it: garbage collection takes it away", real)
	}
	return h.checkPrintable(real)
}

func programName(goos string) string {
	if goos == "windows" {
		return "keyd.exe"
	}
	return "keyd"
}

// temporaryPlace says which kind of passing place path is in, "" for none.
func (h *Host) temporaryPlace(path string) string {
	if slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(name string) bool { return strings.HasPrefix(name, "go-build") }) {
		return "in Go's build cache"
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/private/tmp", "/private/var/folders", "/var/folders", "/dev/shm",
		h.Getenv("TMPDIR"), h.Getenv("TEMP"), h.Getenv("TMP")} {
		if isInside(path, dir) {
			return "in a temporary folder"
		}
	}
	if isInside(path, h.homePath("Downloads")) {
		return "among the downloads"
	}
	return ""
}

// isInside reports whether path is below dir, by name or with dir's links
// followed.
func isInside(path, dir string) bool {
	if dir == "" {
		return false
	}
	dirs := []string{dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dirs = append(dirs, real)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rest, err := filepath.Rel(dir, path)
		return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
	})
}

// stableNames are the names that real may go by, the most lasting first.
func (h *Host) stableNames(real string) []string {
	var names []string
	base := filepath.Base(real)
	for _, kept := range []string{"Cellar", "Caskroom"} { // Homebrew: <prefix>/Cellar/<formula>/<version>/bin/<program>
		if prefix, rest, ok := strings.Cut(filepath.ToSlash(real), "/"+kept+"/"); ok {
			formula, _, _ := strings.Cut(rest, "/")
			names = append(names, filepath.Join(prefix, "opt", formula, "bin", base), filepath.Join(prefix, "bin", base))
		}
	}
	if before, rest, ok := strings.Cut(filepath.ToSlash(real), "/scoop/apps/"); ok { // Scoop: apps/<app>/<version>/<program>
		app, _, _ := strings.Cut(rest, "/")
		names = append(names, filepath.Join(before, "scoop", "apps", app, "current", base))
	}
	for _, dir := range filepath.SplitList(h.Getenv("PATH")) {
		if filepath.IsAbs(dir) { // a link may have a name of its own, the one that was called
			names = append(names, filepath.Join(dir, filepath.Base(h.Argv0)), filepath.Join(dir, base))
		}
	}
	names = append(names, h.homePath(".nix-profile", "bin", base), filepath.Join("/run/current-system/sw/bin", base))
	if path, err := filepath.Abs(h.Argv0); err == nil && strings.ContainsRune(filepath.ToSlash(h.Argv0), '/') {
		names = append(names, path)
	}
	return names
}

// isVersioned reports whether a path itself names a version's folder.
func isVersioned(path string) bool {
	path = filepath.ToSlash(path)
	return strings.Contains(path, "/Cellar/") || strings.Contains(path, "/Caskroom/") || strings.HasPrefix(path, "/nix/store/")
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// checkPrintable refuses a path that no unit and no plist can hold. systemd takes any
// text as an argument, but for the path of a program no quotes and no
// backslash, however they are quoted.
func (h *Host) checkPrintable(path string) (string, error) {
	bad := strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
	if bad || h.GOOS == "linux" && strings.ContainsAny(path, `"'\`) {
		return "", refuse("move it to a folder with a plainer name", "the path %q of this program holds characters that a service cannot", path)
	}
	return path, nil
}
