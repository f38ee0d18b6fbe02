package fleet_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// event is what CloudTrail records of a call.
type event struct {
	action, key, agent, ip string
	at                     time.Time
}

// field returns a field of the event by the name that Elastic has for it.
func (e event) field(name string) string {
	return map[string]string{"user_agent.original": e.agent, "event.action": e.action, "source.ip": e.ip}[name]
}

// office is an address of the company, in the network of the exception.
const office, elsewhere = "203.0.113.7", "198.51.100.9"

// rotation returns the events of a whole rotation as keyd's calls are at the wire, and the id
// of the new key.
func rotation(t *testing.T) (events []event, newKey string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 100*settings.Day)
		l.RunUntil(40*settings.Day, lab.Settled)
		newKey = l.ShownID()
		for _, c := range l.Cloud.Calls() {
			if c.Code == "" && c.Effect {
				events = append(events, event{c.Action, c.KeyID, c.Agent, office, c.At})
			}
		}
	})
	return events, newKey
}

// agentsOf returns user agents, that of keyd from a real call.
func agentsOf(t *testing.T) map[string]string {
	t.Helper()
	agents := map[string]string{"console": "AWS Internal", "cli": "aws-cli/2.31.4 md/awscrt#0.27.6 md/command#iam.create-access-key", "boto": "Boto3/1.40 md/Botocore#1.40 app/backup"}
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 3*settings.Day)
		l.PassOnce(rotate.Request{Options: decide.Options{Manual: true}})
		agents["keyd"] = l.Cloud.Calls()[0].Agent
	})
	if !strings.Contains(agents["keyd"], "app/keyd-") {
		t.Fatalf("keyd calls itself %q", agents["keyd"])
	}
	return agents
}

// matchPattern is what EventBridge does with a pattern, as far as this one goes.
// Source: Amazon EventBridge user guide, "Comparison operators for use in event patterns".
func matchPattern(t *testing.T, pattern, e map[string]any) bool {
	t.Helper()
	for name, want := range pattern {
		value, found := e[name]
		if inner, ok := want.(map[string]any); ok {
			below, _ := value.(map[string]any)
			if !matchPattern(t, inner, below) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(want.([]any), func(one any) bool {
			if text, ok := one.(string); ok {
				return value == text
			}
			rule := one.(map[string]any)
			if exists, ok := rule["exists"].(bool); ok {
				return found == exists
			}
			but, ok := rule["anything-but"].(map[string]any)["wildcard"].(string)
			if !ok {
				t.Fatalf("the test does not understand %v", rule)
			}
			return found && !matchWildcard(but, value.(string))
		}) {
			return false
		}
	}
	return true
}

// matchWildcard reports whether a text matches a pattern with * for any text.
func matchWildcard(pattern, text string) bool {
	bar := strings.NewReplacer("/", "|") // a * of path.Match ends at a slash
	ok, err := path.Match(bar.Replace(pattern), bar.Replace(text))
	return ok && err == nil
}

// TestEventBridgePattern: keys that keyd makes, deactivates and deletes match nothing; the
// same by anyone else matches, and a refused call does not.
func TestEventBridgePattern(t *testing.T) {
	var pattern map[string]any
	data, err := os.ReadFile(filepath.Join(recipes, "aws/eventbridge.json"))
	if err != nil || json.Unmarshal(data, &pattern) != nil {
		t.Fatalf("the pattern: %v", err)
	}
	of := func(action, agent string) map[string]any {
		return map[string]any{"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": map[string]any{"eventSource": "iam.amazonaws.com", "eventName": action, "userAgent": agent}}
	}
	events, _ := rotation(t)
	seen := map[string]bool{}
	for _, e := range events {
		seen[e.action] = true
		if matchPattern(t, pattern, of(e.action, e.agent)) {
			t.Errorf("keyd's %s matches", e.action)
		}
	}
	for _, action := range []string{"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"} {
		if !seen[action] {
			t.Errorf("the rotation has no %s", action)
		}
		for name, agent := range agentsOf(t) {
			if got := matchPattern(t, pattern, of(action, agent)); got != (name != "keyd") {
				t.Errorf("%s by %s: matches is %t", action, name, got)
			}
		}
	}
	refused := of("CreateAccessKey", "AWS Internal")
	refused["detail"].(map[string]any)["errorCode"] = "AccessDenied"
	if matchPattern(t, pattern, refused) || matchPattern(t, pattern, of("ListAccessKeys", "AWS Internal")) {
		t.Error("a call that changes nothing matches")
	}
}

// seenFor is how long Elastic's rule remembers with which address it has seen a key.
const seenFor = 10 * settings.Day

// firstSeen is Elastic's rule "AWS IAM Long-Term Access Key First Seen from Source IP": a
// successful call signed with a long-term key, from an address that the key was not seen
// with in the ten days before. It returns the events that match. What the exception excludes
// is not seen either: Kibana adds it to the query of the history as well.
// Source: elastic/detection-rules, credential_access_iam_long_term_access_key_first_seen_from_source_ip.toml;
// elastic/kibana, create_new_terms_alert_type.ts, where one filter serves all phases.
func firstSeen(t *testing.T, events []event, x exception) (alerts []event) {
	last := map[string]time.Time{}
	for _, e := range events {
		if !strings.HasPrefix(e.key, "AKIA") || x.excludes(t, e) {
			continue
		}
		pair := e.key + " " + e.ip
		if before, seen := last[pair]; !seen || e.at.Sub(before) > seenFor {
			alerts = append(alerts, e)
		}
		last[pair] = e.at
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

// TestElasticException: the rule fires for a key that keyd has just made, because no new key
// was ever seen before. With the exception, a whole rotation is silent, and nothing of a thief
// is who has the new key, or who calls himself keyd.
func TestElasticException(t *testing.T) {
	x := readException(t)
	events, newKey := rotation(t)
	of := func(alerts []event) (actions []string) {
		for _, e := range alerts {
			actions = append(actions, e.action)
		}
		return actions
	}
	if got := of(firstSeen(t, events, exception{})); !slices.Equal(got, []string{"GetAccessKeyLastUsed", "GetCallerIdentity"}) {
		t.Errorf("without the exception, the rule fires for %v", got)
	}
	if got := of(firstSeen(t, events, x)); !slices.Equal(got, []string{"CreateAccessKey"}) { // nobody else has used the old key
		t.Errorf("with the exception, the rule fires for %v", got)
	}
	old := events[0].key
	own := event{"GetObject", old, "Boto3/1.40 app/backup", office, events[0].at.Add(-settings.Day)}
	used := append([]event{own}, events...)
	if got := firstSeen(t, used, x); len(got) != 1 || got[0] != own {
		t.Errorf("the owner uses the old key, and the rule fires for %v", got)
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
		alerts := firstSeen(t, append(slices.Clone(used), thief), x)
		if last := alerts[len(alerts)-1]; len(alerts) != 2 || last != thief {
			t.Errorf("%s: the alerts are %v", name, alerts)
		}
	}
}
