package shadow

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	oldID   = "AKIAIOSFODNN7OLDKEY0"
	newID   = "AKIAIOSFODNN7NEWKEY0"
	otherID = "AKIAIOSFODNN7OTHER00"
)

// TestAssignments checks, for each syntax, which lines set the variable for programs. A
// line in the table ends with the id that it sets, "computed", "other" for a value that is
// no key id, or "" for nothing.
func TestAssignments(t *testing.T) {
	for kind, lines := range map[Kind][][2]string{
		Shell: {
			{"export AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"export AWS_ACCESS_KEY_ID='" + oldID + "' # mine", oldID},
			{`export AWS_ACCESS_KEY_ID="` + oldID + `"; export AWS_SECRET_ACCESS_KEY="x"`, oldID},
			{`export "AWS_ACCESS_KEY_ID=` + oldID + `"`, oldID},
			{"export AWS_DEFAULT_REGION=eu-west-1 AWS_ACCESS_KEY_ID=" + oldID + " AWS_SECRET_ACCESS_KEY=x", oldID},
			{"declare -gx AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"typeset -x AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"export AWS_ACCESS_KEY=" + oldID, oldID},
			{"[ -n \"$WORK\" ] && export AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"if true; then export AWS_ACCESS_KEY_ID=" + oldID + "; fi", oldID},
			{"alias s3='AWS_ACCESS_KEY_ID=" + oldID + " AWS_SECRET_ACCESS_KEY=x aws s3'", oldID},
			{"AWS_ACCESS_KEY_ID=" + oldID + " aws s3 ls", oldID},
			{"export AWS_ACCESS_KEY_ID=$(pass aws/id)", "computed"},
			{"export AWS_ACCESS_KEY_ID=`pass aws/id`", "computed"},
			{`export AWS_ACCESS_KEY_ID="$MY_KEY"`, "computed"},
			{"export AWS_ACCESS_KEY_ID=changeme", "other"},
			{"  export AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"# export AWS_ACCESS_KEY_ID=" + oldID, ""},
			{"   #export AWS_ACCESS_KEY_ID=" + oldID, ""},
			{"# don't: export AWS_ACCESS_KEY_ID=" + oldID, ""},
			{"echo hello # export AWS_ACCESS_KEY_ID=" + oldID, ""},
			{"unset AWS_ACCESS_KEY_ID", ""},
			{"export AWS_ACCESS_KEY_ID=", ""},
			{`export AWS_ACCESS_KEY_ID=""`, ""},
			{`if [ "$AWS_ACCESS_KEY_ID" = "` + oldID + `" ]; then`, ""},
			{`echo "$AWS_ACCESS_KEY_ID"`, ""},
			{"export MY_AWS_ACCESS_KEY_ID=" + oldID, ""},
			{"export AWS_ACCESS_KEY_ID_OLD=" + oldID, ""},
			{"AWS_ACCESS_KEY_ID=" + oldID, ""}, // not exported
			{"AWS_ACCESS_KEY_ID=" + oldID + " AWS_SECRET_ACCESS_KEY=x", ""},
		},
		CShell: {
			{"setenv AWS_ACCESS_KEY_ID " + oldID, oldID},
			{`setenv AWS_ACCESS_KEY_ID "` + oldID + `"`, oldID},
			{"unsetenv AWS_ACCESS_KEY_ID", ""},
			{"set AWS_ACCESS_KEY_ID = " + oldID, ""},
		},
		Fish: {
			{"set -gx AWS_ACCESS_KEY_ID " + oldID, oldID},
			{"set -x -g AWS_ACCESS_KEY_ID '" + oldID + "'", oldID},
			{"set --export --global AWS_ACCESS_KEY_ID " + oldID, oldID},
			{"export AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"set -gx AWS_ACCESS_KEY_ID (pass aws/id)", "computed"},
			{"set -g AWS_ACCESS_KEY_ID " + oldID, ""},
			{"set -ex AWS_ACCESS_KEY_ID " + oldID, ""},
			{"set -e AWS_ACCESS_KEY_ID", ""},
		},
		FishStore: {
			{"SETUVAR --export AWS_ACCESS_KEY_ID:" + oldID, oldID},
			{"SET_EXPORT AWS_ACCESS_KEY_ID:" + oldID, oldID},
			{"SETUVAR AWS_ACCESS_KEY_ID:" + oldID, ""},
			{`SETUVAR --export AWS_ACCESS_KEY_ID:\x1d`, "other"}, // an empty list
		},
		PowerShell: {
			{"$env:AWS_ACCESS_KEY_ID = '" + oldID + "'", oldID},
			{"$Env:aws_access_key_id=\"" + oldID + "\"", oldID},
			{"[Environment]::SetEnvironmentVariable('AWS_ACCESS_KEY_ID', '" + oldID + "', 'User')", oldID},
			{"Set-Item -Path Env:AWS_ACCESS_KEY_ID -Value '" + oldID + "'", oldID},
			{"setx AWS_ACCESS_KEY_ID " + oldID, oldID},
			{"$env:AWS_ACCESS_KEY_ID = (Get-Secret aws)", "computed"},
			{"if ($env:AWS_ACCESS_KEY_ID -eq '" + oldID + "') {", ""},
			{"# $env:AWS_ACCESS_KEY_ID = '" + oldID + "'", ""},
		},
		Nushell: {{"$env.AWS_ACCESS_KEY_ID = \"" + oldID + `"`, oldID}, {"load-env { AWS_ACCESS_KEY_ID: '" + oldID + "' }", oldID}, {"hide-env AWS_ACCESS_KEY_ID", ""}},
		Xonsh:   {{"$AWS_ACCESS_KEY_ID = '" + oldID + "'", oldID}, {"del $AWS_ACCESS_KEY_ID", ""}},
		Elvish:  {{"set-env AWS_ACCESS_KEY_ID " + oldID, oldID}, {"set E:AWS_ACCESS_KEY_ID = " + oldID, oldID}, {"unset-env AWS_ACCESS_KEY_ID", ""}},
		PAM: {
			{"AWS_ACCESS_KEY_ID DEFAULT=" + oldID, oldID},
			{`AWS_ACCESS_KEY_ID OVERRIDE="` + oldID + `"`, oldID},
			{"AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"#AWS_ACCESS_KEY_ID DEFAULT=" + oldID, ""},
		},
		SystemdConf: {
			{`DefaultEnvironment="AWS_ACCESS_KEY_ID=` + oldID + `" "AWS_SECRET_ACCESS_KEY=x"`, oldID},
			{"DefaultEnvironment=AWS_ACCESS_KEY_ID=" + oldID, oldID},
			{"#DefaultEnvironment=AWS_ACCESS_KEY_ID=" + oldID, ""},
		},
		EnvFolder: {{"AWS_ACCESS_KEY_ID=" + oldID, oldID}, {"AWS_ACCESS_KEY_ID=\"" + oldID + `"`, oldID}, {"# AWS_ACCESS_KEY_ID=" + oldID, ""}},
		EnvFile:   {{"AWS_ACCESS_KEY_ID=" + oldID, oldID}, {"export AWS_ACCESS_KEY_ID=" + oldID, oldID}},
		Mise:      {{`AWS_ACCESS_KEY_ID = "` + oldID + `"`, oldID}},
		Direnv:    {{"export AWS_ACCESS_KEY_ID=" + oldID, oldID}},
	} {
		for _, line := range lines {
			var got strings.Builder
			for _, a := range assignments(line[0], kind) {
				switch {
				case !a.exported:
				case a.computed:
					got.WriteString("computed")
				case idIn(a.value) == "":
					got.WriteString("other")
				default:
					got.WriteString(idIn(a.value))
				}
			}
			if got.String() != line[1] {
				t.Errorf("%s: %s\nsets %q, want %q", kind, line[0], got.String(), line[1])
			}
		}
	}
}

// TestStartFiles plants an exported key in every kind of start file, and checks that each
// is reported with its line, and nothing else.
func TestStartFiles(t *testing.T) {
	home := t.TempDir()
	var want []string
	plant := func(name, before, line string, shadows bool) {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(before+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if shadows {
			want = append(want, fmt.Sprintf("%s:%d", path, 1+strings.Count(before, "\n")))
		}
	}
	const export = "export AWS_ACCESS_KEY_ID=" + oldID
	for _, name := range []string{".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", "work/.envrc"} {
		plant(name, "# mine\r\nexport PATH=$PATH:~/bin\n", export, true)
	}
	plant(".config/fish/config.fish", "\n", "set -gx AWS_ACCESS_KEY_ID "+otherID, true)
	plant(".config/fish/conf.d/aws.fish", "\n\n", "set -gx AWS_ACCESS_KEY_ID "+oldID, true)
	plant(".config/fish/fish_variables", "# This file contains fish universal variable definitions.\n# VERSION: 3.0\n", "SETUVAR --export AWS_ACCESS_KEY_ID:"+oldID, true)
	plant(".pam_environment", "", "AWS_ACCESS_KEY_ID DEFAULT="+oldID, true)
	plant(".config/environment.d/50-aws.conf", "", "AWS_ACCESS_KEY_ID="+oldID, true)
	plant(".config/powershell/Microsoft.PowerShell_profile.ps1", "", "$env:AWS_ACCESS_KEY_ID = '"+oldID+"'", true)
	plant("Library/LaunchAgents/local.sync.plist", "<plist><dict><key>EnvironmentVariables</key><dict>\n<key>AWS_ACCESS_KEY_ID</key>\n", "<string>"+oldID+"</string>", true)
	plant("Library/LaunchAgents/local.env.plist", "<array><string>/bin/launchctl</string>\n<string>setenv</string><string>AWS_ACCESS_KEY_ID</string>", "<string>"+newID+"</string></array>", true)
	plant("etc/environment", "PATH=/usr/bin\n", "AWS_ACCESS_KEY_ID="+oldID, true)
	plant("etc/profile.d/aws.sh", "", export, true)

	plant(".bash_login", "", ". ~/.secrets/aws; set -a\n. \"$HOME/work/.env\"\nset +a\nAWS_ACCESS_KEY=not-exported", false) // what others set, through source
	plant(".secrets/aws", "AWS_ACCESS_KEY_ID="+oldID, "\nexport AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID", false)
	want = append(want, filepath.Join(home, ".secrets", "aws")+":1")
	plant("work/.env", "A=b\n", "AWS_ACCESS_KEY_ID="+oldID, true)
	plant(".kshrc", "", ". ~/.kshrc\n. /nowhere\n. $DIR/x", false)
	plant("elsewhere/.envrc", "", export, false)
	plant(".config/environment.d/readme.txt", "", "AWS_ACCESS_KEY_ID="+oldID, false)
	if err := os.Symlink("/nowhere/at/all", filepath.Join(home, ".xprofile")); err != nil {
		t.Log(err)
	}

	r := Find(t.Context(), Options{Home: home, Dir: filepath.Join(home, "work", "deep", "er"), System: home, IDs: []string{oldID, newID}})
	var got []string
	for _, s := range r.Shadows {
		got = append(got, s.Place())
		if s.KeyID == "" || s.IsOneOf(oldID, newID) == strings.Contains(s.Path, "config.fish") {
			t.Errorf("%+v: not the id in the file, or not told apart from another key", s)
		}
		if remedy := s.Remedy("my work"); !strings.Contains(remedy, "my work") || strings.Contains(remedy, "AKIA") {
			t.Errorf("%s: %s", s.Place(), remedy)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if os.PathSeparator == '\\' { // Windows has no /etc
		want = slices.DeleteFunc(want, func(place string) bool { return strings.Contains(place, `\etc\`) })
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(r.Unseen) > 0 && os.PathSeparator == '/' && !strings.Contains(r.Unseen[0], "launchctl") {
		t.Errorf("unseen: %q", r.Unseen)
	}
}
