package iam

import (
	"net/url"

	"keyd/daemon/iam/remote"
)

// OnThisMachine reports whether every custom endpoint in e is on this machine, as a
// stand-in of AWS for a developer is. It is false when e has no custom endpoint.
func OnThisMachine(e remote.Endpoints) bool {
	for _, custom := range []string{e.IAMURL, e.STSURL} {
		if custom == "" || isAWS(custom) {
			continue
		}
		if u, err := url.Parse(custom); err != nil || !isLoopback(u.Hostname()) {
			return false
		}
	}
	return CustomEndpoints(e) != ""
}
