package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// locate finds out where the calls of a key go. What is wrong there is found out
// again in each pass: when a person has mended it, nothing waits any longer.
func (d *Daemon) locate(u *unit, sites []credfile.Site) {
	if r := u.facts.Rotation; r != nil && len(sites) == 0 && r.Site.Partition != "" {
		u.site = r.Site
		return
	}
	var err error
	u.site, err = iam.Resolve(sites, d.Getenv)
	if err == nil && d.HTTP == nil && u.site.CABundle != "" {
		err = iam.CheckBundle(u.site.CABundle)
	}
	if err != nil {
		u.facts.Misplaced = &needPersonError{text: err.Error(), run: d.toMend(u, err), err: err}
	}
}

// toMend names the setting that is wrong, and where it stands.
func (d *Daemon) toMend(u *unit, err error) string {
	files := fmt.Sprintf("%s or %s", d.Store.Paths.Config, d.Store.Paths.Credentials)
	if c, ok := errors.AsType[*iam.ConflictError](err); ok {
		return fmt.Sprintf("let the profiles %s and %s say the same, in %s", u.holders[c.I].Name, u.holders[c.J].Name, files)
	}
	e, ok := errors.AsType[*iam.SiteError](err)
	switch {
	case !ok:
		return ""
	case e.Variable():
		return inShell(e.Setting)
	case e.Setting == "ca_bundle" && d.Getenv("AWS_CA_BUNDLE") != "":
		return inShell("AWS_CA_BUNDLE")
	case e.Setting == "use_fips_endpoint":
		return fmt.Sprintf("take away one of the two: use_fips_endpoint and endpoint_url in %s, AWS_USE_FIPS_ENDPOINT and AWS_ENDPOINT_URL in the environment", files)
	case e.Setting == "ca_bundle":
		e.Profile = slices.IndexFunc(u.holders, func(p credfile.Profile) bool { return p.Site.CABundle == u.site.CABundle })
	}
	name := u.facts.Profiles[0]
	if e.Profile >= 0 {
		name = u.holders[e.Profile].Name
	}
	return fmt.Sprintf("correct %s of the profile %s, in %s", e.Setting, name, files)
}

// inShell is about a variable. The service has a copy of it from when it was
// installed.
func inShell(variable string) string {
	return fmt.Sprintf("correct %s in the environment; for the service, keyd install in that shell", variable)
}

// unlessMisplaced asks a person where nobody can tell where AWS is. A torn pair is
// mended all the same.
func unlessMisplaced(f Facts, d Decision) Decision {
	if f.Misplaced == nil || d.Ends() || d.Do == Mend {
		return d
	}
	return blocked(time.Time{}, f.Misplaced.Error(), Hint(f.Misplaced))
}
