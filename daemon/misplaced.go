package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// resolveEndpoints finds out where the calls of a key go. A mistake in the
// configuration is found again in each pass, so that nothing waits any longer
// once a person has corrected it.
func (d *Rotator) resolveEndpoints(t *target, sites []credfile.EndpointConfig) {
	if r := t.facts.Rotation; r != nil && len(sites) == 0 && r.Endpoints.Partition != "" {
		t.endpoints = r.Endpoints
		return
	}
	var err error
	t.endpoints, err = iam.ResolveEndpoints(sites, d.Getenv)
	if err == nil && d.HTTP == nil && t.endpoints.CABundle != "" {
		err = iam.CheckBundle(t.endpoints.CABundle)
	}
	if err != nil {
		t.facts.EndpointErr = &needPersonError{text: err.Error(), hint: d.endpointHint(t, err), err: err}
	}
}

// endpointHint names the setting to correct, and the file or environment that
// it comes from.
func (d *Rotator) endpointHint(t *target, err error) string {
	files := fmt.Sprintf("%s or %s", d.Store.Paths.Config, d.Store.Paths.Credentials)
	if c, ok := errors.AsType[*iam.ConflictError](err); ok {
		return fmt.Sprintf("make profiles %s and %s agree, in %s", t.holders[c.First].Name, t.holders[c.Second].Name, files)
	}
	e, ok := errors.AsType[*iam.SettingError](err)
	switch {
	case !ok:
		return ""
	case e.IsVariable():
		return variableHint(e.Setting)
	case e.Setting == "ca_bundle" && d.Getenv("AWS_CA_BUNDLE") != "":
		return variableHint("AWS_CA_BUNDLE")
	case e.Setting == "use_fips_endpoint":
		return fmt.Sprintf("remove one of the two: use_fips_endpoint or endpoint_url in %s, AWS_USE_FIPS_ENDPOINT or AWS_ENDPOINT_URL in the environment", files)
	case e.Setting == "ca_bundle":
		e.Profile = slices.IndexFunc(t.holders, func(p credfile.Profile) bool { return p.Endpoints.CABundle == t.endpoints.CABundle })
	}
	name := t.facts.Profiles[0]
	if e.Profile >= 0 {
		name = t.holders[e.Profile].Name
	}
	return fmt.Sprintf("correct %s of profile %s, in %s", e.Setting, name, files)
}

// variableHint says how to correct an environment variable. The service uses a
// copy of it from the time of the installation.
func variableHint(variable string) string {
	return fmt.Sprintf("correct %s in the environment; for the service, then run keyd install in that shell", variable)
}

// unlessEndpointErr blocks a key whose configuration does not say where AWS is.
// A torn pair is mended even so.
func unlessEndpointErr(f Facts, d Decision) Decision {
	if f.EndpointErr == nil || d.EndsPass() || d.Do == DoMend {
		return d
	}
	return BlockUntil(time.Time{}, f.EndpointErr.Error(), Hint(f.EndpointErr))
}
