package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// Need is everything from which Judge concludes whether a key is needed: what AWS and
// keyd's diary say about its use, and what was found on this machine.
type Need struct {
	ID          string
	Profiles    []string // never empty
	Created     time.Time
	Use         *KeyUse   // nil when AWS was never asked
	Seen        *Seen     // what AWS said of the key and of its user's other one; nil when it was never asked
	ShownKeys   []string  // the keys that profiles here show
	OtherStore  string    // who it belongs to instead of AWS, such as "https://minio.example"; "" for AWS
	Searched    time.Time // when the machine was searched for copies; zero: never, so that the fields below mean nothing
	Copies      []NeedCopy
	Processes   []string // running programs whose environment holds the key, such as "backup (pid 812)"
	SawPrograms bool     // the environments of running programs were looked at
	AssumedBy   []string // profiles that assume a role with it (source_profile)
	IsServer    bool     // no one logs in to this machine to work: no desktop, no session of a person
	SSOSessions []string // the [sso-session] sections in the config file
	NoCLI       bool     // there is no aws command here
	CLIVersion  string   // of the aws command here, such as "2.31.4"; "" when that is not known
	CannotLogin []string // tools here that read no session of aws login, such as "terraform 1.5"
}

// NeedCopy is a file on this machine that holds the key.
type NeedCopy struct {
	Place    string // the path, with a line where there is one
	Kind     string // the kind of file, as package copies names it in Kind.ID
	Name     string // the same for people, such as "rclone configuration"
	Leftover bool   // no program reads the key there
}

// VerdictKind is what a key is for, as far as this machine shows.
type VerdictKind string

// The verdicts.
const (
	VerdictUnknown     VerdictKind = "unknown"
	VerdictUnused      VerdictKind = "unused"      // nobody uses it
	VerdictInteractive VerdictKind = "interactive" // perhaps only a person, by hand: a login would do
	VerdictNeeded      VerdictKind = "needed"      // something uses it that cannot log in
)

// Verdict is whether a key is needed, as a question for the person who knows. It is not an
// answer: AWS does not tell which machine uses a key, and what other machines hold is
// not known here.
type Verdict struct {
	Kind     VerdictKind `json:"kind"`
	Question string      `json:"question"`
	Used     string      `json:"used,omitzero"`     // what is known about the use of the key
	Evidence []string    `json:"evidence,omitzero"` // what else speaks for it, best first
	Blockers []string    `json:"blockers,omitzero"` // what on this machine speaks against what the hint proposes
	Hint     string      `json:"run,omitzero"`      // a command or a sentence that helps
}

// Judge returns the verdict about a key.
func Judge(n Need, s settings.Settings, now time.Time) Verdict {
	short := credfile.Short(n.ID)
	used, quiet := describeNeedUse(n, s, now)
	unattended := n.findUnattended()
	switch {
	case n.OtherStore != "":
		return Verdict{Kind: VerdictNeeded, Question: fmt.Sprintf("is %s still needed at %s? keyd cannot find out", short, n.OtherStore), Evidence: []string{"it belongs to " + n.OtherStore + ", which is not AWS"}}
	case quiet && len(n.Processes) == 0:
		return Verdict{Kind: VerdictUnused, Question: fmt.Sprintf("does no one need %s any more?", short), Used: used, Evidence: n.describePlaces(), Hint: n.retireHint(s, now)}
	case len(unattended)+len(n.Processes) > 0:
		return Verdict{Kind: VerdictNeeded, Question: fmt.Sprintf("does a program need %s that no one can log in for?", short), Used: used, Evidence: unattended}
	case n.IsServer:
		return Verdict{Kind: VerdictNeeded, Question: fmt.Sprintf("does this server need %s, or would a role do?", short), Used: used, Evidence: []string{"no one logs in to this machine to work"},
			Hint: "on EC2, ECS or EKS give the machine a role; elsewhere see IAM Roles Anywhere"}
	case n.Searched.IsZero() || n.Use == nil || n.Use.Denied || n.Use.Last == nil:
		return Verdict{Kind: VerdictUnknown, Question: fmt.Sprintf("who uses %s?", short), Used: used}
	}
	v := Verdict{Kind: VerdictInteractive, Question: fmt.Sprintf("is %s used only by hand, from here? then a login would do, and no key is needed", short), Used: used}
	v.Evidence = append(n.describePlaces(), "AWS does not tell from which machine a key is used")
	v.Hint, v.Blockers = n.proposeLogin(s)
	return v
}

// describeNeedUse says what is known about the use of a key, and whether it has been quiet
// for so long that it counts as unused.
func describeNeedUse(n Need, s settings.Settings, now time.Time) (used string, quiet bool) {
	u := n.Use
	f := Facts{ID: n.ID, Profiles: n.Profiles, Use: u, Seen: &Seen{Keys: []ListedKey{{ID: n.ID, Created: n.Created}}}}
	since, quiet := f.UnusedSince(s, now)
	switch {
	case u == nil || u.Read.IsZero() && !u.Denied:
		return "AWS was not asked yet", false
	case u.Denied:
		return UseUnknown(credfile.Short(n.ID), u.NoCall), false
	case u.Last != nil && u.Last.At.IsZero():
		return fmt.Sprintf("only keyd has used it since it was made, %s ago", FormatAge(now.Sub(n.Created))), quiet
	case u.Last != nil:
		return "it was " + describeUse(u.Last, now), quiet
	case since.IsZero():
		return "", false
	}
	return fmt.Sprintf("only keyd has used it since %s", since.Local().Format(dayFormat)), quiet
}

// describePlaces says what the search of this machine has found, and what it has not.
func (n *Need) describePlaces() (evidence []string) {
	if n.Searched.IsZero() {
		return []string{"this machine was not searched for copies"}
	}
	read := slices.DeleteFunc(slices.Clone(n.Copies), func(c NeedCopy) bool { return c.Leftover })
	for _, c := range read {
		evidence = append(evidence, c.describe())
	}
	if len(read) == 0 {
		evidence = append(evidence, "no other file here from which a program would read it holds it")
	}
	if len(n.Processes) == 0 && n.SawPrograms {
		evidence = append(evidence, "no running program here holds it in its environment")
	}
	if len(n.AssumedBy) > 0 {
		evidence = append(evidence, "a role is assumed with it by "+strings.Join(n.AssumedBy, ", "))
	}
	return evidence
}

// describe names the file and its kind.
func (c NeedCopy) describe() string { return fmt.Sprintf("%s holds it (%s)", c.Place, c.Name) }

// unattendedKinds are the kinds of files that a program reads when nobody is there: a
// backup, a server, a job. Their words are those of Kind.ID in package copies.
var unattendedKinds = []string{
	"resticprofile", "restic", "s3fs", "kopia", "borgmatic", "litestream", "pgbackrest", "walg", "ses-smtp",
	"container-config", "quadlet", "kubernetes-secret", "kubernetes-manifest", "helm-values", "podman-secret", "compose",
	"ci", "ci-runner", "crontab", "systemd-unit", "supervisor", "airflow", "hadoop",
}

// findUnattended says what on this machine uses the key without a person.
func (n *Need) findUnattended() (evidence []string) {
	for _, p := range n.Processes {
		evidence = append(evidence, p+" runs with it in its environment")
	}
	for _, c := range n.Copies {
		if !c.Leftover && slices.Contains(unattendedKinds, c.Kind) {
			evidence = append(evidence, c.describe())
		}
	}
	return evidence
}

// loginVersion is the first version of the AWS CLI that has aws login.
// Source: AWS CLI changelog, 2.32.0.
var loginVersion = [2]int{2, 32}

// proposeLogin returns what to use in place of a key that only a person uses, and what on
// this machine is in the way of that.
func (n *Need) proposeLogin(s settings.Settings) (run string, blockers []string) {
	profile := n.Profiles[0]
	if len(n.SSOSessions) > 0 {
		run = fmt.Sprintf("IAM Identity Center is set up here (sso-session %s): %s", n.SSOSessions[0], hint.AWSCommand("aws configure sso", profile+"-sso"))
	} else {
		run = "try it beside the key: " + hint.AWSCommand("aws login", profile+"-login") + "; when nothing uses the key any more: " + n.retireLater(s)
	}
	switch {
	case n.NoCLI:
		blockers = append(blockers, "the AWS CLI was not found here")
	case len(n.SSOSessions) == 0 && isOlder(n.CLIVersion, loginVersion):
		blockers = append(blockers, fmt.Sprintf("AWS CLI %s has no aws login: 2.32 has", n.CLIVersion))
	}
	for _, tool := range n.CannotLogin {
		blockers = append(blockers, tool+" reads no session of a login by itself")
	}
	return run, blockers
}

// retireHint says how a person ends the key now: with keyd retire, or what helps where that
// would be refused.
func (n *Need) retireHint(s settings.Settings, now time.Time) string {
	f, signer := Facts{ID: n.ID, Profiles: n.Profiles, Seen: n.Seen, Use: n.Use}, ""
	for _, id := range n.ShownKeys {
		if CanSignFor(f, id) {
			signer = id
		}
	}
	if refused := RefuseRetirement(f, s, now, signer, false); refused != nil && refused.Hint != "" {
		return refused.Hint
	}
	return n.retireLater(s)
}

// retireLater says how a person ends the key when nothing uses it any more: with keyd retire,
// and what comes before it while the settings exclude the key.
func (n *Need) retireLater(s settings.Settings) string {
	if f := (Facts{ID: n.ID, Profiles: n.Profiles}); ExcludedBy(f, s) != "" {
		return ExcludedHint("retire it", f, s)
	}
	return hint.Command("keyd retire", n.Profiles[0])
}

// isOlder reports whether a version of two or more numbers is older than what. It returns
// false for a text that is no version.
func isOlder(version string, what [2]int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	minor, minorErr := strconv.Atoi(parts[1])
	if err != nil || minorErr != nil {
		return false
	}
	return slices.Compare([]int{major, minor}, what[:]) < 0
}
