package rotate

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/state"
)

// installationID returns the id of this installation of keyd. The first pass makes
// one. A dry run makes none, and returns "" while there is none.
func (d *Rotator) installationID() (string, error) {
	switch {
	case d.Installation != "":
		return d.Installation, nil
	case d.readOnly:
		return state.FindInstallationID(d.Sys, d.StateDir)
	}
	return state.InstallationID(d.Sys, d.StateDir)
}

// checkOwner returns an error when an endpoint names an owner of the key that cannot
// be its owner: a key never changes its account or its user. Such an endpoint is not
// where the key lives, whatever the environment says. Nothing is created or retired
// there, and what it says is not remembered as a fact about the key.
//
// AWS itself is contradicted by a rotation in progress only. A custom endpoint is
// contradicted by whatever another endpoint has said, and by the account in the key
// id, unless it is a stand-in on this machine with an account that it makes up.
func (d *Rotator) checkOwner(t *target, who remote.Identity) error {
	if r := t.facts.Rotation; r != nil && r.Account != "" && (who.Account != r.Account || !who.IsUser || r.UserID != "" && who.UserID != r.UserID) {
		return d.wrongOwner(t, who, fmt.Sprintf("its rotation is of a key of %s", cmp.Or(r.ARN, r.User+" in account "+r.Account)))
	}
	if iam.CustomEndpoints(t.endpoints) == "" {
		return nil
	}
	for _, place := range slices.Sorted(maps.Keys(t.elsewhere)) {
		if seen := t.elsewhere[place].Seen; seen != nil && seen.Account != "" && !isOwner(seen, who) {
			return d.wrongOwner(t, who, fmt.Sprintf("%s said %s", describePlace(place), seen.ARN))
		}
	}
	account, revealed := decide.AccountFromID(t.facts.ID)
	if revealed && account != who.Account && !(iam.OnThisMachine(t.endpoints) && slices.Contains(standInAccounts[:], who.Account)) {
		return d.wrongOwner(t, who, "its id is one of account "+account)
	}
	return nil
}

// standInAccounts are the accounts that stand-ins of AWS make up for every key.
// Source: the documentation of LocalStack ("Accounts") and moto ("DEFAULT_ACCOUNT_ID").
var standInAccounts = [...]string{"000000000000", "123456789012"}

// isOwner reports whether who can be the owner that was seen. The unique id of a user
// decides where both are known, because users are renamed and moved.
func isOwner(seen *decide.Seen, who remote.Identity) bool {
	switch {
	case seen.Account != who.Account || seen.Root != who.Root || (seen.User != "") != who.IsUser:
		return false
	case seen.UserID != "" && who.UserID != "" && who.IsUser:
		return seen.UserID == who.UserID
	}
	return seen.User == who.User
}

// describePlace returns who answers at an endpoint, named as in KeyStatus.Endpoint.
func describePlace(endpoint string) string {
	switch {
	case endpoint == "":
		return "AWS"
	case strings.Contains(endpoint, "://"):
		return endpoint
	}
	return "AWS (partition " + endpoint + ")"
}

// wrongOwner returns the error for an endpoint that names a wrong owner of the key.
func (d *Rotator) wrongOwner(t *target, who remote.Identity, known string) error {
	asked := iam.CustomEndpoints(t.endpoints)
	run := hint.AWSCommand("aws sts get-caller-identity", t.facts.Profiles[0])
	if asked != "" {
		run = d.endpointRemedy(t)
	}
	return &needPersonError{text: fmt.Sprintf("%s says that %s belongs to %s, but %s: nothing was changed", cmp.Or(asked, "AWS"), credfile.Short(t.facts.ID), who.ARN, known), hint: run}
}

// hostName returns the name of this machine, for people; "" when it has none.
func (d *Rotator) hostName() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return cmp.Or(d.Host, host)
}
