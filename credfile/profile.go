package credfile

import (
	"fmt"
	"slices"
	"strings"
)

// Profile is one named profile as keyd sees it: where its key stands, whether
// that key can be rotated, and what a client needs to know to use it.
type Profile struct {
	Name    string
	Path    string // the file that holds the pair; or the one that names the profile
	Section string // the section in that file
	Line    int    // of the key id, or of the header when there is none
	Key     Key    // zero when the profile holds no static key that can be read; without ID when what stands there is none
	Skip    Skip   // why there is nothing to rotate; Rotatable otherwise
	Why     string // Skip in words, with the remedy where one exists

	Site Site

	// Warnings name the readers that see something else than keyd does. What
	// concerns the whole file is in the Warnings of each of its profiles, the
	// first four of it; File.Problems has all.
	Warnings []Problem
}

// Skip is the reason for which a profile has nothing to rotate.
type Skip string

// The reasons. All but HalfPair and Unreadable are normal ways to use AWS.
const (
	Rotatable         Skip = ""
	Temporary         Skip = "temporary"           // ASIA id, or a session token beside the pair
	Role              Skip = "role"                // role_arn
	SSO               Skip = "sso"                 // sso_session, sso_start_url
	Login             Skip = "login_session"       // aws login
	CredentialProcess Skip = "credential_process"  // the key lives elsewhere
	NoKeys            Skip = "no keys"             // settings only
	HalfPair          Skip = "half a pair"         // an id without secret, or the reverse
	Unreadable        Skip = "unreadable"          // duplicates, quotes: AWS readers disagree on the value
	NotLongTerm       Skip = "not a long-term key" // another store's key, or a prefix that is not AKIA
)

// Profiles returns the profiles of both files, in file order, credentials first.
// Either file may be nil. A profile whose pair stands in two places is there
// twice, since both places must change together; the credentials file is the
// one that AWS readers take. A profile without a static pair is there once.
//
// A static pair decides before anything else: a profile with a role_arn, SSO or
// credential_process beside its own AKIA pair is Rotatable. Its pair is what a
// source_profile that names it (or that it has itself) signs with, and GetCallerIdentity
// is asked with the pair, not with the role. A role without a pair is
// skipped: the key of its source profile is the one that is rotated.
//
// The section [DEFAULT], which the AWS CLI merges into every profile, is no
// more than the profile DEFAULT here. Nothing is inherited from [default].
func Profiles(credentials, config *File) []Profile {
	v := indexProfiles(credentials, config)
	for _, name := range v.order {
		v.hasStaticPair[name] = v.hasPair(name)
	}
	profiles := make([]Profile, 0, len(v.order))
	for _, f := range []*File{credentials, config} {
		if f == nil {
			continue
		}
		wide := f.wideProblems()
		for i := range f.Sections {
			s := &f.Sections[i]
			name, ok := profileName(f.Kind, s.Name)
			if !ok {
				continue
			}
			p := Profile{Name: name, Path: f.Path, Section: s.Name, Line: s.Line, Warnings: wide}
			switch found := f.findPair(s); {
			case found.hasAny():
				f.describePair(&p, s, found)
				v.warnIfShadowed(&p, s)
				p.Warnings = f.appendWarnings(p.Warnings, s, found)
				p.Warnings = append(p.Warnings, v.warnOfProviders(f, name, s, found)...)
			case v.hasStaticPair[name] || !f.isListed(s):
				continue
			default:
				v.hasStaticPair[name] = true // once
				p.Skip, p.Why = v.findProvider(name)
			}
			p.Site = v.endpointConfig(name)
			profiles = append(profiles, p)
		}
	}
	return profiles
}

// isListed reports whether a section without keys is worth a line: in the
// credentials file, a name with a blank in it belongs to no profile.
func (f *File) isListed(s *Section) bool { return s.Form != Ignored }

// describePair fills in what a section's own pair says.
func (f *File) describePair(p *Profile, s *Section, found pair) {
	if found.id != nil {
		p.Line = found.id.Line
	}
	switch {
	case found.flaw != nil:
		p.Skip, p.Why, p.Line = Unreadable, found.flaw.Text+"; "+found.flaw.Remedy, found.flaw.Line
	case found.secret == nil:
		p.Skip, p.Why = HalfPair, "there is no aws_secret_access_key below the id; add it, or remove the id"
		p.Key.ID = idIfSafe(f.Text(found.id.Value))
	case found.id == nil:
		p.Skip, p.Why = HalfPair, "there is a secret but no aws_access_key_id; add it, or remove the secret"
		p.Line = found.secret.Line
	default:
		p.Key = f.pairKey(found)
		p.Skip, p.Why = skipForID(p.Key.ID, found.token != nil)
		p.Key.ID = idIfSafe(p.Key.ID)
	}
}

// idIfSafe returns an id that may be shown, else none: what stands in the place
// of the id may be the secret, when the two were pasted in the wrong order.
func idIfSafe(id string) string {
	if !hasIDShape(id) {
		return ""
	}
	return id
}

// skipForID judges a readable pair by its id.
// Source: IAM user guide, "Understanding unique ID prefixes".
func skipForID(id string, token bool) (Skip, string) {
	switch {
	case strings.HasPrefix(id, "ASIA"):
		return Temporary, "temporary credentials: whoever issued them renews them"
	case token:
		return Temporary, "a session token stands beside the pair; if the key is a long-term one, remove the aws_session_token line"
	case !isLongTermID(id):
		return NotLongTerm, "the id does not have the form of a long-term AWS access key (AKIA...)"
	}
	return Rotatable, ""
}

// maxWideWarnings bounds how many problems of the whole file each of its profiles
// carries: some tools append another [default] with every login.
const maxWideWarnings = 4

// wideProblems returns what makes some reader lose the whole file, and of the
// reasons of the cross-SDK rules only the first: they stop there.
func (f *File) wideProblems() []Problem {
	var wide []Problem
	fatal := false
	for _, p := range f.Problems {
		if p.Wide && !(p.Fatal && fatal) && len(wide) < maxWideWarnings {
			wide = append(wide, p)
		}
		fatal = fatal || p.Fatal
	}
	return slices.Clip(wide)
}

// warnIfShadowed marks the pair of [default] in the config file when [profile default]
// takes its place.
func (v *profileIndex) warnIfShadowed(p *Profile, s *Section) {
	if v.config == nil || p.Path != v.config.Path || p.Section != "default" || v.profileDefault == nil || p.Skip != Rotatable {
		return
	}
	p.Warnings = append(p.Warnings, Problem{Path: p.Path, Line: s.Line,
		Text:   fmt.Sprintf("[profile default] in line %d takes the place of [default]", v.profileDefault.Line),
		Remedy: "put the lines of both under one header"})
}
