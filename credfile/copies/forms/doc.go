// Package forms says how an access key stands in a file that is not a file of AWS, and
// replaces it there without moving any other byte.
//
// A linked file is a copy of the key that keyd has been told to keep up to date: a .env,
// an rclone.conf, a Kubernetes Secret. The package gets the bytes of such a file and never
// touches the disk. It goes by what stands in the file and not by its name: the id and the
// secret of the old key, as whole words, in any of the encodings below. A file that it
// does not understand completely is refused with the line, the reason and a remedy.
//
// # What counts
//
// An id or a secret is a place when it stands there as a whole word. The new value is
// written in the encoding of the old one, place by place. Outside comments, each id needs
// a secret of its own and each secret an id: the places are paired from the nearest
// outwards, and what is left over is refused, because nobody can say what a program
// does with half of a pair.
//
// A comment that holds a whole pair changes with the file: it is a line that somebody
// takes out and puts back. An id alone in a comment stays: it is a note about that key.
// A line is a comment if it begins with #, ;, // or REM, or if it stands in an XML
// comment.
//
// # Encodings
//
// The values are looked for in the text without its escapes (view.go), so it does not matter
// which format they belong to, or how often JSON stands inside JSON:
//
//	plain, in any kind of quotes
//	backslash: \/ \u002f \x2f \057 \+, as in JSON, YAML, properties and $'..'
//	percent: %2F, also \%2F (crontab) and %%2F (systemd, configparser)
//	XML: &#47; &#x2f; &sol;
//	base64 of a value, of ID:SECRET or of a whole file, also broken over lines
//	UTF-16 with a byte order mark
//
// A mark of the new secret that the old one does not have is written plain, but in an
// address (after ://) with a percent sign: nothing else ends a value at + or /. Where keyd
// cannot tell (an address inside an address, parameters without an address), the file is
// refused when it is linked, whatever the next secret will be. A replacement back to the
// old key gives the old bytes whenever both secrets have the same marks; when the secret in
// between has no slash, \/ comes back as the plain slash.
//
// # Refusals
//
// An id without its secret or a secret without its id; either as a part of a longer word,
// or written in two ways at once; the id in any other encoding (hexadecimal, another case,
// broken into parts, base64 that does not decode); a session token next to it; two secrets
// under one name; another key between the id and its secret; an SMTP password of SES that
// the settings do not name. Files that are encrypted (rclone, ansible-vault, sops,
// git-crypt, age, OpenPGP), signed (OpenPGP, Authenticode), binary, larger than 4 MiB, or
// that a running program rewrites. The block of a Terraform backend and a Terraform
// state, but not .terraform/terraform.tfstate: refuse.go says why.
//
// # What is not handled, and why
//
// Linked files are only ever replaced by a rename, so a file that holds a mixture of the
// bytes of two keys does not come into being, and the package does not mend one. The
// caller refuses a file that cannot be renamed over.
//
// direnv blocks an .envrc whose bytes have changed until somebody runs "direnv allow": a
// hook can do that, and a .env that the .envrc loads needs none.
//
// A program that compiles the file into another one (Postfix makes sasl_passwd.db from
// sasl_passwd) needs a hook: the copy in the compiled file is not this package's.
//
// # Where to find what
//
//	pair.go, form.go, place.go  the values that go in and come out
//	view.go     a text without its escapes
//	escape.go   how a value is escaped, and another one like it
//	base64.go, charset.go  texts inside the text, and UTF-16
//	find.go, layer.go  from bytes to places
//	comment.go, pairing.go  which of them count, and what belongs together
//	refuse.go, unknown.go  what is not understood
//	smtp.go     the SMTP password of SES
//	replace.go  from old to new
//	readback.go the second reader, which shares no code with the first
package forms
