package readers

import (
	"math/rand/v2"
	"strings"
)

// The pieces of generated files. Each is a thing that some reader treats in its own way.
var (
	headers = []string{"[a]", "[a]", "[a]", "[default]", "[b]", "[ a ]", "[a", "a]", "[a]# c", "[a] # c", "[a] ; [x]", "[a] text", "[profile a]",
		"[profile a]", "[profile default]", "[profile  a]", "[profile\ta]", `[profile "a"]`, "[profile 'a']", `[profile "a b"]`, `[profile a\ b]`, `[profile "a]`,
		"[DEFAULT]", "[Default]", "[]", "[ ]", "[a b]", "[a#b]", "[a;b]", "[a]\u00a0", "[\u00a0a]", "[profile.a]", "[A]", "[__proto__]", "[[a]]", "[a]]",
		"[a][b]", "[a]k = v", "[sso-session a]", "[services a]", "[profile]", "[profilex a]", "[a\"]", "[a]\f", "[a]\x1c", "[a:b+c]", "[é]"}
	indents = []string{"", "", "", "", "", "", "", " ", "  ", "\t", "    ", "\f", "\v", "\u00a0", "\x1c", "\ufeff", "\u0085"}
	names   = []string{"aws_access_key_id", "aws_secret_access_key", "aws_access_key_id", "aws_secret_access_key", "AWS_ACCESS_KEY_ID", "Aws_Secret_Access_Key",
		"aws_session_token", "aws_security_token", "region", "s3", "k", "k v", "", `"aws_access_key_id"`, "aws_access_key_\u0130d", "aws_access_\u212aey_id", "k#x", "k;x", "é"}
	separators = []string{" = ", " = ", " = ", "=", "\t=\t", " : ", ":", ": ", " ", " == ", "=\u00a0", "=\f", "\u00a0= ", " =\x1c", " := "}
	values     = []string{"v", "v", "v", "w", "", "", `"v"`, "'v'", `"`, "'", `"v`, "v # c", "v;c", "v ; c # d", "v # c ; d", "#v", "; v", "v\t# c", "v\u00a0# c", "v\f;c",
		"v\r", "a=b", "a:b", `v\`, "v\x1cw", "v\u0085", "v\u0085w", "\u2028v", `"v" # c`, "[b]", "v[b]", "v\u00a0", "v\x00", "`v`", "${v}", "%(v)s"}
	lineEnds = []string{"\n", "\n", "\n", "\n", "\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r", "\r\r\n", "\n\n", "\n \n", "\n\t\n", "\n\f\n", "\n# c\n", "\n  # c\n", "\n  ; c\n", "\n\r\n"}
	junk     = []string{"junk", "# c", " # c", ";c", "<<<<<<< HEAD", "\x00", "caf\xe9", "=", ":", "= v", "export aws_access_key_id=v", "\ufeff", "-", "[", "]", "\u0085", "\x1c"}
)

// generateFile returns a file made of the pieces. Half of the files are rather plain, so
// that not every one is refused.
func generateFile(r *rand.Rand) string {
	var b strings.Builder
	odd := []int{3, 10, 40}[r.IntN(3)] // one piece in so many is drawn from all pieces
	pick := func(plain int, all []string) string {
		if r.IntN(odd) > 0 {
			return all[r.IntN(plain)]
		}
		return all[r.IntN(len(all))]
	}
	if r.IntN(12) == 0 {
		b.WriteString("\ufeff")
	}
	end := lineEnds[r.IntN(len(lineEnds))]
	for n := 1 + r.IntN(9); n > 0; n-- {
		switch {
		case n == 1 && r.IntN(4) == 0 || b.Len() < 4 && r.IntN(8) > 0 || r.IntN(4) == 0:
			b.WriteString(pick(5, indents) + pick(5, headers))
		case r.IntN(odd) == 0:
			b.WriteString(pick(5, indents) + junk[r.IntN(len(junk))])
		default:
			b.WriteString(pick(5, indents) + pick(11, names) + pick(4, separators) + pick(5, values))
		}
		if r.IntN(odd) == 0 {
			end = lineEnds[r.IntN(len(lineEnds))]
		}
		if n > 1 || r.IntN(5) > 0 {
			b.WriteString(end)
		}
	}
	return b.String()
}
