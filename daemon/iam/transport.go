package iam

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Transport is the HTTP client for AWS. It follows no redirect. It keeps an idle
// connection only for seconds, so that an idle daemon holds no socket. It speaks
// HTTP/1.1, which is all that IAM and STS need and which has simple rules for
// sending a request twice. It is safe for concurrent use, and clients may share
// it.
type Transport struct {
	keep  *http.Client
	fresh *http.Client // a new connection for each request
}

// NewTransport returns a Transport that trusts the system's certificate
// authorities and those in the PEM file bundle, "" for none. A bundle that is
// missing or holds no certificate is an error, because without it AWS would
// merely look unreachable. SSL_CERT_FILE and SSL_CERT_DIR name the system's
// authorities on Linux, and additional ones on macOS and Windows. Proxies come from the environment (HTTPS_PROXY,
// NO_PROXY), read once per process.
func NewTransport(bundle string) (*Transport, error) {
	roots, err := loadRoots(bundle)
	if err != nil {
		return nil, err
	}
	keep := newRoundTripper(roots)
	fresh := keep.Clone()
	fresh.DisableKeepAlives = true
	return &Transport{keep: newHTTPClient(keep), fresh: newHTTPClient(fresh)}, nil
}

// Do sends r. CreateAccessKey gets a new connection, because the server may
// already have decided to close a used one: the request then fails, and no one
// can tell whether the server read it.
func (t *Transport) Do(r *http.Request) (*http.Response, error) {
	if k := callOf(r.Context()); k != nil && k.once {
		return t.fresh.Do(r)
	}
	return t.keep.Do(r)
}

// Close closes idle connections. The Transport stays usable.
func (t *Transport) Close() { t.keep.CloseIdleConnections() }

func newRoundTripper(roots *x509.CertPool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: proxyFor,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
			return checkProxyAnswer(r.StatusCode)
		},
		DialContext:            dialer.DialContext,
		Protocols:              protocols,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  25 * time.Second,
		IdleConnTimeout:        5 * time.Second,
		MaxConnsPerHost:        8, // as many keys are looked at side by side
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newHTTPClient returns a client that follows no redirect: a request is signed for
// one host, and its answer may hold a secret.
func newHTTPClient(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// proxyFor works like http.ProxyFromEnvironment but replaces its error text,
// which quotes the address and any password in it.
func proxyFor(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is not a URL")
	}
	return u, nil
}

// CheckBundle returns nil when NewTransport would accept bundle, and otherwise a
// *SettingError that says why not.
func CheckBundle(bundle string) error {
	_, err := loadRoots(bundle)
	return err
}

// loadRoots returns the system's authorities plus those of bundle, or nil for the
// system's alone. AWS tools replace the system's authorities instead. Adding
// trusts a superset and cannot fail where those tools succeed.
func loadRoots(bundle string) (*x509.CertPool, error) {
	extra := openSSLRoots(runtime.GOOS, os.Getenv)
	if bundle == "" && len(extra) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, pem := range extra {
		roots.AppendCertsFromPEM(pem)
	}
	if bundle == "" {
		return roots, nil
	}
	pem, err := readBundle(bundle)
	if err != nil {
		return nil, &SettingError{Setting: "ca_bundle", Profile: -1, text: fmt.Sprintf("iam: cannot read the certificate bundle (AWS_CA_BUNDLE, ca_bundle or REQUESTS_CA_BUNDLE): %v%s", err, explainBundlePath(bundle, err)), err: err}
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, &SettingError{Setting: "ca_bundle", Profile: -1, text: "iam: the certificate bundle " + bundle + " (AWS_CA_BUNDLE, ca_bundle or REQUESTS_CA_BUNDLE) holds no certificate in PEM form"}
	}
	return roots, nil
}

// explainBundlePath says, after the failure err to open path, why it may name another file
// than a person thinks.
// Source: botocore and the SDKs for Go and JavaScript pass the value on as it is.
func explainBundlePath(path string, err error) string {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
	case strings.HasPrefix(path, "~"), strings.ContainsAny(path, "$%"):
		return "; AWS tools expand neither ~ nor variables there: write the whole path"
	case !filepath.IsAbs(path):
		return "; every program looks for it in the folder that it was started in: write the whole path"
	}
	return ""
}

// readBundle returns the contents of a PEM file, or of all files in a folder, which
// some programs accept as well.
func readBundle(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return os.ReadFile(path)
	}
	entries, err := os.ReadDir(path)
	var all []byte
	for _, entry := range entries {
		if pem, err := os.ReadFile(filepath.Join(path, entry.Name())); err == nil {
			all = append(append(all, pem...), '\n')
		}
	}
	return all, err
}

// openSSLRoots returns what SSL_CERT_FILE and SSL_CERT_DIR name on the systems where Go
// does not read them. Files that cannot be read are left out, as Go leaves them out
// elsewhere.
// Source: package crypto/x509, SystemCertPool.
func openSSLRoots(goos string, getenv func(string) string) (pems [][]byte) {
	if goos != "darwin" && goos != "windows" {
		return nil
	}
	var files []string
	if file := getenv("SSL_CERT_FILE"); file != "" {
		files = append(files, file)
	}
	files = append(files, filepath.SplitList(getenv("SSL_CERT_DIR"))...)
	for _, file := range files {
		if pem, err := readBundle(file); err == nil {
			pems = append(pems, pem)
		}
	}
	return pems
}
