package evidence

import "time"

// Control is one control of a framework that an access key can fail, and the keys that do.
type Control struct {
	Framework string   `json:"framework"`
	Versions  string   `json:"versions"`
	ID        string   `json:"control"`
	Asks      string   `json:"asks"`
	Round     Rounding `json:"rounding"`
	Outcome   Outcome  `json:"outcome"`            // of the Active keys in this report; not a judgement of the whole control
	Failing   []string `json:"failing,omitzero"`   // key ids
	Undecided []string `json:"undecided,omitzero"` // key ids of which too little is known
}

// controls are the controls, by framework, the newest version last. What an Active key must
// satisfy is the rounding; several ask for more than that, which no program can test.
// Sources: CIS Amazon Web Services Foundations Benchmark 1.4 to 7.0; PCI DSS 4.0.1; NIST SP
// 800-53 revision 5; BSI C5:2025; Commission Implementing Regulation (EU) 2024/2690; FINOS
// Common Cloud Controls; AICPA trust services criteria; ISO/IEC 27001:2022, annex A; 45 CFR
// 164.308; FedRAMP 20x; 21 CFR 11.300.
var controls = []Control{
	{Framework: "CIS AWS Foundations", Versions: "1.4, 1.5, 2.0, 3.0, 4.0", ID: "1.14", Asks: "access keys are rotated every 90 days or less", Round: Over},
	{Framework: "CIS AWS Foundations", Versions: "5.0", ID: "1.13", Asks: "access keys are rotated every 90 days or less", Round: Over},
	{Framework: "CIS AWS Foundations", Versions: "6.0", ID: "2.13", Asks: "access keys are rotated every 90 days or less", Round: Over},
	{Framework: "CIS AWS Foundations", Versions: "7.0", ID: "2.12", Asks: "access keys are rotated every 90 days or less", Round: Over},
	{Framework: "CIS AWS Foundations", Versions: "1.4, 1.5, 2.0, 3.0, 4.0", ID: "1.12", Asks: "credentials unused for 45 days or more are disabled", Round: Unused},
	{Framework: "CIS AWS Foundations", Versions: "5.0", ID: "1.11", Asks: "credentials unused for 45 days or more are disabled", Round: Unused},
	{Framework: "CIS AWS Foundations", Versions: "6.0, 7.0", ID: "2.11", Asks: "credentials unused for 45 days or more are disabled", Round: Unused},
	{Framework: "CIS AWS Foundations", Versions: "1.4, 1.5, 2.0, 3.0, 4.0", ID: "1.13", Asks: "a user has only one active access key, outside of a rotation", Round: KeysOfUser},
	{Framework: "CIS AWS Foundations", Versions: "5.0", ID: "1.12", Asks: "a user has only one active access key, outside of a rotation", Round: KeysOfUser},
	{Framework: "CIS AWS Foundations", Versions: "6.0", ID: "2.12", Asks: "a user has only one active access key, outside of a rotation", Round: KeysOfUser},
	{Framework: "PCI DSS", Versions: "4.0.1", ID: "8.6.3", Asks: "passwords of application accounts are changed as often as the entity's risk analysis (12.3.1) says, and on suspicion of compromise", Round: OwnLimit},
	{Framework: "NIST SP 800-53", Versions: "r5", ID: "IA-5(f)", Asks: "authenticators are changed or refreshed after a defined time, or after defined events", Round: OwnLimit},
	{Framework: "NIS2, Regulation (EU) 2024/2690", Versions: "2024", ID: "11.6.2(c)", Asks: "credentials are changed initially, at predefined intervals and upon suspicion", Round: OwnLimit},
	{Framework: "NIS2, Regulation (EU) 2024/2690", Versions: "2024", ID: "9.2(c)(xii)", Asks: "keys have dates of activation and deactivation", Round: Dates},
	{Framework: "BSI C5", Versions: "2025", ID: "CRY-09.02B", Asks: "keys have dates of activation and deactivation", Round: Dates},
	{Framework: "FINOS Common Cloud Controls", Versions: "CCC.IAM", ID: "CN06.AR01", Asks: "a static credential that is 90 days old or older is rotated", Round: AtLeast},
	{Framework: "SOC 2", Versions: "2017, points of focus 2022", ID: "CC6.1, CC6.2, CC6.3", Asks: "logical access follows the entity's own policy", Round: OwnLimit},
	{Framework: "ISO/IEC 27001", Versions: "2022", ID: "A.5.15 to A.5.18, A.8.24", Asks: "authentication information and keys follow the entity's own rules", Round: OwnLimit},
	{Framework: "HIPAA", Versions: "45 CFR", ID: "164.308(a)(5)(ii)(D)", Asks: "there are procedures for creating, changing and safeguarding passwords", Round: OwnLimit},
	{Framework: "FedRAMP 20x", Versions: "KSI", ID: "KSI-IAM-07", Asks: "the lifecycle of accounts and credentials is managed", Round: OwnLimit},
	{Framework: "21 CFR part 11", Versions: "11.300", ID: "11.300(b)", Asks: "identification codes are periodically checked, recalled or revised", Round: OwnLimit},
}

// unusedLimit is after how many days the benchmarks count a key as unused.
const unusedLimit = 45 * day

// testControls applies every control to the Active keys.
func (r *Report) testControls() {
	for _, c := range controls {
		c.Outcome = Pass
		for _, k := range r.Keys {
			switch r.apply(c.Round, k) {
			case Fail:
				c.Failing = append(c.Failing, k.ID)
			case Undecided:
				c.Undecided = append(c.Undecided, k.ID)
			}
		}
		switch {
		case len(c.Failing) > 0:
			c.Outcome = Fail
		case len(c.Undecided) > 0:
			c.Outcome = Undecided
		}
		r.Controls = append(r.Controls, c)
	}
}

// apply tests one key by the rounding of a control. A key that is not Active fails none.
func (r *Report) apply(by Rounding, k *Key) Outcome {
	known := !k.Created.IsZero()
	switch {
	case by == Dates:
		if !known || (k.Status == Inactive || k.Status == Gone) && k.Deactivated.IsZero() {
			return Undecided
		}
		return Pass
	case k.Status == Unknown:
		return Undecided
	case k.Status != Active:
		return Pass
	case by == KeysOfUser:
		return r.testSingle(k)
	case by == Unused:
		return k.testUnused(r.Made)
	case !known:
		return Undecided
	case by == OwnLimit:
		return withinOwn(k.activeFor, k.Policy)
	}
	return by.test(k.activeFor, auditLimit*day)
}

// testSingle reports whether the user has no other Active key. Both keys of a rotation in
// progress pass: the benchmarks have two slots for that.
func (r *Report) testSingle(k *Key) Outcome {
	of := r.users[k.owner()]
	if of == nil { // nobody knows whose key it is
		return Undecided
	}
	for _, other := range of.keys { // a report for one profile does not show them all
		if other != k && other.Status == Active && !k.Rotating && !other.Rotating {
			return Fail
		}
	}
	return Pass
}

// testUnused reports whether somebody used the key in the last 45 days. A key that is younger
// than that passes.
func (k *Key) testUnused(now time.Time) Outcome {
	switch {
	case !k.Created.IsZero() && now.Sub(k.Created) < unusedLimit:
		return Pass
	case k.LastUse == nil, k.LastUse.At.IsZero() && k.Created.IsZero(): // a key that nobody has used may be a new one
		return Undecided
	case now.Sub(k.LastUse.At) >= unusedLimit:
		return Fail
	}
	return Pass
}
