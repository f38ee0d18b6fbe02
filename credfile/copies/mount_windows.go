package copies

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// listMounts returns the drives that are on other machines. What is mounted on a folder is
// a link to Windows, and no link is followed.
func listMounts() map[string]mount {
	mounts := map[string]mount{}
	for letter := 'A'; letter <= 'Z'; letter++ {
		root := string(letter) + `:\`
		name, err := windows.UTF16PtrFromString(root)
		if err == nil && windows.GetDriveType(name) == windows.DRIVE_REMOTE {
			mounts[root] = mount{kind: "network drive", remote: true}
		}
	}
	if share := filepath.VolumeName(homeVolume()); strings.HasPrefix(share, `\\`) {
		mounts[share+`\`] = mount{kind: "network share", remote: true}
	}
	return mounts
}

// homeVolume returns the home folder of this user, for its volume.
func homeVolume() string {
	home, err := windows.KnownFolderPath(windows.FOLDERID_Profile, 0)
	if err != nil {
		return ""
	}
	return home
}

// listTwins returns nothing: only a Linux runs in a Windows.
func listTwins(map[string]mount) []string { return nil }
