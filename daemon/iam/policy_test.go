package iam_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyd/daemon/iam"
)

// The policy allows exactly the actions that the code of this package calls.
func TestPolicyAllowsExactlyWhatIsCalled(t *testing.T) {
	called := map[string][]string{}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if service, action := sdkCall(n); service != "" && !slices.Contains(called[service], action) {
				called[service] = append(called[service], action)
			}
			return true
		})
	}
	var allowed []string
	for _, s := range iam.RequireMFA(iam.LeastPolicy("aws", "", true)).Statement {
		if mfa := s.Condition["Bool"]["aws:MultiFactorAuthPresent"]; (len(mfa) == 1) == (s.Sid == "KeydFindsMFADevice") {
			t.Errorf("%s has the condition %v", s.Sid, s.Condition)
		}
		for _, action := range s.Action {
			allowed = append(allowed, strings.TrimPrefix(action, "iam:"))
		}
	}
	slices.Sort(allowed)
	slices.Sort(called["iam"])
	slices.Sort(called["sts"])
	// GetUser and ListMFADevices are asked only where ListAccessKeys was denied, and keyd can
	// do without an answer: the policy without MFA does not allow them.
	if len(allowed) != 10 || len(iam.LeastPolicy("aws", "", true).Statement) != 4 || !slices.Equal(allowed, called["iam"]) {
		t.Errorf("allowed are %v, called are %v", allowed, called["iam"])
	}
	if need := []string{"GetCallerIdentity", "GetSessionToken"}; !slices.Equal(called["sts"], need) {
		t.Errorf("sts is called for %v: do all of them need no permission, as %v?", called["sts"], need)
	}
}

// sdkCall returns the service and action of x.iam.Action(...) or
// x.sts.Action(...).
func sdkCall(n ast.Node) (service, action string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", ""
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	client, ok := method.X.(*ast.SelectorExpr)
	if ok && client.Sel.Name == "bareIAM" {
		return "iam", method.Sel.Name
	}
	if ok && (client.Sel.Name == "iam" || client.Sel.Name == "sts") {
		return client.Sel.Name, method.Sel.Name
	}
	return "", ""
}

// The only resource is the user, in the user's partition and under its path.
func TestPolicyCoversTheUserAlone(t *testing.T) {
	for _, test := range []struct{ partition, arn, want string }{
		{"aws", "", "arn:aws:iam::*:user/${aws:username}"},
		{"aws-cn", "", "arn:aws-cn:iam::*:user/${aws:username}"},
		{"aws", "arn:aws-us-gov:iam::111122223333:user/alice", "arn:aws-us-gov:iam::*:user/${aws:username}"},
		{"aws", "arn:aws:iam::111122223333:user/team/a/alice", "arn:aws:iam::*:user/team/a/${aws:username}"},
		{"aws", "arn:aws:iam::111122223333:root", "arn:aws:iam::*:user/${aws:username}"},
	} {
		for _, optional := range []bool{false, true} {
			p := iam.LeastPolicy(test.partition, test.arn, optional)
			if optional != (len(p.Statement) == 4) {
				t.Errorf("%d statements", len(p.Statement))
			}
			for _, s := range p.Statement {
				if s.Resource != test.want || s.Effect != "Allow" {
					t.Errorf("%+v: %s %s", test, s.Effect, s.Resource)
				}
			}
		}
	}
}
