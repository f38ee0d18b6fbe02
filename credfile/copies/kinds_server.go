package copies

// serverKinds are configurations of servers and agents, and addresses with a password.
var serverKinds = []Kind{
	{
		ID: "telegraf", Name: "configuration of an agent", Use: Used,
		Paths:  []string{"telegraf*.conf", "telegraf.d/*", "vector.toml", "vector.y*ml", "fluent-bit*.conf", "fluentd*.conf", "td-agent.conf", "logstash*.conf", "filebeat*.yml", "metricbeat*.yml", "promtail*.y*ml", "amazon-cloudwatch-agent.json", "common-config.toml"},
		Advice: Advice{Way: ReadProfile, Text: "replace the key by the profile: profile = \"{profile}\" (Telegraf), auth.profile = \"{profile}\" (Vector), profile {profile} (Fluent Bit), AWS_PROFILE={profile} otherwise", Link: true},
	},
	{
		ID: "prometheus", Name: "Prometheus, Alertmanager or Grafana configuration", Use: Used,
		Paths:  []string{"prometheus*.y*ml", "alertmanager*.y*ml", "grafana/provisioning/", "grafana.ini", "datasources.y*ml", "datasource*.y*ml", "yace*.y*ml", "cloudwatch*exporter*.y*ml"},
		Advice: Advice{Way: ReadProfile, Text: "replace access_key and secret_key by this (Grafana: authType: credentials and profile)", Lines: []string{"profile: {profile}"}, Link: true, Why: "prometheus.io, ec2_sd_config and sigv4"},
	},
	{
		ID: "object-store", Name: "configuration of a server that uses S3", Use: Used,
		Paths:  []string{"thanos*.y*ml", "loki*.y*ml", "mimir*.y*ml", "tempo*.y*ml", "cortex*.y*ml", "registry/config.yml", "gitlab.rb", "gitlab.yml", "mastodon/.env*", "nextcloud/config/config.php", "config/config.php", "objstore*.y*ml", "bucket*.y*ml", "harbor.yml", "jicofo*", "seafile.conf", "minio.env", "juicefs*"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "the server has to be restarted after a rotation (a hook can)"},
	},
	{
		ID: "git", Name: "git configuration", Use: Used,
		Paths:  []string{".git/config", ".gitconfig", "git/config", ".gitconfig*", ".gitmodules", ".git/config.worktree"},
		Advice: Advice{Way: ReadProfile, Text: "take the key out of the address of the remote; for CodeCommit write in [credential]", Lines: []string{"helper = !aws codecommit credential-helper --profile {profile} $@", "UseHttpPath = true"}, Link: true, Why: "docs.aws.amazon.com/codecommit, credential helper"},
	},
	{
		ID: "netrc", Name: "netrc or stored password", Use: Used,
		Paths:  []string{".netrc", "_netrc", ".git-credentials", "git/credentials", ".authinfo", ".curlrc", ".wgetrc", ".pgpass", ".my.cnf"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "it holds the key as a user name and password"},
	},
	{
		ID: "spring", Name: "Spring configuration", Use: Used,
		Paths:  []string{"application*.properties", "application*.y*ml", "bootstrap*.y*ml", "bootstrap*.properties"},
		Advice: Advice{Way: ReadProfile, Text: "replace access-key and secret-key by", Lines: []string{"spring.cloud.aws.credentials.profile.name={profile}"}, Link: true, Why: "docs.awspring.io, credentials"},
	},
	{
		ID: "dotnet", Name: ".NET settings", Use: Used,
		Paths:  []string{"appsettings*.json", "usersecrets/*/secrets.json", "web.config", "app.config", "*.exe.config", "launchsettings.json"},
		Advice: Advice{Way: ReadProfile, Text: "replace the key by", Lines: []string{"\"AWS\": {\"Profile\": \"{profile}\"}"}, Link: true, Why: "docs.aws.amazon.com/sdk-for-net, AWSSDK.Extensions.NETCore.Setup"},
	},
	{
		ID: "rails", Name: "Rails or PHP configuration", Use: Used,
		Paths:  []string{"config/storage.yml", "config/secrets.yml", "config/aws.yml", "wp-config.php", "config/*.php", "settings.php", "config/environments/*.rb", "config/initializers/*.rb"},
		Advice: Advice{Way: ReadProfile, Text: "take out the key and run the program with this in its environment", Lines: []string{"AWS_PROFILE={profile}"}, Link: true},
	},
	{
		ID: "ssh-config", Name: "ssh configuration", Use: Used,
		Paths:  []string{".ssh/config", ".ssh/config.d/*"},
		Advice: Advice{Way: ReadProfile, Text: "replace the key in SetEnv or ProxyCommand by AWS_PROFILE={profile}", Link: true},
	},
}
