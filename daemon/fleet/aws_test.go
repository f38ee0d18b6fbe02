package fleet_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// event is what CloudTrail records of a call.
type event struct{ action, key, agent, ip string }

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
				events = append(events, event{c.Action, c.KeyID, c.Agent, office})
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

// firstSeen is Elastic's rule "AWS IAM Long-Term Access Key First Seen from Source IP": a
// successful call signed with a long-term key, from an address that the key was not seen
// with in the ten days before. It returns the events that match; all of these are in one
// such window.
// Source: elastic/detection-rules, credential_access_iam_long_term_access_key_first_seen_from_source_ip.toml.
func firstSeen(events []event) (alerts []event) {
	seen := map[string]bool{}
	for _, e := range events {
		if pair := e.key + " " + e.ip; strings.HasPrefix(e.key, "AKIA") && !seen[pair] {
			seen[pair] = true
			alerts = append(alerts, e)
		}
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
// was ever seen before. The exception excludes that, and nothing of a thief who has the new
// key, or who calls himself keyd.
func TestElasticException(t *testing.T) {
	x := readException(t)
	events, newKey := rotation(t)
	i := slices.IndexFunc(events, func(e event) bool { return e.key == newKey })
	if i < 1 {
		t.Fatal("the new key signs nothing, or the old one has not")
	}
	keydAlerts := firstSeen(events[i:])
	if len(keydAlerts) != 1 || keydAlerts[0].key != newKey || !x.excludes(t, keydAlerts[0]) {
		t.Errorf("the alerts about keyd are %v, and should be one that the exception excludes", keydAlerts)
	}
	keyd := agentsOf(t)["keyd"]
	for name, thief := range map[string]event{
		"the new key from elsewhere":                 {"GetCallerIdentity", newKey, "aws-cli/2.31.4", elsewhere},
		"as keyd, from elsewhere":                    {"GetCallerIdentity", newKey, keyd, elsewhere},
		"as keyd, from an address of IPv6":           {"ListAccessKeys", newKey, keyd, "2001:db8::1"},
		"another key as keyd, from elsewhere":        {"ListAccessKeys", "AKIAIOSFODNN7EXAMPLE", keyd, elsewhere},
		"another key as keyd, making a key, at home": {"CreateAccessKey", "AKIAIOSFODNN7EXAMPLE", keyd, office},
		"another key, at home, without keyd's name":  {"ListAccessKeys", "AKIAIOSFODNN7EXAMPLE", "Boto3/1.40 app/backup", office},
		"another key as keyd, reading data, at home": {"GetObject", "AKIAIOSFODNN7EXAMPLE", keyd, office},
	} {
		alerts := firstSeen(append(slices.Clone(events), thief))
		if last := alerts[len(alerts)-1]; last != thief || x.excludes(t, thief) {
			t.Errorf("%s: the alerts are %s, excluded is %t", name, fmt.Sprint(alerts), x.excludes(t, thief))
		}
	}
}
