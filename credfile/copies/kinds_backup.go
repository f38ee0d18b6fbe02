package copies

// backupKinds are clients of S3: backups, mounts, file managers.
var backupKinds = []Kind{
	{
		ID: "rclone", Name: "rclone configuration", Use: Used,
		Paths:   []string{"rclone/rclone.conf", "rclone.conf", ".rclone.conf", "rclone*.conf"},
		Content: `(?m)^\[[^\]\n]+\]\s*\n(?:[^\[\n]*\n)*?type[ \t]*=[ \t]*s3[ \t]*$`,
		Advice:  Advice{Way: ReadProfile, Text: "in the remote's section, replace access_key_id and secret_access_key by", Lines: []string{"env_auth = true", "profile = {profile}"}, Link: true, Why: "rclone.org/s3, env_auth and profile; tried with rclone 1.60.1"},
	},
	{
		ID: "resticprofile", Name: "resticprofile configuration", Use: Used,
		Paths: []string{"resticprofile/*", "profiles.toml", ".resticprofile*", "resticprofile.*"}, Content: `(?m)^\[\[?[\w."-]+\.env\]`,
		Advice: Advice{Way: ReadProfile, Text: "in the profile's env, replace the key by", Lines: []string{"AWS_PROFILE = \"{profile}\""}, Link: true, Why: "restic reads AWS_PROFILE since 0.13: restic PR 3507"},
	},
	{
		ID: "restic", Name: "restic environment", Use: Used,
		Paths: []string{"restic/*", ".restic/*", ".restic*", "restic*.env", "restic-env*", "restic*.conf", "autorestic*", ".autorestic.*", "*/restic/*.sh", "/etc/restic/*"}, Content: `(?m)^[ \t]*(export[ \t]+)?RESTIC_(REPOSITORY|PASSWORD)`,
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "restic PR 3507; tried with restic 0.14.0"},
	},
	{
		ID: "s3cmd", Name: "s3cmd configuration", Use: Used,
		Paths: []string{".s3cfg*", "s3cmd.ini", "*.s3cfg"}, Content: `(?m)\A\[default\]\s*\n(?:.*\n)*?access_key[ \t]*=(?:.*\n)*?.*secret_key[ \t]*=`,
		Advice: Advice{Way: ReadProfile, Text: "s3cmd reads a profile only where it has no configuration file, not even one with empty keys: if this one holds nothing else that you need, rename it, and set this where s3cmd runs", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "s3cmd 2.3.0 and later, S3/Config.py: it calls aws_credential_file when read_config_file fails; tried with 2.3.0"},
	},
	{
		ID: "s3fs", Name: "s3fs password file", Use: Used,
		Paths: []string{".passwd-s3fs*", "passwd-s3fs*", "/etc/passwd-s3fs"}, Content: `\A(\S+:)?(AKIA|ABIA|ACCA)[A-Z0-9]{12,124}:[A-Za-z0-9/+]{40}\s*\z`,
		Advice: Advice{Way: ReadProfile, Text: "mount with this instead of the password file, then delete the file", Lines: []string{"-o profile={profile}"}, Link: true, Why: "s3fs(1), -o profile; tried with s3fs 1.90, which takes the home folder from the list of users, not from HOME"},
	},
	{
		ID: "mc", Name: "configuration of the MinIO client", Use: Used,
		Paths: []string{".mc/config.json*", ".mcli/config.json*", "mc/config.json"}, Content: `(?s)"aliases"[ \t\r\n]*:.*"accessKey"[ \t\r\n]*:`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "the client cannot read a profile", Why: "tried with RELEASE.2025-03-13: with empty keys it sends unsigned requests, whatever AWS_PROFILE says"},
	},
	{
		ID: "boto", Name: "boto 2 or gsutil configuration", Use: Used,
		Paths: []string{".boto", "boto.cfg", "/etc/boto.cfg"}, Content: `(?m)^\[Credentials\]`,
		Advice: Advice{Way: ReadProfile, Text: "take out both lines of [Credentials]: boto and gsutil then read the credentials file", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "boto 2.49.0, provider.py: a profile comes before the keys in the file; tried with it"},
	},
	{
		ID: "kopia", Name: "kopia repository", Use: Used,
		Paths: []string{"kopia/*.config", "repository.config", ".kopia/*"}, Content: `"accessKeyID"[ \t\r\n]*:[\s\S]*"secretAccessKey"[ \t\r\n]*:`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "kopia cannot read a profile", Why: "kopia, repo/blob/s3/s3_storage.go: it signs with the keys of the repository"},
	},
	{
		ID: "borgmatic", Name: "backup configuration", Use: Used,
		Paths:  []string{"borgmatic/*", "borgmatic.d/*", "borgmatic*.yaml", ".duply/*/*", "duplicity/*", "duply/*/*", "*/duplicacy/preferences", ".duplicacy/preferences", "rustic/*.toml", "backupninja/*", "/etc/backup*/*"},
		Advice: Advice{Way: ReadProfile, Text: "replace the key by the variable AWS_PROFILE with the value {profile}, if the tool uses an AWS SDK", Link: true, Why: "tried with duplicity 0.8.22, which uses boto"},
	},
	{
		ID: "litestream", Name: "Litestream configuration", Use: Used,
		Paths: []string{"litestream.yml", "litestream.yaml"}, Content: `(?m)^[ \t-]*access-key-id:`,
		Advice: Advice{Way: ReadProfile, Text: "take out access-key-id and secret-access-key, and set AWS_PROFILE={profile} where litestream runs", Link: true, Why: "litestream.io, configuration of S3; tried with litestream 0.3.13"},
	},
	{
		ID: "pgbackrest", Name: "pgBackRest configuration", Use: Used,
		Paths: []string{"pgbackrest.conf", "pgbackrest/conf.d/*"}, Content: `(?m)^repo\d*-s3-key[ \t]*=`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "pgBackRest cannot read a profile", Why: "pgbackrest.org, repo-s3-key-type: shared keys of its configuration, auto (a role) or web-id; tried with 2.45"},
	},
	{
		ID: "walg", Name: "WAL-G configuration", Use: Used,
		Paths:  []string{".walg.json", "walg.json", "wal-g.json", "wal-g.yaml", "wal-e/env/*", "wal-g.d/env/*"},
		Advice: Advice{Way: ReadProfile, Text: "take out the key and set AWS_PROFILE to {profile} in its place", Link: true, Why: "WAL-G uses the AWS SDK's default chain"},
	},
	{
		ID: "cyberduck", Name: "bookmark of Cyberduck or Mountain Duck", Use: Used,
		Paths: []string{"*.duck", "*.cyberducklicense", "*.cyberduckprofile"}, Content: `(?s)<key>Protocol</key>.*<key>Hostname</key>`,
		Advice: Advice{Way: ReadProfile, Text: "the secret is in the keychain, where keyd cannot change it: use the connection profile \"S3 (Credentials from AWS Command Line Interface)\" with the profile {profile}", Why: "docs.cyberduck.io, Amazon S3"},
	},
	{
		ID: "winscp", Name: "WinSCP site", Use: Used,
		Paths: []string{"winscp*.ini"}, Content: `(?m)^\[(Configuration|Sessions)\\`,
		Advice: Advice{Way: ReadProfile, Text: "in the site's section, take out UserName and Password and write", Lines: []string{"S3CredentialsEnv=1", "S3Profile={profile}"}, Why: "winscp.net, raw session settings"},
	},
	{
		ID: "file-client", Name: "site of a file transfer client", Use: Used,
		Paths:  []string{"filezilla/*.xml", "transmit/*", "forklift/*", "*.transmitfavorite", "s3browser/*", "cloudberry*/*", "*/dolphin/*", "duplicati/*", "*.duplicatiqry"},
		Advice: Advice{Way: ByHand, Text: "put the new key into the client after each rotation, or let it read the credentials file, if it can"},
	},
	{
		ID: "ses-smtp", Name: "mail configuration", Use: Used,
		Paths:   []string{"sasl_passwd", "sasl/passwd", ".msmtprc", "msmtp/config", "ssmtp.conf", ".mailrc", "esmtprc", "exim4/passwd.client", "nullmailer/remotes"},
		Content: `email-smtp\.[a-z0-9-]+\.amazonaws\.com`,
		Advice:  Advice{Way: LinkFile, Link: true, Text: "its password is made of the secret: it needs the form ses-smtp with the region, and postmap after a change of sasl_passwd"},
	},
}
