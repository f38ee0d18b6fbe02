package awssim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// credential holds what a request claims about its signature.
type credential struct {
	keyID, date, region, service, term string
	headers                            []string // the signed headers, in lower case, in the order sent
	signature                          string
	stamp                              string        // X-Amz-Date
	expires                            time.Duration // validity of a presigned request; 0 for a header
	token                              string
	query                              bool
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	stampShape = "20060102T150405Z"
)

// readCredential reads the claim from the header or, for a presigned request, from
// the query. Together with a refusal it returns what it could read.
func readCredential(r *http.Request) (credential, *refusal) {
	q := r.URL.Query()
	if q.Get("X-Amz-Algorithm") != "" {
		return readPresigned(q)
	}
	h := strings.TrimSpace(r.Header.Get("Authorization"))
	if h == "" {
		return credential{}, newRefusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	rest, ok := strings.CutPrefix(h, algorithm)
	if !ok {
		scheme, _, _ := strings.Cut(h, " ")
		return credential{}, incompleteSignature("Unsupported AWS 'algorithm': '%s'.", scheme)
	}
	m := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		m[name] = value
	}
	c := credential{stamp: r.Header.Get("X-Amz-Date"), token: r.Header.Get("X-Amz-Security-Token")}
	if c.stamp == "" {
		c.stamp = httpStamp(r.Header.Get("Date"))
	}
	return c.parseClaim(m["Credential"], m["SignedHeaders"], m["Signature"], "Authorization header requires")
}

func readPresigned(q url.Values) (credential, *refusal) {
	c := credential{stamp: q.Get("X-Amz-Date"), token: q.Get("X-Amz-Security-Token"), query: true}
	n, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || n < 1 || n > 604800 {
		n = 900 // IAM and STS also accept presigned requests without it
	}
	c.expires = time.Duration(n) * time.Second
	return c.parseClaim(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), "AWS query-string parameters must include")
}

// httpStamp turns an HTTP date into a SigV4 date, because a signer may send only
// Date.
func httpStamp(s string) string {
	if t, err := http.ParseTime(s); err == nil {
		return t.UTC().Format(stampShape)
	}
	return ""
}

// parseClaim takes the claim apart. One message lists all missing parts.
func (c credential) parseClaim(cred, headers, signature, requires string) (credential, *refusal) {
	c.signature, c.headers = signature, strings.Split(headers, ";")
	var missing []string
	for _, p := range [][2]string{{"Credential", cred}, {"Signature", signature}, {"SignedHeaders", headers}} {
		if p[1] == "" {
			missing = append(missing, requires+" '"+p[0]+"' parameter.")
		}
	}
	if c.stamp == "" {
		missing = append(missing, requires+" existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	scope := strings.Split(cred, "/")
	c.keyID = scope[0]
	if len(missing) > 0 {
		return c, incompleteSignature("%s", strings.Join(missing, " "))
	}
	if len(scope) != 5 {
		return c, incompleteSignature("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", cred)
	}
	c.date, c.region, c.service, c.term = scope[1], scope[2], scope[3], scope[4]
	return c, nil
}

// isSignedWith reports whether secret yields the claimed signature of the request.
func (c credential) isSignedWith(secret string, r *http.Request, body []byte) bool {
	claimed, err := hex.DecodeString(c.signature)
	return err == nil && hmac.Equal(c.sign(secret, r, body), claimed)
}

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// canonicalRequest returns SigV4's canonical request. It covers exactly the headers
// that the client claims to have signed. Source: IAM user guide, "Create a signed AWS
// API request".
func (c credential) canonicalRequest(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, h := range c.headers {
		b.WriteString(h + ":" + headerValue(r, h) + "\n")
	}
	b.WriteString("\n" + strings.Join(c.headers, ";") + "\n" + hexHash(body))
	return b.String()
}

// headerValue returns the value that the client signed for a header. The header map
// of http.Request never holds Host and Content-Length.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		if r.Host != "" {
			return r.Host
		}
		return r.URL.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	var vs []string
	for _, v := range r.Header.Values(name) {
		vs = append(vs, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(vs, ",")
}

// canonicalPath encodes the path of the request a second time, as every service but
// S3 requires.
func canonicalPath(u *url.URL) string {
	p := u.EscapedPath()
	if p == "" {
		return "/"
	}
	return percentEncode(p, "/")
}

func canonicalQuery(raw string) string {
	var ps []string
	for p := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(p, "=")
		name, value = unescapeOrKeep(name), unescapeOrKeep(value)
		if p != "" && name != "X-Amz-Signature" {
			ps = append(ps, percentEncode(name, "")+"="+percentEncode(value, ""))
		}
	}
	slices.Sort(ps)
	return strings.Join(ps, "&")
}

// unescapeOrKeep returns s unchanged if it is not validly escaped. The signature of
// such a request does not match anyway.
func unescapeOrKeep(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// percentEncode encodes every character except RFC 3986's unreserved ones and those
// in keep.
func percentEncode(s, keep string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if ch := s[i]; strings.IndexByte(unreserved, ch) >= 0 || strings.IndexByte(keep, ch) >= 0 {
			b.WriteByte(ch)
		} else {
			b.Write([]byte{'%', hex[ch>>4], hex[ch&15]})
		}
	}
	return b.String()
}
