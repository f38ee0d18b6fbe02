package copies

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// samples are files in which keys stand, below the home folder unless the path is absolute,
// with the beginning of the file where that decides, and the kind that they must have.
var samples = []struct{ path, head, kind string }{
	{".zshrc", "", "shell-start"}, {".bashrc", "", "shell-start"}, {".profile", "", "shell-start"}, {".zshenv", "", "shell-start"}, {".config/zsh/secrets.zsh", "", "shell-start"}, {"/etc/profile.d/aws.sh", "", "shell-start"},
	{".config/fish/config.fish", "", "fish-start"}, {".config/fish/conf.d/aws.fish", "", "fish-start"}, {".config/fish/fish_variables", "", "fish-variables"},
	{"work/proj/.envrc", "", "direnv"}, {".config/environment.d/aws.conf", "", "environment-d"}, {".pam_environment", "", "pam-environment"}, {"/etc/environment", "", "etc-environment"},
	{"Library/LaunchAgents/backup.plist", "", "launch-agent"}, {"Documents/PowerShell/Microsoft.PowerShell_profile.ps1", "", "powershell-profile"}, {"mise.toml", "", "mise"}, {".tmux.conf", "", "tmux"},
	{"Desktop/env.reg", "Windows Registry Editor Version 5.00\r\n", "registry-export"}, {"Desktop/utf16.txt", utf16("\ufeffWindows Registry Editor Version 5.00\r\n"), "registry-export"}, {".Renviron", "", "renviron"},
	{"p/.env", "", "dotenv"}, {"p/.env.production", "", "dotenv"}, {"p/prod.env", "", "dotenv"}, {"p/settings", "AWS_ACCESS_KEY_ID=", "dotenv"}, {"p/docker-compose.yml", "", "compose"}, {"p/compose.override.yaml", "", "compose"},
	{"p/x.yml", "services:\n  app:\n    image: x\n", "compose"}, {".devcontainer/devcontainer.json", "", "devcontainer"}, {".local/share/docker/containers/ab12/config.v2.json", "", "container-config"},
	{".config/rclone/rclone.conf", "", "rclone"}, {"AppData/Roaming/rclone/rclone.conf", "", "rclone"}, {"b/remotes", "[a]\nx = y\n[r]\ntype = s3\n", "rclone"},
	{".config/resticprofile/profiles.yaml", "", "resticprofile"}, {"b/profiles.toml", "", "resticprofile"}, {"b/backup", "export RESTIC_REPOSITORY=s3:x\n", "restic"}, {".config/kopia/repository.config", "", "kopia"},
	{".config/borgmatic/config.yaml", "", "borgmatic"}, {"litestream.yml", "", "litestream"}, {"pg/pgbackrest.conf", "", "pgbackrest"}, {".duply/home/conf", "", "borgmatic"},
	{"tf/terraform.tfvars", "", "terraform-vars"}, {"tf/x.auto.tfvars", "", "terraform-vars"}, {"tf/terraform.tfvars.json", "", "terraform-vars"}, {"tf/.terraform/terraform.tfstate", "", "terraform-backend"},
	{"tf/terraform.tfstate", "", "terraform-state"}, {"tf/terraform.tfstate.backup", "", "terraform-state-backup"}, {"tf/main.tf", "", "terraform"}, {"tf/backend.hcl", "", "terraform-vars"}, {".terraformrc", "", "terraform"},
	{".s3cfg", "", "s3cmd"}, {".passwd-s3fs", "", "s3fs"}, {"/etc/passwd-s3fs", "", "s3fs"}, {"x/pw", testID + ":" + strings.Repeat("x", 40) + "\n", "s3fs"}, {".mc/config.json", "", "mc"}, {".boto", "", "boto"}, {"/etc/boto.cfg", "", "boto"},
	{"k8s/secret.json", `{"kind": "Secret"}`, "kubernetes-secret"}, {"k8s/all.yaml", "apiVersion: v1\nkind: Secret\n", "kubernetes-secret"}, {"k8s/velero.yaml", "", "kubernetes-secret"}, {"k8s/deploy.yaml", "apiVersion: apps/v1\nkind: Deployment\n", "kubernetes-manifest"},
	{"chart/values.yaml", "", "helm-values"}, {".kube/config", "", "kubeconfig"},
	{"p/.mcp.json", "", "mcp"}, {".cursor/mcp.json", "", "mcp"}, {"Library/Application Support/Claude/claude_desktop_config.json", "", "mcp"}, {"p/.vscode/mcp.json", "", "mcp"}, {"p/some.json", `{"mcpServers": {}}`, "mcp"}, {".codex/config.toml", "", "codex"},
	{"p/.vscode/launch.json", "", "vscode"}, {".config/Code/User/settings.json", "", "vscode"}, {"p/.idea/workspace.xml", "", "jetbrains"}, {"p/.idea/runConfigurations/App.xml", "", "jetbrains"}, {"p/.run/App.run.xml", "", "jetbrains"},
	{".m2/settings.xml", "<settings><servers>", "maven"}, {".gradle/gradle.properties", "", "gradle"}, {"p/.dvc/config.local", "", "dvc"}, {"spark/conf/spark-defaults.conf", "", "hadoop"}, {"hadoop/core-site.xml", "", "hadoop"},
	{"airflow/airflow.cfg", "", "airflow"}, {"p/vars", "AIRFLOW_CONN_AWS=aws://x", "airflow"}, {".dbt/profiles.yml", "", "dbt"}, {"nb/x.ipynb", "", "notebook"}, {".sbt/.s3credentials", "", "sbt"}, {".npmrc", "", "package-manager"},
	{"Library/Application Support/Cyberduck/Bookmarks/1.duck", "", "cyberduck"}, {"WinSCP.ini", "", "winscp"}, {".local/share/DBeaverData/workspace6/General/.dbeaver/data-sources.json", "", "database-tool"}, {".config/filezilla/sitemanager.xml", "", "file-client"},
	{".aws/credentials.bak", "", "backup-file"}, {".aws/credentials~", "", "backup-file"}, {".aws/.credentials.swp", "", "editor-file"}, {"Dropbox/credentials (Alice's conflicted copy 2026-01-01)", "", "conflicted-copy"},
	{".aws/credentials.sync-conflict-20260101-120000-ABC", "", "conflicted-copy"}, {".local/share/chezmoi/private_dot_aws/credentials", "", "dotfiles"}, {"dotfiles/aws/.aws/credentials", "", "dotfiles"}, {".config/home-manager/home.nix", "", "dotfiles"},
	{"/mnt/c/Users/alice/.aws/credentials", "", "aws-twin"}, {"vm/.aws/credentials", "", "aws-file"}, {"x/creds", "[default]\naws_access_key_id = ", "aws-file"}, {"x/AwsCredentials.properties", "", "aws-properties"}, {".elasticbeanstalk/aws_credential_file", "", "aws-properties"},
	{"Downloads/alice_accessKeys.csv", "", "access-key-csv"}, {"Downloads/rootkey.csv", "", "access-key-csv"}, {"Downloads/x.csv", "Access key ID,Secret access key\r\n", "access-key-csv"}, {"Downloads/new.csv", "User name,Password,Access key ID,Secret access key,Console login link\n", "access-key-csv"},
	{".bash_history", "", "shell-history"}, {".zsh_history", "", "shell-history"}, {".local/share/fish/fish_history", "", "shell-history"}, {"AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt", "", "shell-history"}, {".local/share/atuin/history.db", "", "shell-history"},
	{"p/.git/config", "", "git"}, {".gitconfig", "", "git"}, {".netrc", "", "netrc"}, {".git-credentials", "", "netrc"}, {"/etc/cron.d/backup", "", "crontab"}, {"my.txt", "0 3 * * * AWS_ACCESS_KEY_ID=x backup\n", "crontab"},
	{".config/systemd/user/backup.service", "", "systemd-unit"}, {"/etc/systemd/system/backup.service.d/env.conf", "", "systemd-unit"}, {"b/unit", "[Unit]\n[Service]\nEnvironment=x\n", "systemd-unit"},
	{"ansible/group_vars/all.yml", "", "ansible"}, {"p/x.yml", "$ANSIBLE_VAULT;1.1;AES256\n", "ansible-vault"}, {"p/serverless.yml", "", "serverless"}, {"p/.secrets", "", "act"}, {"p/.github/workflows/ci.yml", "", "ci"}, {"p/.gitlab-ci.yml", "", "ci"},
	{".gitlab-runner/config.toml", "", "ci-runner"}, {"actions-runner/.env", "", "ci-runner"}, {"postfix/sasl_passwd", "", "ses-smtp"}, {"p/mail.cfg", "host=email-smtp.eu-west-1.amazonaws.com\n", "ses-smtp"},
	{"p/env.txt", "MC_HOST_store=https://x:y@h\n", "s3-uri"}, {"p/main.py", "", "python"}, {"p/index.ts", "", "javascript"}, {"p/Main.java", "", "source"}, {"p/run.sh", "", "shell-script"}, {"p/run", "#!/bin/bash\n", "shell-script"},
	{"notes/aws.md", "", "note"}, {"x/app.log", "", "log"}, {"x/data.json", "", "json"}, {"x/data.yaml", "", "yaml"}, {"x/y", "\x00\x01", "binary"}, {"x/y", "hello", "file"}, {".claude/projects/x/1.jsonl", "", "assistant-log"},
	{"p/pulumi.dev.yaml", "", "pulumi"}, {"p/application-prod.yml", "", "spring"}, {"p/appsettings.json", "", "dotnet"}, {".local/share/Trash/files/.env", "", "trash"}, {"Maildir/cur/1", "", "mail"}, {"x/db.sqlite3", "", "database"}, {".vagrant/Vagrantfile", "", "vagrant"},
}

func TestKindsAreRecognised(t *testing.T) {
	for _, s := range samples {
		file := s.path
		if file[0] != '/' {
			file = "/home/alice/" + file
		}
		if k := Recognise("/home/alice", file, []byte(s.head)); k.ID != s.kind {
			t.Errorf("%s is a %s, want %s", s.path, k.ID, s.kind)
		}
	}
}

// TestKindTable checks what every row must have, and that each pattern belongs to its row:
// one that an earlier row covers is never reached.
func TestKindTable(t *testing.T) {
	seen := map[string]bool{}
	for i, k := range allKinds() {
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(k.ID) || seen[k.ID] || k.Name == "" {
			t.Errorf("row %d: %q, %q", i, k.ID, k.Name)
		}
		seen[k.ID] = true
		a := k.Advice
		if !slices.Contains([]Way{ReadProfile, LinkFile, RunHook, Delete, ByHand}, a.Way) || !slices.Contains([]Use{Shadows, Used, Leftover}, k.Use) || a.Text == "" {
			t.Errorf("%s: way %q, use %q, %q", k.ID, a.Way, k.Use, a.Text)
		}
		if strings.HasSuffix(a.Text, ".") || a.Text != strings.TrimSpace(a.Text) {
			t.Errorf("%s: %q", k.ID, a.Text)
		}
		if whole := a.Text + strings.Join(a.Lines, ""); a.Way == ReadProfile && !strings.Contains(whole, "{profile}") && k.ID != "s3cmd" {
			t.Errorf("%s names no profile: %q", k.ID, whole)
		}
		if a.Way == LinkFile && !a.Link {
			t.Errorf("%s is to be linked and cannot be", k.ID)
		}
		if len(k.Paths) == 0 && k.Content == "" && k.ID != "file" || k.OnlyBoth && (k.Content == "" || len(k.Paths) == 0) {
			t.Errorf("%s is never recognised", k.ID)
		}
		for _, p := range k.Paths {
			if !k.OnlyBoth && Recognise("/home/alice", examplePath(p), nil).ID != k.ID && !slices.Contains(overlaps, k.ID+" "+p) {
				t.Errorf("%s: %s is a %s", k.ID, examplePath(p), Recognise("/home/alice", examplePath(p), nil).ID)
			}
		}
	}
	if FindKind("rclone").Name != "rclone configuration" || FindKind("no such kind").ID != "file" {
		t.Error("FindKind")
	}
}

// overlaps are patterns whose example another row rightly has.
var overlaps = []string{}

// examplePath returns a path that a pattern of Kind.Paths matches.
func examplePath(pattern string) string {
	if strings.HasSuffix(pattern, "/") {
		pattern += "q7"
	}
	text := regexp.MustCompile(`\[0-9\]`).ReplaceAllString(pattern, "7")
	text = regexp.MustCompile(`\[(.)\]`).ReplaceAllString(text, "$1")
	text = strings.NewReplacer("*", "q7", "?", "q").Replace(text)
	switch {
	case strings.HasPrefix(text, "~/"):
		return "/home/alice/" + text[2:]
	case strings.HasPrefix(text, "/"):
		return text
	}
	return path.Join("/home/alice/q8", text)
}

// TestAdviceNamesTheProfile checks that the placeholder is replaced wherever it stands.
func TestAdviceNamesTheProfile(t *testing.T) {
	for _, k := range Kinds() {
		a := k.Advice.For("work", "exclude it")
		if whole := a.Text + strings.Join(a.Lines, "\n"); strings.Contains(whole, "{profile}") || strings.Contains(whole, "{exclude}") || len(a.Lines) != len(k.Advice.Lines) {
			t.Errorf("%s: %s", k.ID, whole)
		}
	}
	if got := FindKind("rclone").Advice.For("work", "exclude it").Lines; !slices.Equal(got, []string{"env_auth = true", "profile = work"}) {
		t.Error(got)
	}
}
