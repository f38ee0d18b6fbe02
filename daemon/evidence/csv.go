package evidence

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"slices"
	"strings"
	"time"

	"keyd/daemon/iam/remote"
)

// csvColumns are the columns of AWS's credential report, in its order.
// Source: IAM user guide, "Generate credential reports for your AWS account". The guide has
// one more, additional_credentials_info, for users with more than two keys; the reports that
// AWS makes have it for nobody else.
var csvColumns = []string{
	"user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active",
	"access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service",
	"access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date", "access_key_2_last_used_region", "access_key_2_last_used_service",
	"cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
}

// The words of the credential report. The guide writes TRUE and FALSE; the reports that AWS
// makes have small letters, and the programs that read them compare them as they are.
// Source: a report recorded at AWS in 2026 (github.com/radkawar/stackd,
// testdata/aws/iam/credential_report.json); Prowler and Steampipe compare with "true".
const (
	yes           = "true"
	no            = "false"
	notApplicable = "N/A"            // it is not there
	noInformation = "no_information" // it is not known
)

// CSV returns the report with the columns of AWS's credential report: one line for each user
// that has a key in the report, in the order of their names, whatever their case. A column
// that keyd knows nothing about is no_information. The keys are in the order of their ids.
//
// Unlike in AWS's report, keyd's own calls are no use of a key.
func (r *Report) CSV() ([]byte, error) {
	var users []*user
	for _, u := range r.users {
		if slices.ContainsFunc(u.keys, func(k *Key) bool { return slices.Contains(r.Keys, k) }) {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, func(a, b *user) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), strings.Compare(a.account, b.account))
	})
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	lines := [][]string{csvColumns}
	for _, u := range users {
		lines = append(lines, u.csvLine())
	}
	if err := w.WriteAll(lines); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Unowned returns the ids of the keys that are in the report and not in its csv, which has a
// line for each user: AWS has not told keyd yet whose they are. Keys that have ended, which
// AWS's report does not have either, are not among them.
func (r *Report) Unowned() (ids []string) {
	for _, k := range r.Keys {
		if k.User == "" && k.Status != Deleted && k.Status != Gone {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// csvLine returns the line of a user. Of more than two keys, the Active and newer ones are in it.
func (u *user) csvLine() []string {
	keys := slices.DeleteFunc(slices.Clone(u.keys), func(k *Key) bool { return k.Status != Active && k.Status != Inactive })
	slices.SortFunc(keys, func(a, b *Key) int {
		return cmp.Or(strings.Compare(string(a.Status), string(b.Status)), b.Created.Compare(a.Created))
	})
	keys = keys[:min(len(keys), 2)]
	slices.SortFunc(keys, func(a, b *Key) int { return strings.Compare(a.ID, b.ID) })
	line := []string{safeCell(u.name), cmp.Or(safeCell(u.arn), noInformation)}
	for range 6 { // the password and MFA
		line = append(line, noInformation)
	}
	for i := range 2 {
		if i >= len(keys) {
			line = append(line, no, notApplicable, notApplicable, notApplicable, notApplicable)
			continue
		}
		line = append(line, keys[i].csvCells()...)
	}
	for range 4 { // certificates
		line = append(line, noInformation)
	}
	return line
}

// csvCells returns the five columns of a key.
func (k *Key) csvCells() []string {
	active := no
	if k.Status == Active {
		active = yes
	}
	return append([]string{active, csvTime(k.Created, noInformation)}, csvUse(k.LastUse)...)
}

// csvUse returns the date, the region and the service of a use.
func csvUse(use *remote.Use) []string {
	switch {
	case use == nil:
		return []string{noInformation, noInformation, noInformation}
	case use.At.IsZero():
		return []string{notApplicable, notApplicable, notApplicable}
	}
	return []string{csvTime(use.At, notApplicable), cmp.Or(safeCell(use.Region), notApplicable), cmp.Or(safeCell(use.Service), notApplicable)}
}

// csvTime writes a time as the credential report does: in UTC, in whole seconds.
func csvTime(t time.Time, unknown string) string {
	if t.IsZero() {
		return unknown
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// safeCell keeps a spreadsheet from taking a name for a formula. IAM allows names that begin
// with one of these; a diff shows the mark.
func safeCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
