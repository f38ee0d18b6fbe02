package daemon

import (
	"slices"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// CustomEndpoints returns the endpoints that are not AWS's own to which the
// calls for these profiles go, each once. A person must see them before a real
// key signs a request there. Profiles for which no endpoint can be found are
// passed over: their calls are refused before anything is sent.
func CustomEndpoints(profiles []credfile.Profile, getenv func(string) string) []string {
	var custom []string
	for _, p := range profiles {
		if p.Skip != credfile.Rotatable {
			continue
		}
		site, err := iam.Resolve([]credfile.Site{p.Site}, getenv)
		if url := site.Custom(); err == nil && url != "" && !slices.Contains(custom, url) {
			custom = append(custom, url)
		}
	}
	return custom
}
