package fleet_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/settings"
)

// seenFor is how long a rule of Elastic remembers what it has seen.
const seenFor = 10 * settings.Day

// newTerm is a rule of Elastic that fires for an event whose term it has not seen in the ten
// days before. It returns the term, or "" for an event that the rule does not look at. All
// events are of one user.
// Source: elastic/detection-rules, of the names below.
type newTerm func(event) string

// newTerms are the rules that a key which is rotated by its own user matches:
// credential_access_iam_long_term_access_key_first_seen_from_source_ip.toml and
// discovery_new_terms_sts_getcalleridentity.toml.
var newTerms = map[string]newTerm{
	"AWS IAM Long-Term Access Key First Seen from Source IP": func(e event) string {
		if !strings.HasPrefix(e.key, "AKIA") {
			return ""
		}
		return e.key + " " + e.ip
	},
	"AWS STS GetCallerIdentity API Called for the First Time": func(e event) string {
		if e.action != "GetCallerIdentity" {
			return ""
		}
		return "the user"
	},
}

// alertsOf returns the events for which a rule fires. What the exception excludes is not seen
// either: Kibana adds it to the query of the history as well.
// Source: elastic/kibana, create_new_terms_alert_type.ts, where one filter serves all phases.
func (fires newTerm) alertsOf(t *testing.T, events []event, x exception) (alerts []event) {
	last := map[string]time.Time{}
	for _, e := range events {
		term := fires(e)
		if term == "" || x.excludes(t, e) {
			continue
		}
		if before, seen := last[term]; !seen || e.at.Sub(before) > seenFor {
			alerts = append(alerts, e)
		}
		last[term] = e.at
	}
	return alerts
}

// exception is an exception item of Elastic: all entries have to match.
type exception struct {
	exceptionList
	ItemID  string `json:"item_id"`
	Entries []struct {
		Field, Operator, Type string
		Value                 any
	}
}

// exceptionList is the list of an item, and what both have in common.
type exceptionList struct {
	Type, Name, Description string
	ListID                  string `json:"list_id"`
	Namespace               string `json:"namespace_type"`
}

// readException reads the exception. Kibana refuses an item whose list is neither there nor in
// the same file, and a list or an item without one of these fields.
// Source: elastic/kibana, importExceptionsListSchema, importExceptionListItemSchema, and
// sortExceptionItemsToCreateOrUpdate.
func readException(t *testing.T) (x exception) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recipes, "aws/elastic-exception.ndjson"))
	list, item, _ := strings.Cut(strings.TrimSuffix(string(data), "\n"), "\n")
	var l exceptionList
	if err != nil || json.Unmarshal([]byte(list), &l) != nil || json.Unmarshal([]byte(item), &x) != nil {
		t.Fatalf("the exception: %v", err)
	}
	if l.Type != "detection" || l.ListID == "" || l.Name == "" || l.Description == "" || x.Type != "simple" || x.ItemID == "" || x.Name == "" || x.Description == "" || x.ListID != l.ListID || x.Namespace != l.Namespace {
		t.Errorf("Kibana does not import the item %+v of the list %+v", x, l)
	}
	return x
}

func (x exception) excludes(t *testing.T, e event) bool {
	t.Helper()
	for _, entry := range x.Entries {
		value, ok := e.field(entry.Field), false
		switch {
		case entry.Operator != "included" || value == "":
			t.Fatalf("the test does not understand %+v", entry)
		case entry.Type == "wildcard":
			ok = matchWildcard(entry.Value.(string), value)
		case entry.Type == "match_any":
			ok = slices.ContainsFunc(entry.Value.([]any), func(one any) bool {
				if network, err := netip.ParsePrefix(one.(string)); err == nil {
					return network.Contains(netip.MustParseAddr(value))
				}
				return one == value
			})
		default:
			t.Fatalf("the test does not understand %+v", entry)
		}
		if !ok {
			return false
		}
	}
	return len(x.Entries) > 0
}

// TestElasticException: one rule fires for a key that keyd has just made, because a new key has
// never been seen before, and another because keyd asks whose it is. The exception silences a
// whole rotation, and nothing done by a thief who has the new key or poses as keyd.
func TestElasticException(t *testing.T) {
	x := readException(t)
	for name := range newTerms {
		if page, err := os.ReadFile(filepath.Join(recipes, "README.md")); err != nil || !strings.Contains(string(page), name) {
			t.Errorf("README.md does not name %q: %v", name, err)
		}
	}
	firstSeen, firstAsked := newTerms["AWS IAM Long-Term Access Key First Seen from Source IP"], newTerms["AWS STS GetCallerIdentity API Called for the First Time"]
	events, newKey := rotation(t)
	of := func(alerts []event) (actions []string) {
		for _, e := range alerts {
			actions = append(actions, e.action)
		}
		return actions
	}
	if got := of(firstSeen.alertsOf(t, events, exception{})); !slices.Equal(got, []string{"GetAccessKeyLastUsed", "GetCallerIdentity"}) {
		t.Errorf("without the exception, the rule fires for %v", got)
	}
	if got := of(firstSeen.alertsOf(t, events, x)); !slices.Equal(got, []string{"CreateAccessKey"}) { // nobody else has used the old key
		t.Errorf("with the exception, the rule fires for %v", got)
	}
	old := events[0].key
	own := event{"GetObject", old, "Boto3/1.40 app/backup", office, events[0].at.Add(-settings.Day)}
	used := append([]event{own}, events...)
	if got := firstSeen.alertsOf(t, used, x); len(got) != 1 || got[0] != own {
		t.Errorf("the owner uses the old key, and the rule fires for %v", got)
	}
	if before, after := firstAsked.alertsOf(t, events, exception{}), firstAsked.alertsOf(t, events, x); len(before) == 0 || len(after) > 0 {
		t.Errorf("the other rule fires for %v, and with the exception for %v", of(before), of(after))
	}
	keyd, end := agentsOf(t)["keyd"], events[len(events)-1].at.Add(time.Minute)
	for name, thief := range map[string]event{
		"the new key from elsewhere":                 {"GetCallerIdentity", newKey, "aws-cli/2.31.4", elsewhere, end},
		"as keyd, from elsewhere":                    {"GetCallerIdentity", newKey, keyd, elsewhere, end},
		"as keyd, from an address of IPv6":           {"ListAccessKeys", newKey, keyd, "2001:db8::1", end},
		"another key as keyd, from elsewhere":        {"ListAccessKeys", "AKIAIOSFODNN7EXAMPLE", keyd, elsewhere, end},
		"another key as keyd, making a key, at home": {"CreateAccessKey", "AKIAIOSFODNN7EXAMPLE", keyd, office, end},
		"another key as keyd, a session, at home":    {"GetSessionToken", "AKIAIOSFODNN7EXAMPLE", keyd, office, end},
		"another key, at home, without keyd's name":  {"ListAccessKeys", "AKIAIOSFODNN7EXAMPLE", "Boto3/1.40 app/backup", office, end},
		"another key as keyd, reading data, at home": {"GetObject", "AKIAIOSFODNN7EXAMPLE", keyd, office, end},
	} {
		alerts := firstSeen.alertsOf(t, append(slices.Clone(used), thief), x)
		if last := alerts[len(alerts)-1]; len(alerts) != 2 || last != thief {
			t.Errorf("%s: the alerts are %v", name, alerts)
		}
		if alerts := firstAsked.alertsOf(t, append(slices.Clone(used), thief), x); thief.action == "GetCallerIdentity" && len(alerts) != 1 {
			t.Errorf("%s: the alerts of the other rule are %v", name, alerts)
		}
	}
}
