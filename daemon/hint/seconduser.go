package hint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"keyd/credfile/shell"
)

// SecondUser describes an IAM user that is to be made for one of two machines, which have
// shared a user until now. Shell and Terraform print how an administrator makes it; they run
// nothing.
type SecondUser struct {
	User, Path string // of the user that both machines have now; the path begins and ends with a slash
	Account    string
	New        string // the name of the new user
	Policy     string // what keyd needs, as JSON
	Endpoint   string // where IAM is; "" for AWS
	Profile    string // on this machine
	OwnKey     string // that Profile shows
	OtherKey   string // the other key of User; "" for none
	Moves      bool   // this machine gets the new user, and not the other one
}

// SuggestUserName returns a name for the second user: that of the first with -2 behind it,
// in at most 64 letters.
// Source: IAM user guide, "IAM and AWS STS quotas".
func SuggestUserName(user string) string {
	const suffix = "-2"
	return user[:min(len(user), 64-len(suffix))] + suffix
}

// Shell returns commands of the AWS CLI for a POSIX shell. They copy the groups, the
// policies and the permissions boundary of the user; the names of these have no blanks.
// The commands that make the key, which show its secret, and the one that ends the
// shared key are comments.
func (u SecondUser) Shell() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# For an administrator of account %s, in a POSIX shell with the AWS CLI: a user with", u.Account)
	line("# the permissions of %s, so that each machine has its own. Nothing has been done yet.", u.User)
	line("set -eu")
	if u.Endpoint != "" {
		line("export AWS_ENDPOINT_URL_IAM=%s", shell.Quote(u.Endpoint))
	}
	line("old=%s", shell.Quote(u.User))
	line("new=%s", shell.Quote(u.New))
	b.WriteString(copyUser)
	line("[ \"$boundary\" = None ] && boundary= || boundary=\"--permissions-boundary=$boundary\"")
	line("aws iam create-user --user-name=\"$new\" --path=%s $boundary", shell.Quote(u.Path))
	b.WriteString(copyPermissions)
	line("aws iam get-user-policy --user-name=\"$new\" --policy-name=keyd >/dev/null 2>&1 ||")
	line("  aws iam put-user-policy --user-name=\"$new\" --policy-name=keyd --policy-document=%s", shell.Quote(compactJSON(u.Policy)))
	b.WriteString("\n")
	u.writeMove(&b)
	return b.String()
}

// copyUser finds the boundary before the user is made: a policy may demand one.
const copyUser = `
boundary=$(aws iam get-user --user-name="$old" --query=User.PermissionsBoundary.PermissionsBoundaryArn --output=text)
`

const copyPermissions = `
# Tags are not copied: where they decide what a user may do, set them as well. A policy
# that names the old user in its resources has to name the new one.
names=$(aws iam list-groups-for-user --user-name="$old" --query='Groups[].GroupName' --output=text)
for name in $names; do
  aws iam add-user-to-group --user-name="$new" --group-name="$name"
done
names=$(aws iam list-attached-user-policies --user-name="$old" --query='AttachedPolicies[].PolicyArn' --output=text)
for name in $names; do
  aws iam attach-user-policy --user-name="$new" --policy-arn="$name"
done
names=$(aws iam list-user-policies --user-name="$old" --query=PolicyNames --output=text)
for name in $names; do
  text=$(aws iam get-user-policy --user-name="$old" --policy-name="$name" --query=PolicyDocument --output=json)
  aws iam put-user-policy --user-name="$new" --policy-name="$name" --policy-document="$text"
done

# What keyd needs, unless a policy of that name has been copied.
`

// Terraform returns the same for Terraform. Groups and policies have to be filled in: no
// data source lists them. It makes no key, because the secret would be in the
// state of Terraform.
func (u SecondUser) Terraform() string {
	label := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, "user_"+u.New)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	list := func(call string) string { return "aws iam " + call + " --user-name=" + shell.Quote(u.User) }
	line("# A user of account %s with the permissions of %s, so that each machine has its own.", u.Account, u.User)
	line("resource \"aws_iam_user\" %q {", label)
	line("  name = %s", quoteHCL(u.New))
	line("  path = %s", quoteHCL(u.Path))
	line("  # permissions_boundary = that of the old user: %s", list("get-user"))
	line("}\n")
	line("resource \"aws_iam_user_group_membership\" %q {", label)
	line("  user   = aws_iam_user.%s.name", label)
	line("  groups = [] # those of the old user: %s", list("list-groups-for-user"))
	line("}\n")
	line("# Its policies: %s, and", list("list-attached-user-policies"))
	line("# %s\n", list("list-user-policies"))
	line("resource \"aws_iam_user_policy\" %q {", label+"_keyd")
	line("  name   = \"keyd\"")
	line("  user   = aws_iam_user.%s.name", label)
	line("  policy = %s", quoteHCL(compactJSON(u.Policy)))
	line("}\n")
	u.writeMove(&b)
	return b.String()
}

// writeMove writes, as comments, how the machine that gets the new user moves to it.
func (u SecondUser) writeMove(b *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "# "+format+"\n", args...) }
	machine, leaves := "the other machine", u.OtherKey
	if u.Moves {
		machine, leaves = "this machine", u.OwnKey
	}
	line("Then make a key of the new user, which shows its secret once, to you alone:")
	line("  aws iam create-access-key --user-name=%s", shell.Quote(u.New))
	if u.Moves {
		line("and put it in the place of %s on %s:", leaves, machine)
		line("  %s", AWSCommand("aws configure", u.Profile))
		return
	}
	if leaves == "" {
		line("and put it into the profile of %s: aws configure", machine)
		return
	}
	line("and put it in the place of %s on %s: aws configure", leaves, machine)
	line("When nothing has used the shared key for some days, end it here; this shows its last use, and asks:")
	line("  %s", Command("keyd prune", u.Profile, leaves))
}

// compactJSON returns JSON on one line; any other text stays as it is.
func compactJSON(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}

// quoteHCL returns a string of Terraform's language. It knows the escapes of JSON for
// quotation marks, backslashes and control characters; ${ and %{ begin a template.
// Source: Terraform language, "Strings and Templates".
func quoteHCL(text string) string {
	var b strings.Builder
	coder := json.NewEncoder(&b)
	coder.SetEscapeHTML(false)
	if coder.Encode(text) != nil {
		return `""`
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strings.TrimSuffix(b.String(), "\n"))
}
