package copies

// shellKinds are files that put a key into the environment. A key in the environment outranks
// the credentials file, so a rotation does not reach the programs that inherit it.
var shellKinds = []Kind{
	{
		ID: "direnv", Name: "direnv file", Use: Shadows,
		Paths:  []string{".envrc", ".envrc.*", "direnv/direnvrc", "direnv/lib/", ".direnvrc"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"export AWS_PROFILE={profile}"}, Link: true, Why: "direnv.net: .envrc is a bash script"},
	},
	{
		ID: "shell-start", Name: "shell start file", Use: Shadows,
		Paths: []string{".bashrc", ".bash_profile", ".bash_login", ".bash_aliases", ".bash_exports", ".bash_env", ".bashrc.*", ".bashenv", ".profile", ".profile.*", ".zshrc", ".zshrc.*", ".zshenv", ".zshenv.*", ".zprofile", ".zlogin", ".kshrc", ".mkshrc", ".shrc", ".shinit", ".env.sh",
			".login", ".xprofile", ".xsession", ".xsessionrc", ".xinitrc", ".exports", ".aliases", ".extra", ".functions", ".path", ".secrets.sh",
			".bashrc.d/", ".zshrc.d/", ".zsh/", ".bash.d/", ".profile.d/", ".shell.d/", "~/.config/zsh/", "~/.config/bash/", "~/.config/shell/", ".oh-my-zsh/custom/", ".bash_it/custom/", "plasma-workspace/env/",
			"/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/*", "/etc/zshrc", "/etc/zshenv"},
		Content: `\A#![ \t]*/\S*(bash|zsh|[^a-z]sh)[ \t]+-[a-z]*[il]`,
		Advice:  Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"export AWS_PROFILE={profile}"}, Link: true, Why: "AWS CLI user guide, \"Configuring environment variables\""},
	},
	{
		ID: "csh-start", Name: "csh start file", Use: Shadows,
		Paths:  []string{".cshrc", ".tcshrc", "/etc/csh.cshrc", "/etc/csh.login"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"setenv AWS_PROFILE {profile}"}, Link: true},
	},
	{
		ID: "fish-variables", Name: "universal variables of fish", Use: Shadows,
		Paths:   []string{"fish/fish_variables"},
		Content: `\A# This file contains fish universal variable definitions`,
		Advice:  Advice{Way: ReadProfile, Text: "fish keeps this file to itself; run in fish", Lines: []string{"set -Ue AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", "set -Ux AWS_PROFILE {profile}"}, Why: "fishshell.com, set"},
	},
	{
		ID: "fish-start", Name: "fish configuration", Use: Shadows,
		Paths:   []string{"fish/config.fish", "fish/conf.d/*", "fish/functions/*", "*.fish"},
		Content: `(?m)^[ \t]*set (-gx|-xg|-Ux|-xU|-x|--export|--global --export) AWS_`,
		Advice:  Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"set -gx AWS_PROFILE {profile}"}, Link: true, Why: "fishshell.com, set"},
	},
	{
		ID: "powershell-profile", Name: "PowerShell profile", Use: Shadows,
		Paths:  []string{"*profile.ps1", "powershell/*.ps1", "windowspowershell/*.ps1"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"$env:AWS_PROFILE = '{profile}'"}, Link: true, Why: "learn.microsoft.com, about_Profiles"},
	},
	{
		ID: "nushell", Name: "nushell configuration", Use: Shadows,
		Paths:  []string{"nushell/*.nu", "*.nu"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"$env.AWS_PROFILE = \"{profile}\""}, Link: true},
	},
	{
		ID: "elvish", Name: "elvish or xonsh start file", Use: Shadows,
		Paths:  []string{"elvish/rc.elv", ".elvish/rc.elv", ".xonshrc", "xonsh/rc.xsh"},
		Advice: Advice{Way: ReadProfile, Text: "take out the lines with the key and set AWS_PROFILE to {profile} in their place", Link: true},
	},
	{
		ID: "environment-d", Name: "environment of the user's services (environment.d)", Use: Shadows,
		Paths:  []string{"environment.d/*.conf", "/etc/environment.d/*"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by this, and log in again", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "environment.d(5)"},
	},
	{
		ID: "pam-environment", Name: "environment of the login", Use: Shadows,
		Paths:  []string{".pam_environment"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by this, and log in again", Lines: []string{"AWS_PROFILE DEFAULT={profile}"}, Link: true, Why: "pam_env.conf(5)"},
	},
	{
		ID: "etc-environment", Name: "environment of all logins", Use: Shadows,
		Paths:  []string{"/etc/environment", ".ssh/environment", "/etc/security/pam_env.conf"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by this, and log in again", Lines: []string{"AWS_PROFILE={profile}"}, Link: true},
	},
	{
		ID: "launch-agent", Name: "launchd job", Use: Shadows,
		Paths:   []string{"launchagents/*.plist", "launchdaemons/*.plist"},
		Content: `<key>EnvironmentVariables</key>`,
		Advice:  Advice{Way: ReadProfile, Text: "in the EnvironmentVariables dict, replace the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY by this, then launchctl bootout and bootstrap the job", Lines: []string{"<key>AWS_PROFILE</key>", "<string>{profile}</string>"}, Link: true, Why: "launchd.plist(5)"},
	},
	{
		ID: "tmux", Name: "tmux or screen configuration", Use: Shadows,
		Paths:  []string{".tmux.conf", "tmux/tmux.conf", ".tmux.conf.local"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by this; a running server keeps the old ones until tmux set-environment -gu AWS_ACCESS_KEY_ID", Lines: []string{"set-environment -g AWS_PROFILE {profile}"}, Link: true, Why: "tmux(1), set-environment"},
	},
	{
		ID: "screen", Name: "screen configuration", Use: Shadows,
		Paths:  []string{".screenrc"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"setenv AWS_PROFILE {profile}"}, Link: true, Why: "screen(1), setenv"},
	},
	{
		ID: "mise", Name: "mise configuration", Use: Shadows,
		Paths:  []string{"mise.toml", ".mise.toml", "mise.*.toml", ".mise.*.toml", "mise/config.toml", "mise/config.*.toml", ".rtx.toml"},
		Advice: Advice{Way: ReadProfile, Text: "in [env], replace the lines with the key by", Lines: []string{"AWS_PROFILE = \"{profile}\""}, Link: true, Why: "mise.jdx.dev, environments"},
	},
	{
		ID: "devbox", Name: "devbox or Nix shell", Use: Shadows,
		Paths:  []string{"devbox.json", "shell.nix", "flake.nix", "devenv.nix"},
		Advice: Advice{Way: ReadProfile, Text: "take out the key and set AWS_PROFILE to {profile} in its place", Link: true},
	},
	{
		ID: "registry-export", Name: "export of the Windows registry", Use: Leftover,
		Paths:   []string{"*.reg"},
		Content: `\A[^W]{0,4}Windows Registry Editor`,
		Advice:  Advice{Way: ReadProfile, Text: "delete the file; if HKCU\\Environment holds the key as well, run", Lines: []string{"reg delete HKCU\\Environment /v AWS_ACCESS_KEY_ID /f", "reg delete HKCU\\Environment /v AWS_SECRET_ACCESS_KEY /f", "setx AWS_PROFILE {profile}"}},
	},
}
