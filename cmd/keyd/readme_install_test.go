package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

// TestReadmeInstallsOnAFreshMachine pastes what the README says for Linux and for macOS
// into the shell of a new user, whose PATH has no folder in the home folder. Only the
// compiler is a stand-in: it puts a link to this test where the program belongs.
func TestReadmeInstallsOnAFreshMachine(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the lines are for a shell")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := readReadme(t)
	for name, block := range map[string]string{
		"Linux": findBlock(t, text, "./cmd/keyd\nexport PATH="), "macOS": findBlock(t, text, ">>~/.zprofile"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(block, "#") {
				t.Errorf("zsh, the shell of macOS, takes a comment that is pasted as arguments:\n%s", block)
			}
			home, tools := t.TempDir(), t.TempDir()
			const compiler = "#!/bin/sh\n[ \"$1 $2 $4 $#\" = 'build -o ./cmd/keyd 4' ] && mkdir -p \"$(dirname \"$3\")\" && ln -s \"$KEYD_TEST_BINARY\" \"$3\"\n"
			cloud := awssim.New(awssim.Options{Seed: 1})
			server := httptest.NewServer(cloud)
			defer server.Close()
			id, secret := cloud.AddUser("111122223333", "/", "alice").AddKey(3 * 24 * time.Hour)
			if err := errors.Join(writeProgram(filepath.Join(tools, "go"), compiler), os.Mkdir(filepath.Join(home, ".aws"), 0o700),
				os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte("[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
			lines, last, _ := strings.Cut(block, "keyd install\n")
			if last != "" {
				t.Errorf("the lines do not end with keyd install:\n%s", block)
			}
			// keyd install is refused: the folders of a test are temporary, and its user may be root.
			c := exec.CommandContext(t.Context(), "/bin/sh", "-euc", lines+"keyd install || echo install ended with $?\n")
			c.Env = []string{"HOME=" + home, "PATH=" + tools + ":/usr/bin:/bin", "KEYD_TEST_BINARY=" + program, "AWS_ENDPOINT_URL=" + server.URL, "NO_PROXY=*", "GORACE=atexit_sleep_ms=0"}
			c.Dir = t.TempDir()
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			for _, want := range []string{"default: " + shortID(id) + " is 3d old", "keyd: error: ", "keyd: hint: ", "\ninstall ended with 1\n"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("\n%s\nlacks %q in\n%s", block, want, out)
				}
			}
			if login, err := os.ReadFile(filepath.Join(home, ".zprofile")); name == "macOS" && (err != nil || string(login) != "export PATH=\"$HOME/.local/bin:$PATH\"\n") {
				t.Errorf("the next login of macOS reads %q, %v", login, err)
			}
		})
	}
}

// TestReadmeInstallsOnWindows checks the lines for PowerShell as far as that goes without
// one: the program goes where keyd itself advises to put it, and the rest is as elsewhere.
func TestReadmeInstallsOnWindows(t *testing.T) {
	block := findBlock(t, readReadme(t), "$env:LOCALAPPDATA")
	for _, line := range []string{
		"$folder = \"$env:LOCALAPPDATA\\Programs\\keyd\"\n", "go build -o \"$folder\\keyd.exe\" ./cmd/keyd\n", "$env:Path += \";$folder\"\n",
		"GetEnvironmentVariable(\"Path\", \"User\") + \";$folder\", \"User\")\n", "\nkeyd rotate --dry-run\nkeyd install\n",
	} {
		if !strings.Contains(block, line) {
			t.Errorf("the lines for Windows lack %q:\n%s", line, block)
		}
	}
	if strings.Count(block, `"`)%2 != 0 || strings.Contains(block, "~") || strings.Contains(block, "&&") {
		t.Errorf("PowerShell 5 does not read this:\n%s", block)
	}
	if !strings.Contains(readDocument(t, "install/writers.go"), `"Programs", "keyd")`) {
		t.Error("keyd install advises to put the program into another folder than the README")
	}
}

// TestDocumentsNameThePackage checks the lines about packages against what makes them, which
// .ci/packages runs.
func TestDocumentsNameThePackage(t *testing.T) {
	text := readReadme(t)
	block := findBlock(t, readDocument(t, "install/packaging/README.md"), "install/packaging/build")
	build := readDocument(t, "install/packaging/build")
	for _, want := range []string{"install/packaging/build 1.0.0\n", "./dist/keyd-aws_1.0.0-1_$(dpkg --print-architecture).deb\n"} {
		if !strings.Contains(block, want) {
			t.Errorf("the lines about packages lack %q:\n%s", want, block)
		}
	}
	for _, want := range []string{"file=keyd-aws_${version}-1_$arch.deb", "dist=${DIST:-dist}"} {
		if !strings.Contains(build, want) {
			t.Errorf("install/packaging/build lacks %q, which the lines rely on", want)
		}
	}
	for _, script := range regexp.MustCompile("`(\\.ci/\\w+)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(repository, script[1])); err != nil {
			t.Errorf("the README names %s: %v", script[1], err)
		}
	}
}
