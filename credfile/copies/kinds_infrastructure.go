package copies

// infrastructureKinds are files of tools that build infrastructure, and of CI.
var infrastructureKinds = []Kind{
	{
		ID: "terraform-backend", Name: "Terraform backend of a working folder", Use: Used,
		Paths:  []string{".terraform/terraform.tfstate", ".terraform/*.tfstate"},
		Advice: Advice{Way: ReadProfile, Text: "take access_key and secret_key out of the backend's configuration, then run in this folder", Lines: []string{"terraform init -reconfigure -backend-config=profile={profile}"}, Link: true, Why: "developer.hashicorp.com, backend s3"},
	},
	{
		ID: "terraform-state", Name: "Terraform state", Use: Used,
		Paths: []string{"*.tfstate"}, Content: `"terraform_version"[ \t]*:[\s\S]*"resources"[ \t]*:`,
		Advice: Advice{Way: ByHand, Text: "if the state has the key as aws_iam_access_key, Terraform and keyd would both rotate it: take it out of the state with terraform state rm, or out of keyd's hands: {exclude}"},
	},
	{
		ID: "terraform-vars", Name: "Terraform variables", Use: Used,
		Paths:  []string{"*.tfvars", "*.tfvars.json", "*.auto.tfvars", "*.tfbackend", "backend.hcl", "*.pkrvars.hcl"},
		Advice: Advice{Way: ReadProfile, Text: "in provider \"aws\" and backend \"s3\", replace access_key and secret_key by this, and take the variables out", Lines: []string{"profile = \"{profile}\""}, Link: true, Why: "registry.terraform.io, hashicorp/aws; tried with hashicorp/aws-sdk-go-base 2.0.0-beta.65, which Terraform and OpenTofu use: a profile in the configuration comes before AWS_ACCESS_KEY_ID, the variable AWS_PROFILE does not"},
	},
	{
		ID: "terraform", Name: "Terraform, Terragrunt or Packer configuration", Use: Used,
		Paths: []string{"*.tf", "*.tf.json", "*.tofu", "terragrunt.hcl", "*.hcl", ".terraformrc", "*.tfrc"}, Content: `(?m)^(provider "aws"|terraform|source "amazon-\S+" "\S+") *\{`,
		Advice: Advice{Way: ReadProfile, Text: "replace access_key and secret_key by", Lines: []string{"profile = \"{profile}\""}, Link: true, Why: "registry.terraform.io, hashicorp/aws; packer.io, amazon"},
	},
	{
		ID: "packer-json", Name: "Packer template", Use: Used,
		Paths: []string{"packer*.json", "*.pkr.json"}, Content: `"builders"[ \t\r\n]*:[\s\S]*"amazon-`,
		Advice: Advice{Way: ReadProfile, Text: "replace access_key and secret_key by", Lines: []string{"\"profile\": \"{profile}\""}, Link: true, Why: "packer.io, amazon"},
	},
	{
		ID: "pulumi", Name: "Pulumi stack", Use: Used,
		Paths: []string{"pulumi.*.y*ml", "pulumi.y*ml"}, Content: `(?m)^[ \t]+aws:(accessKey|secretKey):`,
		Advice: Advice{Way: ReadProfile, Text: "take out aws:accessKey and aws:secretKey, and write", Lines: []string{"aws:profile: {profile}"}, Link: true, Why: "pulumi.com, aws provider"},
	},
	{
		ID: "serverless", Name: "Serverless configuration", Use: Used,
		Paths:  []string{"serverless.y*ml", "serverless.json", "serverless.ts", "serverless.env.y*ml", ".serverlessrc"},
		Advice: Advice{Way: ReadProfile, Text: "take out the key, and write under provider", Lines: []string{"profile: {profile}"}, Link: true, Why: "serverless.com, AWS credentials"},
	},
	{
		ID: "sam", Name: "SAM or CDK configuration", Use: Used,
		Paths:  []string{"samconfig.toml", "cdk.json", "cdk.context.json", ".chalice/config.json", "zappa_settings.json", "copilot/*"},
		Advice: Advice{Way: ReadProfile, Text: "take out the key, and name the profile: profile = \"{profile}\" (SAM), \"profile\": \"{profile}\" (CDK), \"profile_name\": \"{profile}\" (Zappa)", Link: true},
	},
	{
		ID: "ansible-vault", Name: "Ansible vault", Use: Used,
		Content: `\A\$ANSIBLE_VAULT;`,
		Advice:  Advice{Way: RunHook, Text: "a hook can encrypt the new key: ansible-vault encrypt_string --stdin-name NAME"},
	},
	{
		ID: "ansible", Name: "Ansible variables", Use: Used,
		Paths: []string{"group_vars/", "host_vars/", "vars/*.y*ml", "defaults/*.y*ml", "playbook*.y*ml", "inventory*", "hosts.y*ml", "*aws_ec2.y*ml", "ansible/"}, Content: `(?m)^[ \t]*-?[ \t]*(hosts|tasks|roles):|amazon\.aws\.|community\.aws\.`,
		Advice: Advice{Way: ReadProfile, Text: "in the tasks of amazon.aws, replace access_key and secret_key by", Lines: []string{"profile: {profile}"}, Link: true, Why: "docs.ansible.com, amazon.aws"},
	},
	{
		ID: "vagrant", Name: "Vagrantfile", Use: Used,
		Paths:  []string{"vagrantfile"},
		Advice: Advice{Way: ReadProfile, Text: "replace aws.access_key_id and aws.secret_access_key by", Lines: []string{"aws.aws_profile = \"{profile}\""}, Link: true, Why: "github.com/mitchellh/vagrant-aws"},
	},
	{
		ID: "act", Name: "secrets for act", Use: Used,
		Paths:  []string{".secrets", ".vars", ".actrc", ".act.secrets"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "act runs in containers, which do not see the credentials file"},
	},
	{
		ID: "ci", Name: "definition of a CI job", Use: Used,
		Paths:  []string{".github/workflows/*", ".gitlab-ci.y*ml", ".gitlab/ci/*", ".circleci/*", "bitbucket-pipelines.yml", ".travis.yml", ".drone.yml", ".woodpecker*", "jenkinsfile*", "azure-pipelines*.yml", "buildspec*.yml", ".buildkite/*", "appveyor.yml", "cloudbuild.yaml", ".gitea/workflows/*", ".forgejo/workflows/*"},
		Advice: Advice{Way: RunHook, Text: "a key does not belong into a repository: use OpenID Connect, else store it as a secret of the CI and let a hook update that (gh secret set, glab variable update: both read standard input)"},
	},
	{
		ID: "ci-runner", Name: "configuration of a CI runner", Use: Used,
		Paths: []string{".gitlab-runner/config.toml", "gitlab-runner/config.toml", "actions-runner/.env", "*-runner/.env", "_work/_temp/", "*/jenkins_home/*.xml", ".jenkins/*.xml", ".jenkins/", "jenkins_home/", "buildkite-agent/*", "act_runner/*"}, Content: `(?m)^[ \t]*\[runners\.cache\.s3\]`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "the runner runs jobs with a key of its own: link the file, or give the runner's machine a role"},
	},
	{
		ID: "crontab", Name: "crontab", Use: Used,
		Paths: []string{"/etc/crontab", "/etc/cron.d/*", "/etc/cron.daily/*", "/etc/cron.hourly/*", "/etc/cron.weekly/*", "/etc/anacrontab", "crontabs/*", "/var/spool/cron/*", "/var/spool/cron/crontabs/*", "crontab*", "*.cron", "*.crontab"}, Content: `(?m)^[ \t]*([0-9*/,-]+[ \t]+){3}\*[ \t]+[0-9*/,a-z-]+[ \t]+\S|^@(daily|hourly|weekly|reboot|monthly)[ \t]`,
		Advice: Advice{Way: ReadProfile, Text: "with crontab -e, replace the lines with the key by", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "crontab(5)"},
	},
	{
		ID: "systemd-unit", Name: "systemd unit", Use: Used,
		Paths: []string{"systemd/user/", "systemd/system/", "*.service", "*.service.d/*.conf", "*.timer"}, Content: `(?m)^\[Service\]`,
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by this, then run systemctl daemon-reload and restart the unit; a unit of the system also needs Environment=AWS_SHARED_CREDENTIALS_FILE=/home/YOU/.aws/credentials", Lines: []string{"Environment=AWS_PROFILE={profile}"}, Link: true, Why: "systemd.exec(5)"},
	},
	{
		ID: "supervisor", Name: "configuration of a process manager", Use: Used,
		Paths: []string{"supervisord.conf", "supervisor/conf.d/*", "ecosystem.config.*", ".pm2/*", "procfile*", "circus.ini", "*.monitrc"}, Content: `(?m)^\[program:`,
		Advice: Advice{Way: ReadProfile, Text: "replace the key by AWS_PROFILE with the value {profile}, and restart the program", Link: true},
	},
}
