package install

// checkUser refuses the users for whom a service would look at other files than
// the ones they mean.
func (h *Host) checkUser() error {
	switch {
	case h.Root && h.Getenv("SUDO_USER") != "":
		return refuse("run it as "+h.Getenv("SUDO_USER")+", without sudo", "sudo would install keyd for root, whose ~/.aws is another one: nothing was changed")
	case h.Root && h.GOOS != "windows":
		return refuse("run it as the user whose keys are to be rotated; on a server, have the init system run: keyd run",
			"root has no login session whose service keyd could be: nothing was changed")
	}
	return nil
}

// unsupportedError says what to do on a machine without a service manager that keyd
// knows. native is what kardianos/service makes of it.
func (h *Host) unsupportedError(native string) error {
	switch {
	case h.GOOS == "linux" && h.Getenv("WSL_DISTRO_NAME") != "":
		return refuse("write [boot] systemd=true into /etc/wsl.conf, run wsl --shutdown in Windows, and try again",
			"this WSL runs without systemd: nothing was changed")
	case native == "linux-openrc":
		return refuse("with OpenRC 0.60 or later write a user service that runs: keyd run; before that, start keyd run from ~/.profile or the desktop's autostart",
			"OpenRC is not supported: nothing was changed")
	case h.GOOS == "linux":
		return refuse("have your session start keyd run: the desktop's autostart, ~/.profile, runit or s6 user services, or cron's @reboot",
			"there is no systemd here (found: %s): nothing was changed", nativeName(native))
	}
	return refuse("have your session start: keyd run", "keyd cannot install itself on %s: nothing was changed", nativeName(native))
}

func nativeName(native string) string {
	if native == "" {
		return "no service manager"
	}
	return native
}
