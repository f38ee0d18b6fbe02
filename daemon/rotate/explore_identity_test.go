package rotate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
)

// identityLies are the fates in which an endpoint knows every key and lists the right ones,
// and only names another owner of the key that asks: what a proxy, a stand-in or a wrong
// host in the configuration may do.
var identityLies = []fate{
	identityLie("other user", lab.Account, "arn:aws:iam::"+lab.Account+":user/eve", "AIDAEVEEVEEVEEVEEVE23"),
	identityLie("user of that name", lab.Account, "arn:aws:iam::"+lab.Account+":user/alice", "AIDAEVEEVEEVEEVEEVE23"),
	identityLie("other account", otherAccount, "arn:aws:iam::"+otherAccount+":user/alice", "AIDAEVEEVEEVEEVEEVE23"),
	identityLie("other partition", lab.Account, "arn:aws-cn:iam::"+lab.Account+":user/alice", "AIDAEVEEVEEVEEVEEVE23"),
	identityLie("no ARN", lab.Account, "", "AIDAEVEEVEEVEEVEEVE23"),
	identityLie("role", lab.Account, "arn:aws:sts::"+lab.Account+":assumed-role/admin/alice", "AROAEVEEVEEVEEVEEVE23:alice"),
	identityLie("root", lab.Account, "arn:aws:iam::"+lab.Account+":root", lab.Account),
}

var identityFields = regexp.MustCompile(`<(Arn|UserId|Account)>[^<]*</`)

// identityLie returns the fate in which GetCallerIdentity names this owner of every key.
func identityLie(name, account, arn, userID string) fate {
	fields := map[string]string{"Arn": arn, "UserId": userID, "Account": account}
	return fate{name: "identity: " + name, kinds: []kind{query}, only: "GetCallerIdentity", lasts: true, rank: inSingles,
		lie: func(_ *take, _ string, resp *http.Response) *http.Response {
			if resp.StatusCode != http.StatusOK { // it refuses a key that AWS refuses, too
				return resp
			}
			return changeBody(resp, func(text string) string {
				return identityFields.ReplaceAllStringFunc(text, func(field string) string {
					name, _, _ := strings.Cut(strings.TrimPrefix(field, "<"), ">")
					return "<" + name + ">" + fields[name] + "</"
				})
			})
		}}
}

// phase is one take in which keyd asks whose a key is.
type phase struct {
	name    string
	setting setting
	scene   *scene
	faults  []fault // the command that is run, if it is no pass, and what else happens
}

// TestNobodyElseIsBelieved: in each phase, and at each question whose a key is, an endpoint
// names another owner from then on. From then on keyd creates no key, and takes none away.
func TestNobodyElseIsBelieved(t *testing.T) {
	t.Parallel()
	for _, p := range identityPhases(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			base := p.setting.runTake(t, p.scene, p.faults, nil, false)
			if len(base.violations) > 0 {
				t.Fatal(base.violations)
			}
			asked := 0
			for i, e := range base.effects {
				if e.what != "GetCallerIdentity" {
					continue
				}
				asked++
				for j := range identityLies {
					r := p.setting.runTake(t, p.scene, slices.Concat(p.faults, []fault{{i + 1, &identityLies[j]}}), nil, false)
					if len(r.violations) > 0 {
						t.Errorf("question %d, %s: %v", asked, identityLies[j].name, r.violations)
					}
					for _, c := range r.changesAfter(i + 1) {
						t.Errorf("question %d, %s: then %s %s; %s: %s", asked, identityLies[j].name, c.Action, c.Asked, r.result.State, r.result.Why)
					}
				}
			}
			if asked == 0 {
				t.Error("nothing was asked")
			}
			t.Logf("%d questions", asked)
		})
	}
}

// changesAfter returns the calls that have changed a key after effect number n of the take.
// UpdateAccessKey to Active changes nothing in the preflight, and otherwise is what a person
// has asked for.
func (r *take) changesAfter(n int) (changes []awssim.Call) {
	for i, c := range r.called {
		if i > n && (c.Action == "CreateAccessKey" || c.Action == "DeleteAccessKey" || c.Asked == "Inactive") {
			changes = append(changes, c)
		}
	}
	return changes
}

// identityPhases returns a take of each phase.
func identityPhases(t *testing.T) []phase {
	s := setting{name: "at once", proofRounds: 2}
	first := s.firstScene()
	command := func(name string) []fault { return []fault{{atStart, fateNamed(t, name)}} }
	overlap := s.sceneAfter(t, first, decide.StateOverlap)
	deactivate := s.sceneBefore(t, overlap, "UpdateAccessKey")
	quarantine := s.sceneAfter(t, deactivate, decide.StateQuarantine)
	dead := s.deadKeyScene(t, "console: newest off")
	created := slices.IndexFunc(s.runTake(t, first, nil, nil, false).effects, func(e effect) bool { return e.what == "CreateAccessKey" }) + 1
	lost := s.runTake(t, first, []fault{{created, fateNamed(t, "done+lost")}}, nil, false).scene
	aside := s.sceneBefore(t, lost, "UpdateAccessKey")
	strange := s.runTake(t, first, []fault{{created + 1 + slices.IndexFunc(s.runTake(t, first, nil, nil, false).effects[created:], func(e effect) bool { return e.what == "GetCallerIdentity" }), &identityLies[0]}}, nil, false).scene
	guarded, young := mfaExplorations[0], s
	guarded.age, young.age = 50*settings.Day, 50*settings.Day // AWS is asked before a key is due, so that later it can be contradicted
	due := young.sceneBefore(t, young.firstScene(), "CreateAccessKey")
	query := slices.IndexFunc(s.runTake(t, overlap, command("keyd rotate"), nil, false).effects, func(e effect) bool { return e.kind == query }) + 1
	known := retiring.runTake(t, retiring.firstScene(), nil, nil, false).scene
	retire := retiring.runTake(t, retiring.firstScene(), []fault{{atStart, &keydRetire}}, nil, false).scene
	return []phase{
		{"begin", young, due, nil},
		{"begin by hand", young, due, command("keyd rotate")},
		{"deactivate", s, deactivate, nil},
		{"delete", s, s.sceneBefore(t, quarantine, "DeleteAccessKey"), nil},
		{"delete-now", s, overlap, command("keyd rotate --delete-now")},
		{"hold in the quarantine", s, quarantine, command("keyd hold")},
		{"hold of a dead key", s, dead, command("keyd hold")},
		{"a dead key", s, overlap, append(command("keyd rotate"), fault{query, fateNamed(t, "console: newest off")})},
		{"give up", s, s.sceneBefore(t, strange, "DeleteAccessKey"), nil},
		{"set aside", s, aside, nil},
		{"drop", s, s.sceneBefore(t, aside, "DeleteAccessKey"), nil},
		{"codes", guarded, guarded.sceneBefore(t, guarded.firstScene(), "CreateAccessKey"), nil},
		{"begin to retire", retiring, known, []fault{{atStart, &keydRetire}}},
		{"end a retirement", retiring, retiring.sceneBefore(t, retire, "DeleteAccessKey"), nil},
		{"hold a retirement", retiring, retire, command("keyd hold")},
	}
}

// sceneAfter lets passes follow until the key is in a state.
func (s setting) sceneAfter(t *testing.T, w *scene, state decide.State) *scene {
	t.Helper()
	for range 12 {
		r := s.runTake(t, w, nil, nil, false)
		if w = r.scene; r.result.State == state {
			return w
		}
	}
	t.Fatalf("the key never is in the state %s", state)
	return nil
}

// sceneBefore lets passes follow, and returns the scene before the first that has an effect.
func (s setting) sceneBefore(t *testing.T, w *scene, what string) *scene {
	t.Helper()
	for range 16 {
		r := s.runTake(t, w, nil, nil, false)
		if slices.ContainsFunc(r.effects, func(e effect) bool { return e.what == what }) {
			return w
		}
		w = r.scene
	}
	t.Fatalf("no pass comes to %s", what)
	return nil
}

// TestOnlyOneFunctionAsksWhoseAKeyIs: an identity that was not checked exists nowhere but in
// owner.go, and no key is taken away by another way than through it.
func TestOnlyOneFunctionAsksWhoseAKeyIs(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			callee, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			what := callee.Sel.Name
			if status, ok := lastArgument(call).(*ast.SelectorExpr); what == "SetStatus" && ok && status.Sel.Name == "Inactive" {
				what = "SetStatus Inactive"
			}
			if calls[f.Name()+" "+what]++; f.Name() != "owner.go" && slices.Contains([]string{"CallerIdentity", "DeleteKey", "SetStatus Inactive"}, what) {
				t.Errorf("%s calls %s by itself", f.Name(), what)
			}
			return true
		})
	}
	for _, what := range []string{"CallerIdentity", "DeleteKey", "SetStatus Inactive"} {
		if n := calls["owner.go "+what]; n != 1 {
			t.Errorf("owner.go calls %s %d times: does this test still see the calls?", what, n)
		}
	}
}

// lastArgument returns the last argument of a call, or nil.
func lastArgument(call *ast.CallExpr) ast.Expr {
	if len(call.Args) == 0 {
		return nil
	}
	return call.Args[len(call.Args)-1]
}
