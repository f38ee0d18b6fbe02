package evidence_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"keyd/daemon/decide"
)

// awsReport is what AWS says about the users of sample, in its own format: the values of a real report.
const awsReport = `user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated
alice,arn:aws:iam::111122223333:user/alice,2024-01-01T00:00:00Z,false,N/A,N/A,N/A,false,true,2026-09-19T12:00:00Z,2026-11-30T10:00:00Z,eu-central-1,s3,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
Bob,arn:aws:iam::111122223333:user/Bob,2024-01-01T00:00:00Z,true,no_information,2024-01-01T00:00:00Z,N/A,true,true,2026-09-20T12:00:00Z,2026-11-25T12:00:00Z,eu-west-1,s3,true,2026-11-21T12:00:00Z,2026-11-21T12:00:00Z,us-east-1,sts,false,N/A,false,N/A
carol,arn:aws:iam::444455556666:user/carol,2024-01-01T00:00:00Z,false,N/A,N/A,N/A,false,true,2026-07-23T12:00:00Z,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A`

// TestCSVComparesWithAWSsReport: the columns are those of AWS, and what keyd knows is what AWS
// says, in the same words. The rest is no_information.
func TestCSVComparesWithAWSsReport(t *testing.T) {
	r, _ := sample(t)
	data, err := r.CSV()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	theirs, failed := csv.NewReader(strings.NewReader(awsReport)).ReadAll()
	if err != nil || failed != nil || len(ours) != len(theirs) || !slices.Equal(ours[0], theirs[0]) {
		t.Fatalf("%v, %v:\n%s", err, failed, data)
	}
	known := 0
	for i, line := range ours {
		for j, cell := range line {
			if cell == "no_information" {
				continue
			}
			if known++; cell != theirs[i][j] {
				t.Errorf("%s of %s: %s, and AWS says %s", ours[0][j], line[0], cell, theirs[i][j])
			}
		}
	}
	if known < 22+3*9 {
		t.Errorf("only %d cells are known", known)
	}
}

// TestCSVNamesNothingThatASpreadsheetObeys: IAM allows user names that begin like a formula.
func TestCSVNamesNothingThatASpreadsheetObeys(t *testing.T) {
	w := newWorld(t)
	off := decide.ListedKey{ID: "AKIA0", Status: "Inactive", Created: now.Add(-5 * day)}
	w.seen(owner{profiles: []string{"x"}, user: "=cmd,1", account: "111122223333"}, "AKIA1", nil, off, listed("AKIA1", now), listed("AKIA2", now))
	data, err := w.report().CSV()
	if err != nil || !strings.Contains(string(data), "\n\"'=cmd,1\",\"arn:") || !strings.Contains(string(data), "true,2026-11-30T12:00:00Z,no_information,no_information,no_information,true,") {
		t.Errorf("%v\n%s", err, data)
	}
}
