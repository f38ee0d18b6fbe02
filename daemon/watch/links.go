package watch

import (
	"path/filepath"
	"slices"
)

// absolutePaths returns paths as absolute paths, without empty and repeated ones.
func absolutePaths(paths []string) []string {
	var all []string
	for _, p := range paths {
		if full, err := filepath.Abs(p); p != "" && err == nil && !slices.Contains(all, full) {
			all = append(all, full)
		}
	}
	return all
}
