package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// The programs that are the limits of keyd: what no program in Go can do without.
const (
	emptyProgram = "package main\nfunc main() {}\n"
	// linkedProgram has the SDK in it, and calls nothing.
	linkedProgram = "package main\nimport (\"github.com/aws/aws-sdk-go-v2/service/iam\"; \"github.com/aws/aws-sdk-go-v2/service/sts\")\n" +
		"var keep = []any{iam.New, sts.New}\nfunc main() { if len(keep) == 0 { panic(0) } }\n"
	// readingProgram reads the files that it is given, once.
	readingProgram = "package main\nimport \"os\"\nfunc main() { for _, f := range os.Args[1:] { if _, err := os.ReadFile(f); err != nil { panic(err) } } }\n"
)

// buildProgram builds a program from its text, or keyd itself, as the packages are built, and
// returns its path.
func buildProgram(b *testing.B, folder, name, text string) string {
	b.Helper()
	path, what := filepath.Join(folder, name), "keyd/cmd/keyd"
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if text != "" {
		what = filepath.Join(folder, name+".go")
		if err := os.WriteFile(what, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-tags=nethttpomithttp2", "-buildvcs=false", "-ldflags=-s -w", "-o", path, what)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// timeProcess runs a program and returns its processor time, as the operating system
// counted it.
func timeProcess(b *testing.B, env []string, program string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %v: %v", program, args, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkProcess measures whole processes beside their limits. Each turn runs keyd and
// the limit, and the ratio is the median of the turns: the speed of the machine drifts.
func BenchmarkProcess(b *testing.B) {
	folder := b.TempDir()
	keyd := buildProgram(b, folder, "keyd", "")
	empty := buildProgram(b, folder, "empty", emptyProgram)
	linked := buildProgram(b, folder, "linked", linkedProgram)
	reading := buildProgram(b, folder, "reading", readingProgram)
	info, err := os.Stat(keyd)
	if err != nil {
		b.Fatal(err)
	}
	compare := func(name string, env []string, limit, args []string) {
		b.Run(name, func(b *testing.B) {
			var all, ratios []float64
			for b.Loop() {
				own := timeProcess(b, env, keyd, args...)
				all = append(all, own.Seconds()*1000)
				ratios = append(ratios, own.Seconds()/max(timeProcess(b, env, limit[0], limit[1:]...).Seconds(), 1e-6))
			}
			b.ReportMetric(median(all), "cpu-ms")
			b.ReportMetric(median(ratios), "x-"+filepath.Base(limit[0]))
			b.ReportMetric(float64(info.Size())/1e6, "MB-program")
		})
	}
	compare("version", nil, []string{empty}, []string{"version"})
	compare("version-and-sdk", nil, []string{linked}, []string{"version"})
	for _, n := range []int{1, 100, 10000} {
		home := b.TempDir()
		env := environ(writeYoungHome(b, home, n))
		aws, stateDir := filepath.Join(home, ".aws"), filepath.Join(home, "state")
		files := []string{filepath.Join(aws, "credentials"), filepath.Join(aws, "config")}
		compare(fmt.Sprintf("status/%d", n), env, []string{empty}, []string{"status"})
		compare(fmt.Sprintf("status-and-files/%d", n), env, append([]string{reading, filepath.Join(stateDir, "status.json")}, files...), []string{"status"})
		compare(fmt.Sprintf("credentials/%d", n), env, []string{keyd, "version"}, []string{"credentials", "p0"})
		compare(fmt.Sprintf("credentials-and-files/%d", n), env, append([]string{reading}, files...), []string{"credentials", "p0"})
	}
}

// walkingProgram reads every file below a folder, one after the other.
const walkingProgram = "package main\nimport (\"io/fs\"; \"os\"; \"path/filepath\")\nfunc main() { _ = filepath.WalkDir(os.Args[1], func(p string, e fs.DirEntry, err error) error { if err == nil && e.Type().IsRegular() { _, _ = os.ReadFile(p) }; return nil }) }\n"

// BenchmarkWhere measures keyd where in a home with 100,000 files of 200 bytes.
func BenchmarkWhere(b *testing.B) {
	home := b.TempDir()
	env := environ(writeYoungHome(b, home, 1))
	text := make([]byte, 200)
	for i := range 100_000 {
		path := filepath.Join(home, "src", fmt.Sprint(i/1000), fmt.Sprint(i))
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	folder := b.TempDir()
	keyd, walking := buildProgram(b, folder, "keyd", ""), buildProgram(b, folder, "walking", walkingProgram)
	var all, ratios []float64
	for b.Loop() {
		own := timeProcess(b, env, keyd, "where", "p0")
		all = append(all, own.Seconds()*1000)
		ratios = append(ratios, own.Seconds()/timeProcess(b, env, walking, home).Seconds())
	}
	b.ReportMetric(median(all), "cpu-ms")
	b.ReportMetric(median(ratios), "x-walking")
}

// environ returns an environment as a process gets it.
func environ(variables map[string]string) (list []string) {
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}

// median returns the value in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
