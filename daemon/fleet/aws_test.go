package fleet_test

import (
	"encoding/json"
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
