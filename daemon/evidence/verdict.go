package evidence

import (
	"time"

	"keyd/daemon/settings"
)

// Day is how long a day of an age is.
const day = settings.Day

// auditLimit is the age, in days, that the benchmarks of auditors allow.
const auditLimit = 90

// Rounding is how a rule compares an age with its limit. Those of auditors differ on the
// day that counts.
type Rounding string

// The roundings.
const (
	OverFullDays Rounding = "> full days"  // the age in full days, cut, is more than the limit: fails at 91 d 0 h
	AtLeast      Rounding = ">= days"      // fails at 90 d 0 h
	Over         Rounding = "> days"       // fails right after 90 d 0 h
	OwnLimit     Rounding = "> max_age"    // the limit is max_age of keyd.ini, at that time
	Dates        Rounding = "dates known"  // the dates of activation and deactivation are recorded
	KeysOfUser   Rounding = "> 1 key"      // the user has more than one Active key
	Unused       Rounding = "unused >= 45" // the key was not used for 45 days
)

// Verdict is what one tool says about the age of a key.
type Verdict struct {
	Tool    string   `json:"tool"`
	Rule    string   `json:"rule"`
	Round   Rounding `json:"rounding"`
	Outcome Outcome  `json:"outcome"`
}

// tools are the programs that test the age of access keys, with their rules.
// Sources: Prowler, check iam_rotate_access_key_90_days (timedelta.days > 90); Steampipe,
// control iam_user_access_key_age_90 (create_date <= now - 90 days); AWS Config, managed
// rule access-keys-rotated with maxAccessKeyAge 90.
var tools = []struct {
	name, rule string
	round      Rounding
}{
	{"Prowler", "iam_rotate_access_key_90_days", OverFullDays},
	{"Steampipe", "iam_user_access_key_age_90", AtLeast},
	{"AWS Config", "access-keys-rotated", Over},
}

// test compares the age of a key with limit.
func (r Rounding) test(age, limit time.Duration) Outcome {
	failed := false
	switch r {
	case OverFullDays:
		failed = age/day > limit/day
	case AtLeast:
		failed = age >= limit
	default:
		failed = age > limit
	}
	if failed {
		return Fail
	}
	return Pass
}

// verdictsOn returns what each tool says about a key that is Active for age, or was.
func verdictsOn(age time.Duration) (all []Verdict) {
	for _, t := range tools {
		all = append(all, Verdict{t.name, t.rule, t.round, t.round.test(age, auditLimit*day)})
	}
	return all
}

// Disagree reports whether the tools differ about a key.
func (k *Key) Disagree() bool {
	for _, v := range k.Verdicts {
		if v.Outcome != k.Verdicts[0].Outcome {
			return true
		}
	}
	return false
}

// Worst returns fail if any tool says so.
func (k *Key) Worst() Outcome {
	if len(k.Verdicts) == 0 {
		return Undecided
	}
	for _, v := range k.Verdicts {
		if v.Outcome == Fail {
			return Fail
		}
	}
	return Pass
}

// withinOwn tests the age of a key against max_age as it was.
func withinOwn(age time.Duration, p *Policy) Outcome {
	limit, err := settings.ParseDuration(maxAge(p))
	if err != nil || limit == 0 {
		return Undecided
	}
	return OwnLimit.test(age, limit)
}

func maxAge(p *Policy) string {
	if p == nil {
		return ""
	}
	return p.MaxAge
}
