package credfile

import (
	"fmt"
	"slices"
	"strings"
)

// Profile is one named profile as keyd sees it: the place of its key, whether the
// key can be rotated, and the settings that a client needs to use it.
type Profile struct {
	Name    string
	Path    string   // of the file that holds the pair; without a pair, of the file that names the profile
	Section string   // its name in that file, e.g. "default" or "profile dev"
	Line    int      // of the key id, or of the header without one; of an unreadable profile, of what is wrong; from 1
	Key     Key      // zero when the profile holds no readable static key; without ID when the value does not look like an id
	Skip    Skip     // the kind of reason why there is nothing to rotate; Rotatable if the key can be rotated
	Why     string   // the reason in words; "" when Rotatable
	Remedy  string   // what a person has to do in the file; set exactly when Skip.IsUnreadable()
	IDs     []string // of the long-term keys that an unreadable profile holds, as far as they can be told

	// OwnIAM is the host of the IAM that the profile names for its key, if it is not one of
	// AWS's; "" otherwise. The key may then have another shape than AWS's.
	OwnIAM string

	Asks string // the profile whose pair keyd hands out to programs that use this one; "" for none

	Endpoints EndpointConfig

	// Warnings name the readers that do not see what keyd sees. Each profile's
	// Warnings include problems of its whole file, but at most four of those;
	// File.Problems has all of them.
	Warnings []Problem
}

// Skip is the kind of reason why a profile has nothing to rotate.
type Skip string

// The kinds of reasons. All but HalfPair and Unreadable are normal ways to use AWS.
const (
	Rotatable         Skip = ""
	Temporary         Skip = "temporary"            // an ASIA id, or a session token next to the pair
	Role              Skip = "role"                 // role_arn
	SSO               Skip = "sso"                  // sso_session, sso_start_url
	Login             Skip = "login_session"        // aws login
	CredentialProcess Skip = "credential_process"   // credential_process: another program has the key
	NoKeys            Skip = "no keys"              // settings only
	HalfPair          Skip = "half a pair"          // an id without a secret, or a secret without an id
	Unreadable        Skip = "unreadable"           // a long-term key that keyd cannot rotate: AWS readers disagree on it, or no one reads it
	NotLongTerm       Skip = "not a long-term key"  // an id that does not begin with AKIA, nor looks like one of the IAM that the profile names
	OtherStore        Skip = "key of another store" // the profile sends S3 to a host that is not AWS's, and names no IAM endpoint
	Example           Skip = "documentation key"    // an id that AWS's documents show: no user has it
)

// Profiles returns the profiles of both files in file order, credentials file
// first. Either file may be nil. A profile with a pair in each file is returned
// twice, because both places must change together; AWS readers take the pair in
// the credentials file. A profile without a static pair is returned once.
//
// A static pair comes before every other way to sign in: a profile that has an
// AKIA pair next to a role_arn, SSO or credential_process setting is Rotatable. A
// source_profile that names it, which may be its own, signs with that pair, and
// keyd calls GetCallerIdentity with the pair, not with the role. A role without a
// pair is skipped: keyd rotates the key of its source profile instead.
//
// The AWS CLI merges the section [DEFAULT] into every profile. Here its pair belongs to
// the profile DEFAULT only, but its settings are those of every profile. No profile
// inherits anything from [default].
func Profiles(credentials, config *File) []Profile {
	return indexProfiles(credentials, config).listProfiles()
}

// listProfiles is Profiles for the files of the index.
func (v *profileIndex) listProfiles() []Profile {
	profiles := make([]Profile, 0, len(v.profiles.byName))
	known := map[pairPosition]bool{} // for findUnseen
	for _, f := range []*File{v.credentials, v.config} {
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
			joined := v.find(name)
			p := Profile{Name: name, Path: f.Path, Section: s.Name, Line: s.Line, Warnings: wide}
			switch found := f.findPair(s); {
			case found.hasAny():
				if !v.isHidden(f, s) {
					joined.hasStaticPair = true
				}
				p.OwnIAM = v.ownIAM(joined)
				f.describePair(&p, s, found)
				if p.Skip == Rotatable || p.Skip.IsUnreadable() || p.Skip == NotLongTerm {
					if skip, why := v.skipForStore(joined, p.Skip != NotLongTerm); skip != Rotatable {
						p.Skip, p.Why, p.Remedy = skip, why, ""
					}
				}
				if p.Skip.IsUnreadable() {
					p.IDs = f.wholeIDs(s)
				}
				if !v.plain && found.isWhole() && !p.Skip.IsUnreadable() && p.Skip != Temporary {
					known[pairPosition{valuePosition{f.Kind, found.id.Line}, valuePosition{f.Kind, found.secret.Line}}] = true
				}
				v.warnIfShadowed(&p, s)
				p.Warnings = f.appendWarnings(p.Warnings, s, found)
				p.Warnings = append(p.Warnings, v.warnOfProviders(f, joined, s, found)...)
				p.Warnings = append(p.Warnings, v.warnOfSettings(joined)...)
			case joined.hasStaticPair || joined.hasPair() || !f.isListed(s) && !joined.known:
				continue
			default:
				joined.hasStaticPair = true // return it once
				p.Skip, p.Why = v.findProvider(joined)
				if p.Skip == CredentialProcess {
					p.Asks = joined.asks()
					p.Warnings = append(p.Warnings, v.warnOfAsking(f, s, joined)...)
				}
			}
			p.Endpoints = v.endpointConfig(joined)
			profiles = append(profiles, p)
		}
	}
	return v.addUnreadable(profiles, known)
}

// isListed reports whether a section without keys counts as a profile. A header
// that the cross-SDK rules ignore does not, such as one with a blank in the
// credentials file.
func (f *File) isListed(s *Section) bool { return s.Form != Ignored }

// describePair fills in the fields of p that depend on the pair found in its section.
func (f *File) describePair(p *Profile, s *Section, found pair) {
	if found.id != nil {
		p.Line = found.id.Line
	}
	switch {
	case found.flaw != nil || found.id == nil || found.secret == nil:
		f.describeUnreadable(p, s, found)
	default:
		p.Key = f.pairKey(found)
		p.Skip, p.Why = skipForID(p.Key.ID, found.token != nil)
		if r := f.shapeFlaw(found, p.Key); r != nil && (p.Skip == Rotatable || p.Skip == NotLongTerm) {
			p.setUnreadable(Unreadable, r)
		}
		if p.Skip == NotLongTerm && p.OwnIAM != "" {
			f.describeOther(p, found)
		}
		if p.Skip == Rotatable {
			if r := f.secondReaderFlaw(s, found); r != nil {
				p.setUnreadable(Unreadable, r)
			}
		}
		if p.Key.CheckOther() != nil { // otherwise the id is shorter than the secret, and is none
			p.Key.ID = idIfSafe(p.Key.ID)
		}
	}
}

// describeOther describes a whole pair of another shape than AWS's in a profile that names
// an IAM of its own.
func (f *File) describeOther(p *Profile, found pair) {
	switch flaw, ok := f.otherShapeFlaw(found); {
	case flaw != nil:
		p.setUnreadable(Unreadable, flaw)
	case ok:
		p.Skip, p.Why = Rotatable, ""
	default:
		p.Why = "the id does not have the form of a key id of an IAM: 12 to 39 letters and digits"
	}
}

// idIfSafe returns id if it may be shown, and "" otherwise: if id and secret were
// pasted in the wrong order, the value in the place of the id is the secret.
func idIfSafe(id string) string {
	if !hasIDShape(id) {
		return ""
	}
	return id
}

// skipForID decides by its id whether a readable pair can be rotated. token says
// whether a session token is next to it.
// Source: IAM user guide, "Understanding unique ID prefixes".
func skipForID(id string, token bool) (Skip, string) {
	switch {
	case strings.HasPrefix(id, "ASIA"):
		return Temporary, "temporary credentials: there is nothing to rotate"
	case token:
		return Temporary, "there is a session token next to the pair; if the key is a long-term one, remove the aws_session_token line"
	case isExampleID(id):
		return Example, "a key of AWS's documentation, which no user has: put your own in its place, or remove it"
	case !isLongTermID(id):
		return NotLongTerm, "the id does not have the form of a long-term AWS access key (AKIA...)"
	}
	return Rotatable, ""
}

// isExampleID reports whether id is one that AWS's documents show.
func isExampleID(id string) bool { return strings.HasSuffix(id, "EXAMPLE") }

// maxWideWarnings bounds how many problems of the whole file the Warnings of each
// profile repeat: some tools append another [default] with every login.
const maxWideWarnings = 4

// wideProblems returns the first problems for which some reader loses the whole
// file. Of the problems that are fatal to the cross-SDK rules it returns only the
// first, because these readers stop there.
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

// warnIfShadowed adds a warning to the pair of [default] in the config file when
// readers use [profile default] instead.
func (v *profileIndex) warnIfShadowed(p *Profile, s *Section) {
	if v.config == nil || p.Path != v.config.Path || p.Section != "default" || v.profileDefault == nil || p.Skip != Rotatable {
		return
	}
	p.Warnings = append(p.Warnings, Problem{Path: p.Path, Line: s.Line,
		Text:   fmt.Sprintf("readers use [profile default] in line %d instead of [default]", v.profileDefault.Line),
		Remedy: "put the lines of both under one header"})
}
