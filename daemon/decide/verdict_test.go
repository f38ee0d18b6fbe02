package decide

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
)

// TestJudge lists what a key may be for, and what keyd concludes: one question with its
// evidence, and never more than this machine shows.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * settings.Day) }
	used := func(days int) *KeyUse {
		return &KeyUse{Read: now, Last: &remote.Use{At: ago(days), Service: "ec2", Region: "eu-west-1"}}
	}
	need := func(use *KeyUse, edit func(*Need)) Need {
		n := Need{ID: "AKIAOLDOLDOLDOLDOLD1", Profiles: []string{"work"}, Created: ago(200), Use: use, Searched: now, SawPrograms: true, CLIVersion: "2.33.1"}
		if edit != nil {
			edit(&n)
		}
		return n
	}
	rows := []struct {
		name     string
		need     Need
		kind     VerdictKind
		says     []string // parts of the evidence
		blockers []string
		hint     string
	}{
		{"nobody has used it for long", need(used(90), nil), VerdictUnused, []string{"last used 90d ago by ec2 in eu-west-1", "no other file here", "no running program here"}, nil, "keyd retire work"},
		{"it was never used", need(&KeyUse{Read: now, Last: &remote.Use{}}, nil), VerdictUnused, []string{"since it was made, 200d ago"}, nil, "keyd retire work"},
		{"keyd's diary says so", need(&KeyUse{Read: now, Signed: ago(30), Quiet: ago(30)}, nil), VerdictUnused, []string{"since 24 Oct 2026"}, nil, "keyd retire work"},
		{"unused, and a backup tool holds it: the tool is named", need(used(90), func(n *Need) {
			n.Copies = []NeedCopy{{Place: "~/.config/restic.env", Kind: "restic", Name: "restic environment"}}
		}), VerdictUnused, []string{"~/.config/restic.env holds it (restic environment)"}, nil, "keyd retire work"},
		{"unused, says AWS, and a program runs with it", need(used(90), func(n *Need) { n.Processes = []string{"sync (pid 7)"} }), VerdictNeeded, []string{"sync (pid 7) runs with it", "90d ago"}, nil, ""},
		{"unused, and the machine was not searched: that is said", need(used(90), func(n *Need) { n.Searched = time.Time{} }), VerdictUnused, []string{"was not searched"}, nil, "keyd retire work"},
		{"used yesterday by hand, as it seems", need(used(1), nil), VerdictInteractive, []string{"1d ago", "AWS does not tell from which machine"}, nil, "try it beside the key: aws login --profile work-login; when nothing uses the key any more: keyd retire work"},
		{"used by hand, with Identity Center", need(used(1), func(n *Need) { n.SSOSessions = []string{"corp"} }), VerdictInteractive, nil, nil, "IAM Identity Center is set up here (sso-session corp): aws configure sso --profile work-sso"},
		{"used by hand, with an old CLI and a tool that cannot log in", need(used(1), func(n *Need) { n.CLIVersion, n.CannotLogin = "2.9.1", []string{"terraform 1.5"} }), VerdictInteractive, nil,
			[]string{"AWS CLI 2.9.1 has no aws login: 2.32 has", "terraform 1.5 reads no session of a login by itself"}, "try it"},
		{"used by hand, without a CLI", need(used(1), func(n *Need) { n.CLIVersion, n.NoCLI = "", true }), VerdictInteractive, nil, []string{"the AWS CLI was not found here"}, "try it"},
		{"used, and only a leftover and a role stand here", need(used(1), func(n *Need) {
			n.Copies, n.AssumedBy = []NeedCopy{{Place: "~/.bash_history", Kind: "shell-history", Leftover: true}}, []string{"admin"}
		}), VerdictInteractive, []string{"no other file here", "a role is assumed with it by admin"}, nil, "try it"},
		{"used, and a job holds it", need(used(1), func(n *Need) { n.Copies = []NeedCopy{{Place: "/etc/cron.d/x:3", Kind: "crontab", Name: "crontab"}} }), VerdictNeeded, []string{"/etc/cron.d/x:3 holds it (crontab)"}, nil, ""},
		{"used on a server", need(used(1), func(n *Need) { n.IsServer = true }), VerdictNeeded, []string{"no one logs in"}, nil, "on EC2"},
		{"the key of another store", need(used(1), func(n *Need) { n.OtherStore = "https://minio.example" }), VerdictNeeded, []string{"which is not AWS"}, nil, ""},
		{"used, and not searched", need(used(1), func(n *Need) { n.Searched = time.Time{} }), VerdictUnknown, []string{"1d ago"}, nil, ""},
		{"AWS does not tell", need(&KeyUse{Read: now, Denied: true}, nil), VerdictUnknown, []string{"does not tell whether"}, nil, ""},
		{"AWS was never asked", need(nil, nil), VerdictUnknown, []string{"AWS was not asked yet"}, nil, ""},
		{"quiet for too short to tell", need(&KeyUse{Read: now, Signed: ago(2), Quiet: ago(2)}, nil), VerdictUnknown, nil, nil, ""},
	}
	for _, r := range rows {
		v := Judge(r.need, settings.Default(), now)
		all := v.Used + "\n" + strings.Join(v.Evidence, "\n")
		if v.Kind != r.kind || !strings.HasPrefix(v.Hint, r.hint) || (v.Hint == "") != (r.hint == "") || !slices.Equal(v.Blockers, r.blockers) || !strings.Contains(v.Question, "?") {
			t.Errorf("%s: %+v", r.name, v)
		}
		for _, part := range r.says {
			if !strings.Contains(all, part) {
				t.Errorf("%s: %q is not in\n%s", r.name, part, all)
			}
		}
	}
}
