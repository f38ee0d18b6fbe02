package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readPackaging returns the text of a file in install/packaging.
func readPackaging(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("packaging", path))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// TestPackageScriptsLeaveUsersAlone: what root runs at an installation or a removal starts,
// stops and enables no service, and reads no home folder. .ci/packages runs the scripts.
func TestPackageScriptsLeaveUsersAlone(t *testing.T) {
	for _, script := range []string{"after-install", "before-remove", "after-remove"} {
		text := readPackaging(t, script)
		if !strings.HasPrefix(text, "#!/bin/sh\n") || !strings.Contains(text, "\nset -e\n") {
			t.Errorf("%s is not a script that ends at the first failure", script)
		}
		for line := range strings.Lines(text) {
			command := strings.TrimSpace(line)
			if found := regexp.MustCompile(`\b(systemctl|deb-systemd|loginctl|kill|pkill|su|sudo|runuser|rm|/home|\$HOME)\b`).FindString(command); found != "" && !strings.HasPrefix(command, "#") {
				t.Errorf("%s has %q in: %s", script, found, command)
			}
		}
	}
}

// destinations returns where a package puts what, from the lines of its contents.
func destinations(text string) (all []string) {
	for _, line := range regexp.MustCompile(`(?m)^ +- \{(.*dst: .*)\}$`).FindAllStringSubmatch(text, -1) {
		found := regexp.MustCompile(`dst: (/[^,]+)(?:.*(packager: \w+))?.*file_info: (.*)|dst: (/[^,]+), type: license, packager: (rpm)`).FindStringSubmatch(line[1])
		if found != nil {
			all = append(all, strings.Join(found[1:], " "))
		}
	}
	slices.Sort(all)
	return all
}

// TestGoreleaserMakesTheSamePackage compares the two descriptions of the package.
// Goreleaser puts the program in by itself.
func TestGoreleaserMakesTheSamePackage(t *testing.T) {
	release, err := os.ReadFile(filepath.Join("..", ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	own, theirs := destinations(readPackaging(t, "nfpm.yaml")), destinations(string(release))
	own = slices.DeleteFunc(own, func(line string) bool { return strings.HasPrefix(line, packagedProgram+" ") })
	if len(own) < 18 || !slices.Equal(own, theirs) {
		t.Errorf("nfpm.yaml has\n%s\n.goreleaser.yaml has\n%s", strings.Join(own, "\n"), strings.Join(theirs, "\n"))
	}
	for _, same := range []string{"section: utils", "recommends: [ca-certificates]", "postinstall: install/packaging/after-install", "preremove: install/packaging/before-remove",
		"postremove: install/packaging/after-remove", "rotate the AWS access keys in ~/.aws/credentials", "service: each user who wants it runs keyd install."} {
		if !strings.Contains(readPackaging(t, "nfpm.yaml"), same) || !strings.Contains(string(release), same) {
			t.Errorf("nfpm.yaml and .goreleaser.yaml do not both have %q", same)
		}
	}
	build := readPackaging(t, "build")
	for _, same := range []string{"-trimpath", "nethttpomithttp2", "-s -w -buildid= -X main.release="} {
		if !strings.Contains(build, same) || !strings.Contains(string(release), same) {
			t.Errorf("build and .goreleaser.yaml do not both have %q", same)
		}
	}
	for _, never := range []string{"conflicts:", "replaces:", "/usr/bin/keyd,", "/usr/bin/keyd}", "default.target.wants"} {
		if strings.Contains(readPackaging(t, "nfpm.yaml")+string(release), never) {
			t.Errorf("the package has %q, and would get in the way of the keyboard remapper or of a user", never)
		}
	}
}

// TestManifestsNameWhatIsBuilt checks the templates for Homebrew, scoop and winget: the
// archives that they name are those that build makes, each with its own sum.
func TestManifestsNameWhatIsBuilt(t *testing.T) {
	var scoop struct {
		Architecture map[string]struct{ URL, Hash, ExtractDir string }
		Bin          string
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(readPackaging(t, "scoop.json"), "extract_dir", "ExtractDir")), &scoop); err != nil {
		t.Fatal(err)
	}
	for name, a := range scoop.Architecture {
		if !strings.HasSuffix(a.URL, "/"+a.ExtractDir+".zip") || scoop.Bin != "keyd.exe" {
			t.Errorf("scoop, %s: %+v", name, a)
		}
	}
	for file, systems := range map[string][]string{
		"keyd-aws.rb": {"darwin_arm64", "darwin_amd64", "linux_arm64", "linux_amd64"}, "scoop.json": {"windows_amd64", "windows_arm64"}, "winget/installer.yaml": {"windows_amd64", "windows_arm64"},
	} {
		text := readPackaging(t, file)
		// the address of an archive, and then its sum
		found := regexp.MustCompile(`(?s)@URL@/keyd_@VERSION@_(\w+)\.(?:tar\.gz|zip)"\s*,?\s*(?:sha256|"hash":|InstallerSha256:) "@(\w+)@"`).FindAllStringSubmatch(text, -1)
		var named []string
		for _, f := range found {
			if named = append(named, f[1]); f[1] != f[2] {
				t.Errorf("%s: the archive of %s has the sum of %s", file, f[1], f[2])
			}
		}
		if !slices.Equal(named, systems) {
			t.Errorf("%s names the archives of %q, want %q", file, named, systems)
		}
		for _, left := range regexp.MustCompile(`@\w+@`).FindAllString(text, -1) {
			if left != "@VERSION@" && left != "@URL@" && !slices.Contains(systems, strings.Trim(left, "@")) {
				t.Errorf("%s: build does not fill in %s", file, left)
			}
		}
	}
	if formula := readPackaging(t, "keyd-aws.rb"); !strings.Contains(formula, "service do\n    run [opt_bin/\"keyd\", \"run\"]\n") {
		t.Errorf("the formula has no service that starts keyd run:\n%s", formula)
	}
}
