package evidence

import (
	"fmt"
	"strings"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
)

// Report is all that the writers print. It has whole key ids, account ids and ARNs, and no
// secret. Times are UTC; those of keyd's own actions are this machine's, and those of calls
// AWS's.
type Report struct {
	Version      int       `json:"version"` // 1
	Made         time.Time `json:"made"`
	Since        time.Time `json:"since,omitzero"` // what ended or happened before is left out; zero: nothing is
	Program      string    `json:"program"`        // keyd and its version
	Host         string    `json:"host,omitzero"`
	Installation string    `json:"installation,omitzero"` // see state.InstallationID
	Profiles     []string  `json:"profiles,omitzero"`     // only the keys of these; empty means all
	Policy       *Policy   `json:"policy,omitzero"`       // in force now; nil while the settings are unknown

	// PolicyFrom says where each setting of Policy was set, as file:line, or "default". Managed
	// are the settings that an administrator has written for all users; nil when there are none.
	PolicyFrom map[string]string `json:"policy_from,omitzero"`
	Managed    *settings.Managed `json:"managed_settings,omitzero"`

	Looked    time.Time   `json:"looked,omitzero"` // when the last pass ended: what AWS has said since is not in the report
	History   History     `json:"history"`
	Keys      []*Key      `json:"keys"` // those of one user together, older ones first
	Rotations []*Rotation `json:"rotations"`
	Controls  []Control   `json:"controls"`

	users map[string]*user // by account and name
}

// PolicyLines says for people which settings are in force now, and where each was set.
func (r *Report) PolicyLines() []string {
	if r.Policy == nil {
		return []string{"the settings are not known"}
	}
	from := func(name, value string) string { return fmt.Sprintf("%s %s (%s)", name, value, r.PolicyFrom[name]) }
	p := r.Policy
	lines := []string{strings.Join([]string{from("rotate_after", p.RotateAfter), from("max_age", p.MaxAge), from("overlap", p.Overlap), from("quarantine", p.Quarantine)}, ", ")}
	if r.Managed != nil {
		lines = append(lines, fmt.Sprintf("managed settings: %s, sha256 %s", r.Managed.Path, r.Managed.SHA256))
	}
	return lines
}

// Policy is settings.Policy.
type Policy = settings.Policy

// History is what the check of the history has found. See state.Chain.
type History struct {
	Lines   int    `json:"lines"`
	Damaged int    `json:"damaged,omitzero"` // lines that cannot be read
	Chained int    `json:"chained"`          // lines that have a hash
	Older   int    `json:"older,omitzero"`   // lines that an older keyd wrote, without a hash
	Open    int    `json:"open,omitzero"`    // lines at the end for which no hash vouches
	Head    string `json:"head,omitzero"`    // the last hash
	Broken  string `json:"broken,omitzero"`  // what does not fit first; "" when everything does

	misfit string
}

// Misfit says for people what does not fit first; "" when everything does.
func (h History) Misfit() string { return h.misfit }

// Status is the status of a key at AWS, as far as keyd knows.
type Status string

// The statuses.
const (
	Active   Status = "Active"
	Inactive Status = "Inactive"
	Deleted  Status = "Deleted"
	Gone     Status = "gone" // AWS no longer lists it, and keyd has not deleted it
	Unknown  Status = "unknown"
)

// Key is the life of one access key.
type Key struct {
	ID       string   `json:"key"`
	Status   Status   `json:"status"`
	Profiles []string `json:"profiles,omitzero"` // that show it, or that showed it last
	User     string   `json:"user,omitzero"`
	Account  string   `json:"account,omitzero"`
	ARN      string   `json:"arn,omitzero"` // of the user; "" when AWS was not asked lately

	Created     time.Time `json:"created,omitzero"` // by AWS's list; if that is gone, when keyd made it; zero when unknown
	MadeByKeyd  bool      `json:"made_by_keyd,omitzero"`
	Shown       time.Time `json:"shown,omitzero"`       // since when the files show it; zero when keyd did not write it
	Validated   time.Time `json:"validated,omitzero"`   // when AWS first accepted the pair as it was on disk
	Superseded  time.Time `json:"superseded,omitzero"`  // since when the files show its successor
	QuietSince  time.Time `json:"quiet_since,omitzero"` // since when AWS had recorded no use by others, in the overlap; zero when unknown or in use
	Deactivated time.Time `json:"deactivated,omitzero"`
	Deleted     time.Time `json:"deleted,omitzero"`
	GoneBy      time.Time `json:"gone_by,omitzero"` // when AWS last listed the keys of its user, without this one; nobody knows since when it has been gone
	Retired     bool      `json:"retired,omitzero"` // a person ended it without a successor
	Replaces    string    `json:"replaces,omitzero"`
	ReplacedBy  string    `json:"replaced_by,omitzero"`

	LastUse   *remote.Use `json:"last_use,omitzero"`    // by anyone but keyd; nil when none is known; with a zero time, when there was none
	UseDenied bool        `json:"use_denied,omitzero"`  // AWS refused to say it
	AgeDays   int         `json:"age_days"`             // full days that it was Active, or is; -1 when unknown
	Policy    *Policy     `json:"policy,omitzero"`      // in force at the last action; the one in force now for a key without any
	Verdicts  []Verdict   `json:"verdicts,omitzero"`    // nil when the age is unknown
	WhoAsked  string      `json:"who_asked,omitzero"`   // for the rotation that made it, or for its last action
	Actions   []*Action   `json:"actions,omitzero"`     // what keyd did to it, oldest first
	Rotating  bool        `json:"in_rotation,omitzero"` // a rotation is in progress

	activeFor time.Duration // how long it was Active, or is
	hurried   bool          // nobody has asked AWS, or waited, whether it was quiet
	listedAt  time.Time     // when AWS last listed it
	endpoint  string        // which one listed it, or was asked to change it; as in Action.Endpoint
	uses      []time.Time   // when keyd noticed that it was used after its successor was in the files
}

// Action is one entry of the history.
type Action struct {
	Line         int              `json:"line"` // in history.jsonl, from 1
	Time         time.Time        `json:"time"`
	Did          string           `json:"did"`
	KeyID        string           `json:"key"`
	Profiles     []string         `json:"profiles,omitzero"`
	User         string           `json:"user,omitzero"`
	Account      string           `json:"account,omitzero"`
	Process      string           `json:"process"`
	PID          int              `json:"pid"`
	Installation string           `json:"installation,omitzero"`
	WhoAsked     string           `json:"who_asked"`
	Endpoint     string           `json:"endpoint,omitzero"` // "" for AWS in partition aws
	Files        []string         `json:"files,omitzero"`    // that show the key
	Text         string           `json:"text,omitzero"`
	Calls        []remote.Receipt `json:"calls,omitzero"` // a call without a request id got no answer, or keyd was killed before it was recorded
	Policy       *Policy          `json:"policy,omitzero"`
	Hash         string           `json:"hash,omitzero"` // of its line; "" for a line of an older keyd
}

// Rotation is one rotation, or one retirement.
type Rotation struct {
	OldKey      string    `json:"old_key,omitzero"` // "" when the history does not tell
	NewKey      string    `json:"new_key,omitzero"` // "" while it does not exist; in a retirement, the key that signed it
	Retirement  bool      `json:"retirement,omitzero"`
	Profiles    []string  `json:"profiles,omitzero"`
	User        string    `json:"user,omitzero"`
	Account     string    `json:"account,omitzero"`
	WhoAsked    string    `json:"who_asked"`
	Began       time.Time `json:"began,omitzero"`
	Swapped     time.Time `json:"swapped,omitzero"`
	Deactivated time.Time `json:"deactivated,omitzero"`
	Ended       time.Time `json:"ended,omitzero"` // the deletion of the old key, or of the new one when it was given up; zero while it is in progress
	GivenUp     string    `json:"given_up,omitzero"`
	OldAgeDays  int       `json:"old_age_days"` // how many full days the old key had been Active at its end, or until now; -1 when unknown
	Policy      *Policy   `json:"policy,omitzero"`
	InTime      Outcome   `json:"within_max_age"` // the old key was Inactive before max_age

	Requests []string `json:"request_ids"` // AWS's request ids, in order; NotRecorded for a call whose id is lost
}

// NotRecorded stands for the request id of a call whose answer was lost, or that keyd was
// killed before it could record.
const NotRecorded = "not recorded"

// Outcome is what a test of a rule says.
type Outcome string

// The outcomes.
const (
	Pass      Outcome = "pass"
	Fail      Outcome = "fail"
	Undecided Outcome = "unknown"
)

// user is one IAM user, as AWS described it last.
type user struct {
	name, account, arn string
	keys               []*Key
}
