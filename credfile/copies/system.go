package copies

import "runtime"

// SystemPlaces returns the files and folders outside of any home folder where administrators
// put keys for a user or for services, for Options.Also. Source: the documentation of the
// tools that read them.
func SystemPlaces() []string {
	switch runtime.GOOS {
	case "windows":
		return nil
	case "darwin":
		return []string{"/Library/LaunchAgents", "/Library/LaunchDaemons", "/etc/profile", "/etc/zshrc", "/etc/zshenv", "/etc/bashrc", "/etc/boto.cfg", "/etc/crontab", "/etc/postfix/sasl_passwd"}
	}
	return []string{
		"/etc/environment", "/etc/environment.d", "/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh", "/etc/security/pam_env.conf",
		"/etc/boto.cfg", "/etc/passwd-s3fs", "/etc/rclone", "/etc/restic", "/etc/borgmatic", "/etc/borgmatic.d", "/etc/litestream.yml", "/etc/pgbackrest.conf", "/etc/pgbackrest",
		"/etc/crontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/systemd/system", "/etc/systemd/user",
		"/etc/default", "/etc/sysconfig", "/etc/conf.d", "/etc/containers/systemd", "/etc/postfix/sasl_passwd", "/etc/msmtprc", "/etc/fstab",
	}
}
