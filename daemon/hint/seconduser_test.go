package hint

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

var shared = SecondUser{User: "o+al=ice", Path: "/team/", Account: "111122223333", New: "o+al=ice-2", Profile: "my prod", OwnKey: "AKIAIOSFODNN7EXAMPLE", OtherKey: "AKIAI44QH8DHBEXAMPLE",
	Policy: `{"Resource": "arn:aws:iam::*:user/team/${aws:username}", "Note": "it's"}`}

// fakeAWS answers as the AWS CLI does, and writes the calls that change something.
const fakeAWS = `aws() {
  case "$2" in
  get-user) echo "$boundary_of_old";;
  list-groups-for-user) printf 'devs\tops\n';;
  list-attached-user-policies) printf 'arn:aws:iam::aws:policy/ReadOnlyAccess\n';;
  list-user-policies) printf 'own\n';;
  get-user-policy) case "$*" in *"$new"*) return 1;; esac; echo '{"Statement": []}';;
  *) for word in "$@"; do printf '[%s]' "$word"; done; echo;;
  esac
}
`

// TestSecondUserRunsInAShell runs the commands with a stand-in for the AWS CLI: what they do
// to the new user, and that a failure ends them.
func TestSecondUserRunsInAShell(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no POSIX shell")
	}
	run := func(before string) (string, error) {
		out, err := exec.Command("sh", "-c", fakeAWS+before+shared.Shell()).Output()
		return string(out), err
	}
	out, err := run("boundary_of_old=None\n")
	want := `[iam][create-user][--user-name=o+al=ice-2][--path=/team/]
[iam][add-user-to-group][--user-name=o+al=ice-2][--group-name=devs]
[iam][add-user-to-group][--user-name=o+al=ice-2][--group-name=ops]
[iam][attach-user-policy][--user-name=o+al=ice-2][--policy-arn=arn:aws:iam::aws:policy/ReadOnlyAccess]
[iam][put-user-policy][--user-name=o+al=ice-2][--policy-name=own][--policy-document={"Statement": []}]
[iam][put-user-policy][--user-name=o+al=ice-2][--policy-name=keyd][--policy-document={"Resource":"arn:aws:iam::*:user/team/${aws:username}","Note":"it's"}]
`
	if err != nil || out != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want)
	}
	if out, err = run("boundary_of_old=arn:aws:iam::111122223333:policy/edge\n"); err != nil || !strings.HasPrefix(out, "[iam][create-user][--user-name=o+al=ice-2][--path=/team/][--permissions-boundary=arn:aws:iam::111122223333:policy/edge]\n") {
		t.Errorf("a user without the boundary may do more than the first: %v\n%s", err, out)
	}
	if out, err = run("boundary_of_old=None\ncreate_user_fails() { :; }\naws() { return 1; }\n"); err == nil || out != "" {
		t.Errorf("a failure does not end it: %v\n%s", err, out)
	}
}

// TestSecondUserTellsWhoMoves: pruning is the last step, and none where the key of the other
// machine is the newer one.
func TestSecondUserTellsWhoMoves(t *testing.T) {
	text := shared.Shell()
	for line := range strings.SplitSeq(text[strings.Index(text, "# Then make a key"):], "\n") {
		if line != "" && !strings.HasPrefix(line, "# ") {
			t.Errorf("it would run %q", line)
		}
	}
	if !strings.Contains(text, "place of AKIAI44QH8DHBEXAMPLE on the other machine") || !strings.HasSuffix(text, "#   keyd prune 'my prod' AKIAI44QH8DHBEXAMPLE\n") {
		t.Error(text)
	}
	moves := shared
	moves.Moves, moves.Endpoint = true, "https://iam.example/x;y"
	text = moves.Shell()
	if strings.Contains(text, "prune") || !strings.Contains(text, "place of AKIAIOSFODNN7EXAMPLE on this machine") || !strings.Contains(text, "aws configure --profile 'my prod'\n") || !strings.Contains(text, "AWS_ENDPOINT_URL_IAM='https://iam.example/x;y'\n") {
		t.Error(text)
	}
}

// TestSecondUserForTerraform: variables of IAM are no templates of Terraform, and no key is
// in its state.
func TestSecondUserForTerraform(t *testing.T) {
	text := shared.Terraform()
	for _, want := range []string{"resource \"aws_iam_user\" \"user_o_al_ice_2\" {\n  name = \"o+al=ice-2\"\n  path = \"/team/\"\n",
		"policy = \"{\\\"Resource\\\":\\\"arn:aws:iam::*:user/team/$${aws:username}\\\",\\\"Note\\\":\\\"it's\\\"}\"\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "aws_iam_access_key") || strings.Count(text, "{\n") != strings.Count(text, "\n}\n") {
		t.Error(text)
	}
	if long := SuggestUserName(strings.Repeat("a", 64)); len(long) != 64 || !strings.HasSuffix(long, "-2") {
		t.Error(long)
	}
}
