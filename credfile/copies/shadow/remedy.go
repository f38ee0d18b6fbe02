package shadow

import (
	"cmp"
	"strings"
)

// Remedy returns what to do so that programs read the profile instead. It names the
// variables, never their values. A "default" profile needs no variable.
func (s Shadow) Remedy(profile string) string {
	instead := ""
	if line := s.profileLine(profile); line != "" && profile != "default" {
		instead = ", and put there: " + line
	}
	const all = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"
	switch s.Kind {
	case ThisProcess:
		return "in this shell: unset " + all
	case Tmux:
		return "in tmux, for each of " + strings.ReplaceAll(all, " ", ", ") + ": tmux set-environment -gu NAME; then open new windows"
	case Screen:
		return "in screen, for each of " + strings.ReplaceAll(all, " ", ", ") + ": Ctrl-a : unsetenv NAME; then open new windows"
	case UserManager:
		return "systemctl --user unset-environment " + all + "; then start again what was started from there"
	case FishStore:
		return "in fish: set -Ue " + all + instead
	case Registry:
		return "in the settings of Windows, environment variables of your account: remove " + strings.ReplaceAll(all, " ", ", ") + instead
	case Launchd:
		return "take the AWS_ variables of the pair out of the file" + instead + "; then log in again"
	case EnvFile, EnvFolder, PAM, SystemdConf:
		return "take the AWS_ variables of the pair out of the file" + instead + "; then log in again"
	default: // files of shells
		return "take the AWS_ variables of the pair out of the file" + instead + "; then open new shells"
	}
}

// profileLine returns the line that makes tools use a profile, in the syntax of the place.
func (s Shadow) profileLine(profile string) string {
	quoted := quoteUnlessPlain(profile)
	switch s.Kind {
	case Shell, Direnv:
		return "export AWS_PROFILE=" + quoted
	case CShell:
		return "setenv AWS_PROFILE " + quoted
	case Fish:
		return "set -gx AWS_PROFILE " + quoted
	case FishStore:
		return "set -Ux AWS_PROFILE " + quoted
	case PowerShell:
		return "$env:AWS_PROFILE = '" + strings.ReplaceAll(profile, "'", "''") + "'"
	case Nushell:
		return "$env.AWS_PROFILE = " + doubleQuoted(profile)
	case Xonsh:
		return "$AWS_PROFILE = " + doubleQuoted(profile)
	case Elvish:
		return "set-env AWS_PROFILE '" + strings.ReplaceAll(profile, "'", "''") + "'"
	case Mise:
		return "AWS_PROFILE = " + doubleQuoted(profile)
	case EnvFile, EnvFolder:
		return "AWS_PROFILE=" + cmp.Or(plainOr(profile), doubleQuoted(profile))
	case PAM:
		return "AWS_PROFILE DEFAULT=" + cmp.Or(plainOr(profile), doubleQuoted(profile))
	case SystemdConf:
		return `DefaultEnvironment="AWS_PROFILE=` + strings.Trim(doubleQuoted(profile), `"`) + `"`
	case Launchd:
		return "<key>AWS_PROFILE</key><string>" + escapeXML(profile) + "</string>"
	case Registry:
		return "AWS_PROFILE, set to " + profile
	default: // sessions inherit it from the files above
		return ""
	}
}

// plainOr returns name if it needs no quotes in any syntax, and else "".
func plainOr(name string) string {
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+:@/", c) {
			return ""
		}
	}
	return name
}

// quoteUnlessPlain quotes a word for a shell if it needs that.
func quoteUnlessPlain(name string) string {
	if plain := plainOr(name); plain != "" {
		return plain
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// doubleQuoted returns a string in double quotes.
func doubleQuoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// escapeXML escapes what has a meaning in XML.
func escapeXML(name string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(name)
}
