package credfile

// Profile is one named profile as keyd sees it: where its key stands, whether
// that key can be rotated, and what a client needs to know to use it.
type Profile struct {
	Name    string
	Path    string // the file that holds the pair; or the one that names the profile
	Section string // the section in that file
	Line    int    // of the key id, or of the header when there is none
	Key     Key    // zero when the profile holds no static key
	Skip    Skip   // why there is nothing to rotate; Rotatable otherwise
	Why     string // Skip in words, with the remedy where one exists

	Site     Site
	Warnings []Problem // readers that see something else than keyd does
}

// Skip is the reason for which a profile has nothing to rotate.
type Skip string

// The reasons. All but HalfPair, Unreadable are normal ways to use AWS.
const (
	Rotatable         Skip = ""
	Temporary         Skip = "temporary"          // ASIA id, or a session token beside the pair
	Role              Skip = "role"               // role_arn
	SSO               Skip = "sso"                // sso_session, sso_start_url
	Login             Skip = "login_session"      // aws login
	CredentialProcess Skip = "credential_process" // the key lives elsewhere
	NoKeys            Skip = "no keys"            // settings only
	HalfPair          Skip = "half a pair"        // an id without secret, or the reverse
	Unreadable        Skip = "unreadable"         // duplicates, quotes: AWS readers disagree on the value
	NotLongTerm       Skip = "not a long-term key"
)

// Site is what the files say of how AWS is reached with a profile. Empty
// fields say nothing; the environment is not looked at here.
type Site struct {
	Region          string
	EndpointURL     string // endpoint_url
	EndpointIAM     string // services section, iam
	EndpointSTS     string // services section, sts
	IgnoreEndpoints bool   // ignore_configured_endpoint_urls
	FIPS            bool   // use_fips_endpoint
	CABundle        string // ca_bundle
	MFASerial       string // mfa_serial
}

// TODO(lane credfile): func Profiles(credentials, config *File) []Profile
