package daemon

import (
	"slices"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// CustomEndpoints returns the URLs of the endpoints that the calls for these
// profiles go to and that are not AWS's own, each once. A person must see them
// before a real key signs a request there. Profiles whose endpoint cannot be
// determined are skipped: their calls are refused before anything is sent.
func CustomEndpoints(profiles []credfile.Profile, getenv func(string) string) []string {
	var custom []string
	for _, p := range profiles {
		if p.Skip != credfile.Rotatable {
			continue
		}
		site, err := iam.ResolveEndpoints([]credfile.EndpointConfig{p.Endpoints}, getenv)
		if url := iam.CustomEndpoints(site); err == nil && url != "" && !slices.Contains(custom, url) {
			custom = append(custom, url)
		}
	}
	return custom
}
