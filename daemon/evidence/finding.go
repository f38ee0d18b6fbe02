package evidence

import (
	"fmt"
	"slices"

	"keyd/daemon/settings"
)

// The results of a check, in the schema's numbers.
// Source: ocsf-schema, objects/compliance.json and objects/check.json.
const (
	ocsfPass = 1
	ocsfWarn = 2
	ocsfFail = 3
)

type ocsfCheck struct {
	Name      string   `json:"name"`
	UID       string   `json:"uid"`
	Desc      string   `json:"desc"`
	StatusID  int      `json:"status_id"`
	Standards []string `json:"standards,omitzero"`
}

// ocsfFinding is an event of class 2003, Compliance Finding.
type ocsfFinding struct {
	ocsfEvent
	Finding struct {
		UID   string   `json:"uid"`
		Title string   `json:"title"`
		Desc  string   `json:"desc"`
		Types []string `json:"types"`
	} `json:"finding_info"`
	Compliance struct {
		Control      string      `json:"control"`
		Standards    []string    `json:"standards"`
		Requirements []string    `json:"requirements"`
		StatusID     int         `json:"status_id"`
		Details      []string    `json:"status_details"`
		Checks       []ocsfCheck `json:"checks"`
	} `json:"compliance"`
	Resources []ocsfResource `json:"resources"`
}

type ocsfResource struct {
	UID   string    `json:"uid"`
	Type  string    `json:"type"`
	Owner *ocsfUser `json:"owner,omitzero"`
}

// findingOn returns the finding about the age of a key: passed when every tool says so, failed
// when every tool says so, and a warning when they differ or the age is unknown.
func (r *Report) findingOn(k *Key) ocsfFinding {
	f := ocsfFinding{ocsfEvent: r.newEvent(k, ocsfFindings, ocsfCompliance, ocsfCreate, r.Made)}
	f.Finding.UID, f.Finding.Title, f.Finding.Types = "keyd-access-key-age/"+k.ID, "The age of an access key", []string{"access key age"}
	f.Compliance.Control = "access keys are rotated every 90 days or less"
	for _, c := range controls {
		if c.Round == Over || c.Round == AtLeast {
			f.Compliance.Standards = append(f.Compliance.Standards, c.Framework+" "+c.Versions)
			f.Compliance.Requirements = append(f.Compliance.Requirements, c.Framework+" "+c.Versions+": "+c.ID)
		}
	}
	f.Compliance.Standards = slices.Compact(f.Compliance.Standards)
	f.Compliance.StatusID, f.Severity, f.Message = ocsfWarn, ocsfLow, "the age of access key "+k.ID+" is unknown"
	for _, v := range k.Verdicts {
		check := ocsfCheck{Name: v.Tool, UID: v.Rule, Desc: fmt.Sprintf("age %s %d", v.Round, auditLimit), StatusID: ocsfPass}
		if v.Outcome == Fail {
			check.StatusID = ocsfFail
		}
		f.Compliance.Checks = append(f.Compliance.Checks, check)
		f.Compliance.Details = append(f.Compliance.Details, fmt.Sprintf("%s (%s %d): %s", v.Tool, v.Round, auditLimit, v.Outcome))
	}
	if len(k.Verdicts) > 0 {
		f.Message = fmt.Sprintf("access key %s is %s old", k.ID, settings.FormatCount(k.AgeDays, "day", "days"))
		switch {
		case k.Worst() == Pass:
			f.Compliance.StatusID, f.Severity = ocsfPass, ocsfInformational
		case !k.Disagree():
			f.Compliance.StatusID, f.Severity = ocsfFail, ocsfMedium
		}
	}
	if f.Compliance.Details == nil {
		f.Compliance.Details, f.Compliance.Checks = []string{f.Message}, []ocsfCheck{}
	}
	f.Finding.Desc = f.Message
	owner := r.ocsfUser(k)
	f.Resources = []ocsfResource{{UID: k.ID, Type: k.credentialType(), Owner: &owner}}
	f.Metadata.UID = fmt.Sprintf("%s/%d", f.Finding.UID, f.Time)
	return f
}
