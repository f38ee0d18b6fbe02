package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"keyd/daemon/hint"
	"keyd/daemon/iam"
)

// proxyChecks look at proxies, certificates and addresses.
var proxyChecks = []Check{
	{Name: "proxy", Group: GroupNetwork, Why: "without the right proxy AWS cannot be reached, and programs disagree on which one is right", Find: findProxies},
	{Name: "certificates", Group: GroupNetwork, Why: "without these certificates every connection to AWS fails", Find: findBundles},
	{Name: "addresses", Group: GroupNetwork, Why: "AWS's usual names have no IPv6 addresses", Find: findAddresses},
}

// findProxies looks at the variables that name a proxy.
func findProxies(_ context.Context, p *Patient) (all []Finding) {
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"} {
		lower := strings.ToLower(name)
		upperValue, lowerValue := p.getenv(name), p.getenv(lower)
		if p.GOOS == "windows" {
			lowerValue = "" // it is the same variable
		}
		if upperValue != "" && lowerValue != "" && upperValue != lowerValue {
			all = append(all, note(fmt.Sprintf("%s and %s name different proxies: the AWS CLI uses the second, keyd and Go programs the first", name, lower), p.unset(lower), "or set both to the same"))
		}
		for _, variable := range []string{name, lower} {
			if f, ok := p.checkProxy(variable, p.getenv(variable)); ok && (variable == name || p.GOOS != "windows") {
				all = append(all, f)
			}
		}
	}
	return all
}

// checkProxy looks at the value of one variable. It never shows it: it may hold a password.
func (p *Patient) checkProxy(variable, value string) (Finding, bool) {
	if value == "" {
		return Finding{}, false
	}
	u, err := url.Parse(value)
	if (err != nil || u.Host == "") && !strings.Contains(value, "://") {
		u, err = url.Parse("http://" + value) // as Go reads a value without a scheme
	}
	_, password := "", false
	if err == nil && u.User != nil {
		_, password = u.User.Password()
	}
	switch {
	case err != nil || u.Hostname() == "":
		return wrong(variable+" is not a URL with a host", p.unset(variable), "or write it as http://host:port"), true
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
		return wrong(variable+" has the scheme "+fmt.Sprintf("%q", u.Scheme)+", which is none of a proxy", p.unset(variable), "or write it as http://host:port"), true
	case password:
		return note(variable+" holds a password: keyd install writes none into the service, which then cannot use this proxy", "",
			"let a forwarder that knows the password, such as px or cntlm, run on this machine, and name that"), true
	}
	return Finding{}, false
}

// findBundles looks for bundles of certificates that cannot be read.
func findBundles(ctx context.Context, p *Patient) (all []Finding) {
	for _, g := range p.keyGroups(ctx) {
		bundle := g.endpoints.CABundle
		if g.endpointErr != nil || bundle == "" {
			continue
		}
		err := iam.CheckBundle(bundle)
		if err == nil {
			continue
		}
		f := wrong(describe(err), "", "correct ca_bundle in "+p.awsFiles()[1])
		for _, variable := range []string{"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"} {
			if p.getenv(variable) == bundle {
				f.Run, f.Ask = p.unset(variable), "or name a file that holds certificates in PEM form; for the service, then run keyd install in that shell"
				break
			}
		}
		f.Profiles = g.Names
		all = append(all, f)
	}
	return append(all, p.checkRoots()...)
}

// checkRoots looks at what the variables of OpenSSL name.
func (p *Patient) checkRoots() (all []Finding) {
	for _, variable := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		value := p.getenv(variable)
		if value == "" {
			continue
		}
		paths := []string{value}
		if variable == "SSL_CERT_DIR" {
			paths = strings.Split(value, string(os.PathListSeparator))
		}
		for _, path := range paths {
			if f, err := os.Open(path); err == nil {
				_ = f.Close()
				continue
			} else {
				all = append(all, wrong(fmt.Sprintf("%s names %s, which cannot be read: %v", variable, path, cause(err)), p.unset(variable), "or correct it; "+hint.Command("ls -l", path)+" shows what is there"))
			}
		}
	}
	return all
}

// findAddresses looks for a machine without IPv4, on which AWS's usual names do not work.
func findAddresses(ctx context.Context, p *Patient) (all []Finding) {
	addresses, err := p.addresses()
	switch {
	case p.getenv("HTTPS_PROXY")+p.getenv("https_proxy") != "":
		return nil // the proxy decides
	case err != nil:
		return []Finding{{Severity: Unknown, Found: "which addresses this machine has is not known: " + describe(err), Usual: true}}
	}
	four, six := false, false
	for _, a := range addresses {
		a = a.Unmap()
		usable := !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified() && !a.IsMulticast()
		four, six = four || usable && a.Is4(), six || usable && a.Is6() && !a.IsPrivate()
	}
	if four || !six {
		return nil
	}
	for _, g := range p.keyGroups(ctx) {
		if g.endpointErr != nil || g.endpoints.DualStack || g.endpoints.IAMURL != "" && g.endpoints.STSURL != "" {
			continue
		}
		f := wrong("this machine has IPv6 addresses only, and the names that profile "+g.Names[0]+" uses have none", hint.AWSCommand("aws configure set use_dualstack_endpoint true", g.Names[0]), "unless the network translates (NAT64)")
		f.Profiles = g.Names
		all = append(all, f)
	}
	return all
}

// addresses returns the addresses of this machine.
func (p *Patient) addresses() ([]netip.Addr, error) {
	if p.Addresses != nil {
		return p.Addresses()
	}
	return systemAddresses()
}
