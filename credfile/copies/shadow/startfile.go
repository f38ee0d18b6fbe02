package shadow

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Kind is what kind of place sets a variable.
type Kind string

// The kinds of places.
const (
	Shell       Kind = "shell"          // a start file of sh, bash, zsh or ksh, or a file that one sources
	CShell      Kind = "csh"            // of csh or tcsh
	Fish        Kind = "fish"           // config.fish and its folder
	FishStore   Kind = "fish_variables" // what set -U has stored
	PowerShell  Kind = "powershell"     // a profile of PowerShell
	Nushell     Kind = "nushell"        // env.nu, config.nu
	Xonsh       Kind = "xonsh"          // .xonshrc
	Elvish      Kind = "elvish"         // rc.elv
	Direnv      Kind = "direnv"         // .envrc, or the .env that it loads
	Mise        Kind = "mise"           // mise.toml
	EnvFolder   Kind = "environment.d"  // environment.d of the systemd user manager
	EnvFile     Kind = "environment"    // /etc/environment, ~/.ssh/environment
	PAM         Kind = "pam"            // .pam_environment, /etc/security/pam_env.conf
	SystemdConf Kind = "systemd"        // DefaultEnvironment of the systemd user manager
	Launchd     Kind = "launchd"        // a property list in LaunchAgents
	Registry    Kind = "registry"       // what setx has stored

	ThisProcess Kind = "this process"
	Tmux        Kind = "tmux"         // a running tmux server
	Screen      Kind = "screen"       // a running screen
	UserManager Kind = "systemd user" // the running systemd user manager
)

// startFile is a file that sets the environment.
type startFile struct {
	path string
	kind Kind
}

// homeFiles are start files in the home folder.
var homeFiles = []startFile{
	{".bashrc", Shell}, {".bash_profile", Shell}, {".bash_login", Shell}, {".profile", Shell}, {".bash_aliases", Shell},
	{".zshenv", Shell}, {".zprofile", Shell}, {".zshrc", Shell}, {".zlogin", Shell},
	{".kshrc", Shell}, {".mkshrc", Shell}, {".shrc", Shell}, {".xprofile", Shell}, {".xsessionrc", Shell}, {".xinitrc", Shell}, {".xsession", Shell},
	{".cshrc", CShell}, {".tcshrc", CShell}, {".login", CShell},
	{".xonshrc", Xonsh},
	{".pam_environment", PAM}, {".ssh/environment", EnvFile},
	{"Library/LaunchAgents/*.plist", Launchd},
	{"Library/Application Support/nushell/*.nu", Nushell},
	{"Documents/PowerShell/*rofile.ps1", PowerShell}, {"Documents/WindowsPowerShell/*rofile.ps1", PowerShell},
	{"OneDrive/Documents/PowerShell/*rofile.ps1", PowerShell}, {"OneDrive/Documents/WindowsPowerShell/*rofile.ps1", PowerShell},
	{"AppData/Roaming/nushell/*.nu", Nushell},
}

// configFiles are start files in ~/.config or $XDG_CONFIG_HOME.
var configFiles = []startFile{
	{"zsh/.zshenv", Shell}, {"zsh/.zprofile", Shell}, {"zsh/.zshrc", Shell}, {"zsh/.zlogin", Shell},
	{"fish/config.fish", Fish}, {"fish/conf.d/*.fish", Fish}, {"fish/fish_variables", FishStore},
	{"powershell/*rofile.ps1", PowerShell}, {"nushell/*.nu", Nushell}, {"xonsh/rc.xsh", Xonsh}, {"elvish/rc.elv", Elvish},
	{"environment.d/*.conf", EnvFolder}, {"systemd/user.conf", SystemdConf}, {"systemd/user.conf.d/*.conf", SystemdConf},
	{"plasma-workspace/env/*.sh", Shell}, {"mise/config.toml", Mise},
}

// systemFiles are start files of the machine.
var systemFiles = []startFile{
	{"etc/environment", EnvFile}, {"etc/environment.d/*.conf", EnvFolder}, {"etc/security/pam_env.conf", PAM},
	{"etc/profile", Shell}, {"etc/profile.d/*.sh", Shell}, {"etc/bash.bashrc", Shell}, {"etc/bashrc", Shell},
	{"etc/zshenv", Shell}, {"etc/zprofile", Shell}, {"etc/zshrc", Shell}, {"etc/zsh/zshenv", Shell}, {"etc/zsh/zprofile", Shell}, {"etc/zsh/zshrc", Shell},
	{"etc/csh.cshrc", CShell}, {"etc/fish/config.fish", Fish}, {"etc/systemd/user.conf", SystemdConf}, {"etc/systemd/user.conf.d/*.conf", SystemdConf},
	{"Library/LaunchAgents/*.plist", Launchd},
}

// startFiles returns the files that may exist, each once, in the order in which they are
// reported.
func startFiles(o Options) (all []startFile) {
	add := func(folder string, files []startFile) {
		for _, f := range files {
			pattern := filepath.Join(folder, filepath.FromSlash(f.path))
			paths := []string{pattern}
			if strings.Contains(f.path, "*") {
				paths = matching(pattern)
			}
			for _, path := range paths {
				if !slices.ContainsFunc(all, func(other startFile) bool { return other.path == path }) {
					all = append(all, startFile{path, f.kind})
				}
			}
		}
	}
	if o.Home != "" {
		add(o.Home, homeFiles)
		add(filepath.Join(o.Home, ".config"), configFiles)
		if o.Config != "" {
			add(o.Config, configFiles)
		}
	}
	for dir := o.Dir; dir != ""; dir = filepath.Dir(dir) {
		add(dir, []startFile{{".envrc", Direnv}, {"mise.toml", Mise}, {".mise.toml", Mise}})
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if o.System != "" && runtime.GOOS != "windows" {
		add(o.System, systemFiles)
	}
	return all
}

// matching returns the files of one folder whose names match a pattern. Unlike
// filepath.Glob, it takes the folder as it is, even if its name holds a bracket.
func matching(pattern string) (paths []string) {
	folder, name := filepath.Split(pattern)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if ok, _ := filepath.Match(name, e.Name()); ok {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	return paths
}
