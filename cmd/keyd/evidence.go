package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/evidence"
	"keyd/daemon/state"
)

const evidenceLong = `Report what became of every key: how old it is, which rotation replaced it and
when, who asked for that, and AWS's request ids, from the history and the state.
CloudTrail has the same request ids; "not recorded" stands for a call whose answer
was lost, or that keyd was killed before it could record. No call to AWS is made,
unless --verify is given, and nothing is changed.

--format says who it is for:
  text   for a person
  json   one object: version (1), made, since, program, host, installation,
         policy, looked, history, keys, rotations and controls; all ids are
         complete
  csv    the columns of AWS's credential report, one line for each user; what
         keyd does not know is no_information, and keyd's own calls do not count
         as uses of a key
  html   one page for an auditor, which loads nothing from elsewhere, with a
         picture of the life of each key
  ocsf   one JSON object a line: events of class 3007, User Management, and
         findings of class 2003, Compliance Finding, of OCSF 1.9.0-dev

The rules of auditors differ on the 90th day: Prowler fails a key that is more than
90 full days old, Steampipe one of 90 days or more, AWS Config one of more than 90
days. The report has all three verdicts, and the controls of the frameworks with the
rule of each.

--verify checks that no line of the history was changed: each has a hash of itself
and of all lines above. It names the first line that does not fit, and exits with 1.
Then it asks AWS for the hashes that keyd has put into the descriptions of the keys,
and compares them. It names what it could not compare; with --offline AWS is not asked.
A history that was rewritten as a whole shows only in that comparison, or in the
TagUser events of CloudTrail. This takes the permission iam:ListUserTags.`

const evidenceExample = `  keyd report
  keyd report --format html > access-keys.html
  keyd report --format csv --profile work | cut -d, -f1,9-10
  keyd report --since 365d --format json | jq '.rotations[] | .request_ids'
  keyd report --verify`

// evidenceFormats are the values of --format.
var evidenceFormats = []string{"text", "json", "csv", "html", "ocsf"}

// evidenceOptions are the flags of keyd report.
type evidenceOptions struct {
	format, since   string
	profiles        []string
	verify, offline bool
}

func newEvidenceCommand(a *app) *cobra.Command {
	var o evidenceOptions
	cmd := &cobra.Command{
		Use:               "report [PROFILE...]",
		Short:             "show the evidence for an auditor, or verify the history",
		Long:              evidenceLong,
		Example:           evidenceExample,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: a.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.profiles = append(slices.Clone(args), o.profiles...)
			if o.verify {
				if o.since != "" || o.format != "text" && o.format != "json" {
					return usageError("keyd report --verify", "--verify checks the whole history, as text or json: it takes no --since and no other --format")
				}
				return a.verifyHistory(cmd.Context(), o)
			}
			if o.offline {
				return usageError("keyd report --verify --offline", "--offline is for --verify: without it, AWS is never asked")
			}
			return a.reportEvidence(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", "text", strings.Join(evidenceFormats, ", "))
	cmd.Flags().StringVar(&o.since, "since", "", "leave out what ended before: a duration such as 365d, or a day such as 2026-01-01")
	cmd.Flags().StringArrayVar(&o.profiles, "profile", nil, "only the keys of this profile, as an argument does; may be repeated")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "check that no line of the history was changed")
	cmd.Flags().BoolVar(&o.offline, "offline", false, "with --verify: do not ask AWS")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(evidenceFormats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("profile", a.completeProfiles(-1))
	return cmd
}

// reportEvidence prints the report.
func (a *app) reportEvidence(ctx context.Context, o evidenceOptions) error {
	if !slices.Contains(evidenceFormats, o.format) {
		return usageError(suggestNearest(o.format, slices.Clone(evidenceFormats), "keyd report -h"), "--format must be %s, not %q", credfile.JoinChoices(evidenceFormats), o.format)
	}
	since, err := a.parseSince(o.since, "keyd report --since 365d")
	if err != nil {
		return err
	}
	r, err := a.makeEvidence(ctx, o.profiles, since)
	if err != nil {
		return err
	}
	var data []byte
	switch o.format {
	case "json":
		data, err = r.JSON()
	case "csv":
		data, err = r.CSV()
	case "ocsf":
		data, err = r.OCSF()
	case "html":
		data = r.HTML()
	default:
		data = []byte(a.term.evidenceText(r))
	}
	if err != nil {
		return err
	}
	a.term.print(string(data))
	if len(r.Keys) == 0 && o.format != "text" {
		a.term.printNote("there is no key in this report: no pass has found one, and the history has none")
	}
	if ids := r.Unowned(); o.format == "csv" && len(ids) > 0 {
		for i := range ids {
			ids[i] = shortID(ids[i])
		}
		a.term.printNote("not in the csv, which has a line for each user, because AWS has not told whose they are: %s", joinNames(ids))
	}
	if r.History.Broken != "" {
		a.term.printNote("the history: %s; see: keyd report --verify", r.History.Misfit())
	}
	return nil
}

// makeEvidence reads what a report is made from.
func (a *app) makeEvidence(ctx context.Context, profiles []string, since time.Time) (*evidence.Report, error) {
	loc, err := a.openLocations()
	if err != nil {
		return nil, err
	}
	record, err := loc.openHistory().ReadRecord()
	if err != nil {
		return nil, err
	}
	if err := a.checkInHistory(ctx, loc, record.Entries, profiles, "keyd report"); err != nil {
		return nil, err
	}
	status, err := state.LoadStatusAndMemoryFrom(loc.sys, loc.folders.StateDir)
	if err != nil {
		return nil, err
	}
	rotations, problems := loc.openJournal().Load(ctx)
	for _, p := range problems {
		a.term.printNote("%v", p)
	}
	inForce, err := loc.settingsFile().Read()
	if err != nil {
		inForce = loc.settingsFile().Effective()
		a.term.printNote("%v; the report has the last good settings", err)
	}
	installation, err := state.FindInstallationID(loc.sys, loc.folders.StateDir)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	return evidence.Make(evidence.Source{Now: a.now(), Since: since, Profiles: profiles, Program: buildVersion(), Host: host, Installation: installation,
		History: record, Status: status, Rotations: rotations, Settings: inForce}), nil
}

// openHistory returns the history.
func (loc locations) openHistory() state.History {
	return state.OpenHistory(loc.folders.StateDir, loc.sys)
}
