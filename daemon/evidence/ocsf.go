package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/state"
)

// ocsfVersion is the version of the schema. Its released versions have no activity for a
// change of keys; 1.9.0-dev is the main branch of ocsf/ocsf-schema, which deprecates the
// class that had one.
const ocsfVersion = "1.9.0-dev"

// The numbers of the schema that keyd uses.
// Source: ocsf-schema, events/iam/user_management.json, events/findings/compliance_finding.json,
// objects/account.json, dictionary.json.
const (
	ocsfIAM            = 3
	ocsfUserManagement = 3007
	ocsfUpdate         = 2
	ocsfAddCredentials = 18
	ocsfDelCredentials = 19

	ocsfFindings   = 2
	ocsfCompliance = 2003
	ocsfCreate     = 1

	ocsfInformational = 1
	ocsfLow           = 2
	ocsfMedium        = 3
	ocsfUnknown       = 0
	ocsfSuccess       = 1
	ocsfAWSAccount    = 10
	ocsfOther         = 99
	ocsfPerson        = 1 // the type of a user that is no root, system or service
)

type ocsfMetadata struct {
	Version     string      `json:"version"`
	Product     ocsfProduct `json:"product"`
	Profiles    []string    `json:"profiles,omitzero"`
	UID         string      `json:"uid,omitzero"`
	LogName     string      `json:"log_name,omitzero"`
	Sequence    int         `json:"sequence,omitzero"`
	Correlation string      `json:"correlation_uid,omitzero"`
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version"`
}

type ocsfAccount struct {
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfCredential struct {
	UID      string `json:"uid"`
	Type     string `json:"type"`
	LastUsed int64  `json:"last_used_time,omitzero"`
}

type ocsfUser struct {
	Name        string           `json:"name,omitzero"`
	UID         string           `json:"uid,omitzero"`
	TypeID      int              `json:"type_id"`
	Account     *ocsfAccount     `json:"account,omitzero"`
	Credentials []ocsfCredential `json:"programmatic_credentials,omitzero"`
}

type ocsfCloud struct {
	Provider string       `json:"provider"`
	Region   string       `json:"region,omitzero"`
	Account  *ocsfAccount `json:"account,omitzero"`
}

type ocsfAPI struct {
	Operation string `json:"operation"`
	Service   struct {
		Name string `json:"name"`
	} `json:"service"`
	Request  *ocsfRequest  `json:"request,omitzero"`
	Response *ocsfResponse `json:"response,omitzero"`
}

type ocsfRequest struct {
	UID string `json:"uid"`
}

type ocsfResponse struct {
	Error string `json:"error"`
}

type ocsfActor struct {
	App     string `json:"app_name"`
	AppUID  string `json:"app_uid,omitzero"`
	Process struct {
		Name string `json:"name"`
		PID  int    `json:"pid"`
	} `json:"process"`
}

// ocsfEvent is what both classes have in common.
type ocsfEvent struct {
	Activity int            `json:"activity_id"`
	Category int            `json:"category_uid"`
	Class    int            `json:"class_uid"`
	Type     int            `json:"type_uid"`
	Time     int64          `json:"time"` // milliseconds since 1970
	Severity int            `json:"severity_id"`
	Message  string         `json:"message"`
	Metadata ocsfMetadata   `json:"metadata"`
	Cloud    ocsfCloud      `json:"cloud"`
	Unmapped map[string]any `json:"unmapped,omitzero"`
}

// ocsfChange is an event of class 3007, User Management.
type ocsfChange struct {
	ocsfEvent
	Status  int       `json:"status_id"`
	Actor   ocsfActor `json:"actor"`
	User    ocsfUser  `json:"user"`
	Updated *ocsfUser `json:"updated_user,omitzero"`
	API     *ocsfAPI  `json:"api,omitzero"`
}

// OCSF returns the report as events of the Open Cybersecurity Schema Framework, one JSON
// object a line: what keyd did to the keys, oldest first, then a finding about the age of
// each key that is Active. An entry of the history that changed no key is no event.
func (r *Report) OCSF() ([]byte, error) {
	var text bytes.Buffer
	var changes []ocsfChange
	for _, k := range r.Keys {
		for _, a := range k.Actions {
			if event := r.changeOf(k, a); event != nil {
				changes = append(changes, *event)
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b ocsfChange) int { return cmp.Compare(a.Metadata.Sequence, b.Metadata.Sequence) })
	for _, event := range changes {
		if err := writeLine(&text, event); err != nil {
			return nil, err
		}
	}
	for _, k := range r.Keys {
		if k.Status != Active {
			continue
		}
		if err := writeLine(&text, r.findingOn(k)); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// writeLine adds value to text, as JSON on one line.
func writeLine(text *bytes.Buffer, value any) error {
	line, err := json.Marshal(value)
	text.Write(append(line, '\n'))
	return err
}

// ocsfActivities are the activities that the actions of keyd are, by what it did.
var ocsfActivities = map[string]int{
	"created": ocsfAddCredentials, "deleted": ocsfDelCredentials,
	"deactivated": ocsfUpdate, "revived": ocsfUpdate, "described": ocsfUpdate, "called AWS": ocsfUpdate,
}

// changeOf returns the event of an action, or nil when it changed nothing at AWS.
func (r *Report) changeOf(k *Key, a *Action) *ocsfChange {
	activity, changes := ocsfActivities[a.Did]
	if !changes {
		return nil
	}
	e := ocsfChange{ocsfEvent: r.newEvent(k, ocsfIAM, ocsfUserManagement, activity, a.Time), Status: ocsfSuccess, User: r.ocsfUser(k)}
	e.Severity, e.Message = ocsfInformational, fmt.Sprintf("keyd %s access key %s of %s", a.Did, k.ID, cmp.Or(k.User, "an unknown user"))
	e.Metadata.UID, e.Metadata.LogName, e.Metadata.Sequence, e.Metadata.Correlation = a.Hash, "history.jsonl", a.Line, cmp.Or(k.Replaces, k.ID)
	e.Actor.App, e.Actor.AppUID, e.Actor.Process.Name, e.Actor.Process.PID = "keyd", a.Installation, "keyd "+a.Process, a.PID
	if activity == ocsfUpdate {
		updated := e.User
		e.Updated = &updated
	}
	if c := mainCall(a); c != nil {
		e.API, e.Cloud.Region = apiOf(c), c.Region
		if c.Outcome == remote.Unknown {
			e.Status = ocsfUnknown
		}
	}
	e.Unmapped = map[string]any{"who_asked": a.WhoAsked, "note": a.Text, "request_ids": requestsOf(a), "policy": a.Policy}
	return &e
}

// mainCall returns the call that an action is named after, or the last one; nil without any.
func mainCall(a *Action) *remote.Receipt {
	names := map[string]string{"created": "CreateAccessKey", "deleted": "DeleteAccessKey", "deactivated": "UpdateAccessKey", "revived": "UpdateAccessKey"}
	for i, c := range a.Calls {
		if c.Call == names[a.Did] && c.KeyID == a.KeyID {
			return &a.Calls[i]
		}
	}
	if n := len(a.Calls); n > 0 {
		return &a.Calls[n-1]
	}
	return nil
}

func apiOf(c *remote.Receipt) *ocsfAPI {
	api := &ocsfAPI{Operation: c.Call}
	api.Service.Name = cmp.Or(c.Endpoint, "iam")
	if c.RequestID != "" {
		api.Request = &ocsfRequest{c.RequestID}
	}
	if c.Code != "" {
		api.Response = &ocsfResponse{c.Code}
	}
	return api
}

// requestsOf returns the request ids of an action.
func requestsOf(a *Action) []string {
	ids := []string{}
	for _, c := range a.Calls {
		ids = append(ids, c.Call+" "+cmp.Or(c.RequestID, NotRecorded))
	}
	return ids
}

// newEvent returns what each event has.
func (r *Report) newEvent(k *Key, category, class, activity int, at time.Time) ocsfEvent {
	name, version, _ := strings.Cut(r.Program, " ")
	return ocsfEvent{Activity: activity, Category: category, Class: class, Type: class*100 + activity, Time: at.UnixMilli(),
		Metadata: ocsfMetadata{Version: ocsfVersion, Product: ocsfProduct{cmp.Or(name, "keyd"), "keyd", cmp.Or(version, "unknown")}, Profiles: []string{"cloud"}},
		Cloud:    ocsfCloud{Provider: k.provider(), Account: accountOf(k)}}
}

// accountOf returns the account of a key; nil when it is unknown.
func accountOf(k *Key) *ocsfAccount {
	if k.Account == "" {
		return nil
	}
	if !k.isAWS() {
		return &ocsfAccount{k.Account, ocsfOther, "account of another IAM"}
	}
	return &ocsfAccount{k.Account, ocsfAWSAccount, "AWS Account"}
}

// isAWS reports whether the key is AWS's, by its shape and by who was asked about it: other
// IAMs hand out other ids, though some copy AWS's shape.
func (k *Key) isAWS() bool {
	return strings.HasPrefix(k.ID, "AKIA") && !state.IsCustomEndpoint(k.endpoint)
}

// provider returns whose key it is.
func (k *Key) provider() string {
	if k.isAWS() {
		return "AWS"
	}
	return "other"
}

// credentialType returns what OCSF calls the key.
func (k *Key) credentialType() string {
	if k.isAWS() {
		return "AWS access key"
	}
	return "access key"
}

// ocsfUser returns the user of a key, with that key.
func (r *Report) ocsfUser(k *Key) ocsfUser {
	credential := ocsfCredential{UID: k.ID, Type: k.credentialType()}
	if k.LastUse != nil && !k.LastUse.At.IsZero() {
		credential.LastUsed = k.LastUse.At.UnixMilli()
	}
	return ocsfUser{Name: cmp.Or(k.User, "unknown"), UID: k.ARN, TypeID: ocsfPerson, Account: accountOf(k), Credentials: []ocsfCredential{credential}}
}
