package credfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// IAMs other than AWS's hand out ids of other shapes, and no prefix tells them apart from
// anything else. Their keys count only in profiles that name such an IAM (ownIAM), where
// the value of the id is surely meant as one. What is known of their shapes, id and secret:
//
//	Ceph, Wasabi, MinIO     20 capital letters and digits, 40 characters of base64
//	Backblaze               25 hexadecimal digits, 31 characters; its IAM documents AWS's shapes
//	Garage                  GK and 24 hexadecimal digits, 64 of them
//	IBM Cloud Object Store  32 hexadecimal digits, 48 of them
//	versitygw, moto         as AWS
//
// Source: Ceph, rgw_user.h (PUBLIC_ID_LEN, SECRET_KEY_LEN); Backblaze, "Application keys" and
// "CreateAccessKey"; Garage, "Quick start"; IBM, "Using HMAC credentials"; versitygw 1.8.0,
// iamutil. All are shorter in the id than in the secret, which is how a pair that was
// entered the wrong way round is recognised: its secret must never travel as an id.

// minOtherID is the length of the shortest id of another IAM: twelve characters, as
// Backblaze's. A shorter one, such as test or minioadmin, belongs to no IAM user.
const minOtherID = 12

// maxOtherID is less than the 40 characters of a secret of AWS's, which must not be taken
// for an id. The longest id that is known has 32.
const maxOtherID = 39

// isOtherID reports whether id may be the id of a key of an IAM other than AWS's: 12 to 39
// letters and digits, both among them, or at least 16 capital letters. A lower-case name
// is not one, and neither is a number.
func isOtherID(id string) bool {
	if len(id) < minOtherID || len(id) > maxOtherID || !isWord(id) || strings.HasPrefix(id, "ASIA") {
		return false
	}
	hasLetter := strings.ContainsFunc(id, func(r rune) bool { return r > '9' })
	return hasLetter && (strings.ContainsAny(id, "0123456789") || hasIDShape(id))
}

// NamesKey reports whether a text names an access key: by the short form of its id, by an
// id of AWS's, or by a word long enough to be the id of a key of another IAM.
func NamesKey(text string) bool {
	const shortest = 20 // of the ids of other IAMs that are not taken for a name
	words := strings.FieldsFunc(text, func(r rune) bool { return r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.ContainsFunc(words, func(word string) bool {
		word = strings.TrimRight(word, ".")
		return IsShort(word) || isLongTermID(word) || strings.HasPrefix(word, "ASIA") && hasIDShape(word) || isOtherID(word) && len(word) >= shortest
	})
}

// isWord reports whether text has letters and digits only.
func isWord(text string) bool {
	for i := range len(text) {
		if !isLetter(text[i]) && !isDigit(text[i]) {
			return false
		}
	}
	return true
}

// CheckOther returns an error unless the pair passes Check, or has the shape of a key of
// another IAM. Like Check, it guards what is written into files: it must not be called in
// place of Check where the key is AWS's. The error does not hold the secret.
func (k Key) CheckOther() error {
	if k.Check() == nil {
		return nil
	}
	switch secret := k.Secret.Reveal(); {
	case !isOtherID(k.ID):
		return errors.New("credfile: the id does not have the shape of an access key id") // the error leaves out the id, which may be the secret
	case len(secret) <= len(k.ID):
		return errors.New("credfile: the id is not shorter than the secret: they may be the wrong way round")
	case !hasSecretShape(secret):
		return fmt.Errorf("credfile: the secret of %s does not have the shape of a secret access key", k)
	}
	return nil
}

// otherShapeFlaw returns why nobody can sign with a whole pair of a profile that names an IAM
// of its own, or nil. ok is false when the pair is not that of any IAM.
func (f *File) otherShapeFlaw(p pair) (flaw *Refusal, ok bool) {
	id, secret := f.Text(p.id.Value), f.Text(p.secret.Value)
	switch {
	case hasSecretShape(id) && isOtherID(secret) && len(id) > len(secret):
		return f.newRefusal(p.id.Line, "exchange the two values", "id and secret are the wrong way round"), true
	case !isOtherID(id):
		return nil, false
	case len(secret) < 16:
		return f.newRefusal(p.secret.Line, "write the whole secret after the '='", "the value of %s is too short for a secret", secretName), true
	case len(secret) <= len(id):
		return f.newRefusal(p.id.Line, "exchange the two values if they are the wrong way round, and look up the pair if not", "the id is not shorter than the secret"), true
	case !hasSecretShape(secret):
		return f.newRefusal(p.secret.Line, "write nothing but the secret after the '='", "the value of %s does not have the form of a secret", secretName), true
	}
	return nil, true
}

// ownIAM returns the host of the IAM that the settings name for the key of a profile, if it
// is not one of AWS's; "" otherwise. endpoint_url alone names none: it is what people write
// for stores that have no IAM.
func (s EndpointConfig) ownIAM() string {
	if s.IgnoreEndpoints {
		return ""
	}
	return ForeignHost(s.EndpointIAM)
}

// ownIAM returns the host of the IAM that a profile names for its key, "" if there is none,
// or if it is AWS's.
func (v *profileIndex) ownIAM(p *joinedProfile) string {
	if !v.namesEndpoints {
		return ""
	}
	return v.endpointConfig(p).ownIAM()
}

// checkTarget returns an error if edits take a key out of keyd's sight: keyd rotates
// old and would not rotate next, because a key of another shape than AWS's counts only
// where a profile names its IAM.
func (s *Snapshot) checkTarget(edits []fileEdit, old, next Key) error {
	if next.Check() == nil {
		return nil
	}
	isTarget := func(profiles []Profile, k Key) bool {
		return slices.ContainsFunc(profiles, func(p Profile) bool { return p.Key.ID == k.ID && p.Skip == Rotatable })
	}
	var after [2]*File // by Kind
	path := ""
	for f := range s.files() {
		for _, e := range edits {
			if g := e.file(); g != nil && g.Kind == f.Kind {
				f = Lex(f.Path, f.Kind, e.data)
				path = f.Path
			}
		}
		after[f.Kind] = f
	}
	if isTarget(Profiles(after[Credentials], after[Config]), next) || !isTarget(s.Profiles, old) {
		return nil
	}
	return (&Refusal{path, 0, "keyd could not rotate " + next.String() + " there: no profile that shows it names its IAM", "name the endpoint of iam in a [services] section of the config file"}).wrap()
}
