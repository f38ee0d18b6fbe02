package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// policies reads the policies of Fleet: their YAML needs no more than this.
func policies(t *testing.T) (all []map[string]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recipes, "osquery/policies.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n") {
		switch name, value, _ := strings.Cut(strings.TrimLeft(line, "- "), ": "); {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "    "):
			all[len(all)-1]["query"] += line[4:] + "\n"
		case strings.HasPrefix(line, "- "):
			all = append(all, map[string]string{name: value})
		case strings.HasPrefix(line, "  ") && name != "query":
			all[len(all)-1][name] = value
		case line != "  query: |":
			t.Fatalf("osquery/policies.yml: the test does not understand %q", line)
		}
	}
	return all
}

// runQueries lets Python's SQLite, which is what osquery is made of, run queries on tables,
// and returns the rows of each.
const runQueries = `
import json, sqlite3, sys
asked = json.load(sys.stdin)
rows = []
for one in asked:
    db = sqlite3.connect(":memory:")
    for name, table in one["tables"].items():
        db.execute("CREATE TABLE %s (%s)" % (name, ", ".join(table["columns"])))
        for row in table["rows"] or []:
            db.execute("INSERT INTO %s VALUES (%s)" % (name, ", ".join("?" * len(row))), row)
    rows.append([list(row) for row in db.execute(one["query"])])
print(json.dumps(rows))
`

type table struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

type question struct {
	Query  string           `json:"query"`
	Tables map[string]table `json:"tables"`
}

func askSQLite(t *testing.T, questions []question) (answers [][][]any) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed here: the queries were read, and not run")
	}
	text, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "-c", runQueries)
	c.Stdin, c.Stderr = strings.NewReader(string(text)), os.Stderr
	out, err := c.Output()
	if err != nil || json.Unmarshal(out, &answers) != nil || len(answers) != len(questions) {
		t.Fatalf("the queries: %v\n%s", err, out)
	}
	return answers
}

// TestOsqueryPolicies runs every policy on every machine, with the tables as fleetd fills
// them.
func TestOsqueryPolicies(t *testing.T) {
	homes := map[string][2]string{"darwin": {"/Users/", "/Library/Application Support/keyd-aws/fleet.json"}, "linux": {"/home/", "/.local/state/keyd-aws/fleet.json"},
		"windows": {`C:\Users\`, `\AppData\Local\keyd-aws\fleet.json`}}
	fails := map[string]string{"overdue": "No AWS access key", "unknown": "No AWS access key", "silent": "keyd has looked", "forged": "keyd has looked", "not JSON": "keyd has looked", "none": "AWS credentials"}
	var questions []question
	var names []string
	for machine, users := range machines(t) {
		for _, p := range policies(t) {
			files, parsed, people := table{Columns: []string{"path", "size"}}, table{Columns: []string{"path", "key", "parent", "fullkey", "value"}}, table{Columns: []string{"username", "directory"}}
			for user, text := range users {
				home := homes[p["platform"]][0] + user
				path := home + homes[p["platform"]][1]
				credentials := home + "/.aws/credentials"
				if p["platform"] == "windows" {
					credentials = home + `\.aws\credentials`
				}
				people.Rows = append(people.Rows, []any{user, home})
				files.Rows = append(files.Rows, []any{credentials, 116})
				if text == nil {
					continue
				}
				files.Rows = append(files.Rows, []any{path, len(text)})
				var record map[string]any
				if err := json.Unmarshal(text, &record); err != nil && machine != "forged" && machine != "not JSON" { // parse_json gives no rows for what is no JSON
					t.Fatal(err)
				}
				for name, value := range record {
					if n, ok := value.(float64); ok {
						value = int64(n)
					}
					parsed.Rows = append(parsed.Rows, []any{path, name, "", name, fmt.Sprint(value)}) // every value of osquery is a text
				}
			}
			questions = append(questions, question{p["query"], map[string]table{"file": files, "parse_json": parsed, "users": people}})
			names = append(names, machine+": "+p["name"])
		}
	}
	if len(questions) != 8*9 {
		t.Fatalf("there are %d questions", len(questions))
	}
	for i, rows := range askSQLite(t, questions) {
		machine, policy, _ := strings.Cut(names[i], ": ")
		want := fails[machine] == "" || !strings.HasPrefix(policy, fails[machine])
		if passes := len(rows) == 1; passes != want {
			t.Errorf("%s: passes is %t", names[i], passes)
		}
	}
}

// TestAthenaQuery runs the query on a table of CloudTrail's columns.
func TestAthenaQuery(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(recipes, "aws/athena.sql"))
	if err != nil {
		t.Fatal(err)
	}
	query := strings.ReplaceAll(string(data), "useridentity.arn", "arn") // SQLite has no structures
	agents := agentsOf(t)
	const alice, eve = "arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/eve"
	trail := table{Columns: []string{"arn", "useragent", "sourceipaddress", "eventtime", "eventsource", "eventname", "errorcode"}, Rows: [][]any{
		{alice, agents["keyd"], "203.0.113.7", "2026-06-01T10:00:00Z", "iam.amazonaws.com", "CreateAccessKey", nil},
		{alice, agents["keyd"], "203.0.113.7", "2026-08-01T10:00:00Z", "iam.amazonaws.com", "CreateAccessKey", ""},
		{alice, agents["keyd"], "203.0.113.7", "2026-08-01T10:00:01Z", "iam.amazonaws.com", "CreateAccessKey", "LimitExceeded"},
		{alice, agents["keyd"], "203.0.113.7", "2026-08-01T10:00:02Z", "iam.amazonaws.com", "ListAccessKeys", nil},
		{eve, agents["console"], "198.51.100.9", "2026-07-01T10:00:00Z", "iam.amazonaws.com", "CreateAccessKey", nil},
		{eve, agents["console"], "198.51.100.9", "2025-07-01T10:00:00Z", "iam.amazonaws.com", "CreateAccessKey", nil},
	}}
	got := fmt.Sprint(askSQLite(t, []question{{query, map[string]table{"cloudtrail_logs": trail}}})[0])
	if want := fmt.Sprintf("[[%s 1 0 1 1 2026-07-01T10:00:00Z] [%s 2 2 0 1 2026-08-01T10:00:00Z]]", eve, alice); got != want {
		t.Errorf("the query answers %s, want %s", got, want)
	}
}

// datadogStand stands in for the Agent's own module, and prints what the check sends.
const datadogStand = `
import glob, json, os, sys, types
sent = []
class AgentCheck:
    OK, CRITICAL = 0, 2
    def gauge(self, name, value): sent.append([name, value])
    def service_check(self, name, status): sent.append([name, status])
base = types.ModuleType("datadog_checks.base"); base.AgentCheck = AgentCheck
sys.modules["datadog_checks"] = types.ModuleType("datadog_checks"); sys.modules["datadog_checks.base"] = base
code = {}
exec(compile(open(sys.argv[1]).read(), "keyd.py", "exec"), code)
for path in sys.argv[2:]:
    for home in glob.glob(path.split("*")[0] + "*/.local/state/keyd-aws"):
        if not os.path.exists(home + "/fleet.json") and len(glob.glob(path)) == 1 and hasattr(os, "mkfifo"): os.mkfifo(home + "/fleet.json")
    sent.append(["machine", path]); code["KeydCheck"]().check({"path": path})
print(json.dumps(sent))
`

func TestDatadogCheck(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed here: the check was not run")
	}
	order := []string{"ok", "overdue", "silent", "not JSON", "none", "broken", "negative", "endless", "pipe"}
	argv := []string{"-c", datadogStand, filepath.Join(recipes, "datadog/keyd.py")}
	all := machines(t)
	good := all["overdue"]["bob"]
	all["broken"] = map[string][]byte{"ann": []byte("{"), "bob": good}
	all["negative"] = map[string][]byte{"ann": bytes.Replace(good, []byte(`"overdue":1`), []byte(`"overdue":-1`), 1), "bob": good}
	all["endless"] = map[string][]byte{"ann": bytes.Replace(good, []byte(`"overdue":1`), []byte(`"overdue":Infinity`), 1), "bob": good}
	all["pipe"] = map[string][]byte{"ann": nil, "bob": good}
	for _, name := range order {
		argv = append(argv, filepath.Join(writeHomes(t, ".local/state/keyd-aws", all[name]), "*/.local/state/keyd-aws/fleet.json"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, python, argv...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var sent [][2]any
	if err := json.Unmarshal(out, &sent); err != nil {
		t.Fatal(err)
	}
	got, machine := map[string]float64{}, -1
	for _, s := range sent {
		name := fmt.Sprint(s[0])
		if name == "machine" {
			machine++
			continue
		}
		got[order[machine]+" "+strings.TrimPrefix(name, "keyd.")] = s[1].(float64)
	}
	for name, want := range map[string]float64{"ok keys": 3, "ok oldest_age_days": 60, "ok overdue": 0, "ok file": 0, "overdue overdue": 1, "overdue needs_person": 1, "overdue max_age_days": 90, "not JSON file": 2,
		"ok files": 2, "none files": 0, "broken file": 2, "broken overdue": 1, "negative file": 2, "negative overdue": 1, "endless file": 2, "endless overdue": 1, "pipe overdue": 1} {
		if value, found := got[name]; !found || value != want {
			t.Errorf("%s is %v, %t", name, value, found)
		}
	}
	if silent := got["silent silent_seconds"]; silent < 5*86400 || silent > 5*86400+600 {
		t.Errorf("the silent machine has been silent for %v s", silent)
	}
	for _, name := range []string{"none keys", "not JSON keys"} {
		if _, found := got[name]; found {
			t.Errorf("%s was sent", name)
		}
	}
}
