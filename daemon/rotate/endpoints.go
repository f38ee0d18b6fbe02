package rotate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/state"
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
	if err == nil {
		t.endpoints, err = d.keepFromAWS(t)
	}
	if err == nil && d.HTTP == nil && t.endpoints.CABundle != "" {
		err = iam.CheckBundle(t.endpoints.CABundle)
	}
	t.setCustomEndpoint(iam.CustomEndpoints(t.endpoints))
	if err != nil {
		t.setEndpointErr(&needPersonError{text: err.Error(), hint: d.endpointHint(t, err), err: err})
		return
	}
	if r := t.facts.Rotation; r != nil && t.facts.RotationErr == nil {
		if err := d.checkOrigin(r, t); err != nil {
			t.setRotationErr(err)
		}
	}
}

// keepFromAWS returns the endpoints of the key so that no key of another IAM is sent to AWS.
// The error names the variable of the environment that would send it there.
func (d *Rotator) keepFromAWS(t *target) (remote.Endpoints, error) {
	endpoints, err := iam.EndpointsFor(t.endpoints, t.facts.ID, t.namesIAM())
	if e, ok := errors.AsType[*iam.SettingError](err); ok {
		for _, name := range []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL"} {
			if d.Getenv(name) != "" {
				e.Setting = name
				break
			}
		}
	}
	return endpoints, err
}

// endpointName returns whom the calls of the key ask, as in KeyStatus.Endpoint.
func (t *target) endpointName() string {
	switch custom := iam.CustomEndpoints(t.endpoints); {
	case custom != "":
		return custom
	case t.endpoints.Partition != "aws":
		return t.endpoints.Partition // "" while the configuration has a mistake
	}
	return ""
}

// endpointRemedy says how to make this process ask AWS itself again.
func (d *Rotator) endpointRemedy(t *target) string {
	var variables []string
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS"} {
		if d.Getenv(name) != "" {
			variables = append(variables, name)
		}
	}
	switch {
	case len(variables) == 0:
		return fmt.Sprintf("remove endpoint_url from profile %s, in %s", t.facts.Profiles[0], d.Store.Paths.Config)
	case d.Process == "run": // the service has a copy of the environment from its installation
		return "unset " + strings.Join(variables, " ") + "; for the service, then run keyd install in that shell"
	}
	return "unset " + strings.Join(variables, " ")
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
	case e.Setting == "ca_bundle" && t.endpoints.CABundle == d.Getenv("REQUESTS_CA_BUNDLE"):
		return variableHint("REQUESTS_CA_BUNDLE")
	case e.Setting == "use_fips_endpoint":
		return fmt.Sprintf("remove one of the two: use_fips_endpoint or endpoint_url in %s, AWS_USE_FIPS_ENDPOINT or AWS_ENDPOINT_URL in the environment", files)
	case e.Setting == "ca_bundle":
		e.Profile = slices.IndexFunc(t.holders, func(p credfile.Profile) bool { return p.Endpoints.CABundle == t.endpoints.CABundle })
	}
	name := t.facts.Profiles[0]
	if e.Profile >= 0 {
		name = t.holders[e.Profile].Name
	}
	if strings.HasPrefix(e.Setting, "endpoint_url") { // the endpoint may be right, and its key none of IAM's
		if !d.Settings.MayExclude() {
			return fmt.Sprintf("correct %s of profile %s, in %s; or ask whoever manages this machine to leave its key alone", e.Setting, name, files)
		}
		return fmt.Sprintf("correct %s of profile %s, in %s; or leave its key alone: rotate = never below [profile %[2]s] in keyd.ini", e.Setting, name, files)
	}
	return fmt.Sprintf("correct %s of profile %s, in %s", e.Setting, name, files)
}

// partitionHint says which region the profiles of a key need. A region in the environment
// counts only where no profile names one, so the profile is the place to name it.
func (d *Rotator) partitionHint(t *target, partition string) string {
	region := "a region of that partition"
	if example := iam.ExampleRegion(partition); example != "" {
		region = fmt.Sprintf("%s, or another region of partition %s,", example, partition)
	}
	return fmt.Sprintf("set region = %s in profile %s, in %s", region, strings.Join(t.facts.Profiles, " and "), d.Store.Paths.Config)
}

// variableHint says how to correct an environment variable. The service uses a
// copy of it from the time of the installation.
func variableHint(variable string) string {
	return fmt.Sprintf("correct %s in the environment; for the service, then run keyd install in that shell", variable)
}

// noteIgnored adds a note for each variable of the environment that decides where other
// AWS tools go, and does not count for keyd.
func (w *world) noteIgnored(getenv func(string) string) {
	names := map[string][]string{}
	var texts []string
	for _, t := range w.targets {
		if t.isLeftAlone() {
			continue
		}
		for _, p := range t.holders {
			for _, text := range iam.IgnoredSettings(p.Endpoints, getenv) {
				if names[text] == nil {
					texts = append(texts, text)
				}
				names[text] = append(names[text], p.Name)
			}
		}
	}
	for _, text := range texts {
		w.notes = append(w.notes, fmt.Sprintf("%s (profile %s)", text, strings.Join(names[text], ", ")))
	}
}

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

// CustomIAM returns the URL of IAM for a profile when it does not belong to AWS, and "" when
// it does, or cannot be determined.
func CustomIAM(p credfile.Profile, getenv func(string) string) string {
	site, err := iam.ResolveEndpoints([]credfile.EndpointConfig{p.Endpoints}, getenv)
	if err != nil {
		return ""
	}
	return iam.CustomEndpoints(remote.Endpoints{IAMURL: site.IAMURL})
}

// Policy returns, as JSON, the smallest IAM policy for the user whose key the
// profile shows. It makes no call to AWS. The partition and path of the user
// are those that a pass has seen, as remembered in status. Before the first
// pass, the partition is that of the profile's region, and the user has no
// path. For the zero profile the policy fits any user of partition aws.
// optional adds the permissions that keyd can do without; mfa allows them with MFA only.
func Policy(p credfile.Profile, status state.Status, getenv func(string) string, optional, mfa bool) (string, error) {
	partition, arn := "aws", ""
	if site, err := iam.ResolveEndpoints([]credfile.EndpointConfig{p.Endpoints}, getenv); err == nil && p.Name != "" {
		partition = site.Partition
	}
	i := slices.IndexFunc(status.Keys, func(l state.KeyStatus) bool { return l.KeyID != "" && l.KeyID == p.Key.ID && l.Seen != nil })
	if i >= 0 {
		arn = status.Keys[i].Seen.ARN
	}
	policy := iam.LeastPolicy(partition, arn, optional)
	if p.OwnIAM != "" {
		policy = iam.PolicyElsewhere(policy)
	}
	if mfa {
		policy = iam.RequireMFA(policy)
	}
	data, err := json.MarshalIndent(policy, "", "  ")
	return string(data) + "\n", err
}
