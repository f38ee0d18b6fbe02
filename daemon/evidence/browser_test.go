package evidence_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile/deeptest"
)

// findBrowser returns a browser that can show a page without a screen, or skips the test.
func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no browser is installed")
	return ""
}

// TestBrowserShowsThePage lets a browser read the page: all of it is there, the names that
// attack it are text, and the picture has a bar for each key. With KEYD_SCREENSHOT, the
// browser also writes a picture of the page to that path.
func TestBrowserShowsThePage(t *testing.T) {
	if !deeptest.On() {
		t.Skip("left out: a browser takes as long as all other tests here; KEYD_DEEP=1 go test ./daemon/evidence -run " + t.Name())
	}
	browser := findBrowser(t)
	r, _ := sample(t)
	page := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(page, r.HTML(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + t.TempDir()}, args...)
		out, err := exec.CommandContext(ctx, browser, append(args, "file://"+page)...).Output()
		if err != nil {
			t.Skipf("the browser does not run here: %v", err)
		}
		return string(out)
	}
	dom := run("--dump-dom")
	if strings.Count(dom, "<script") != 0 || strings.Count(dom, "<img") != 0 || !strings.Contains(dom, "&lt;script&gt;alert(1)") {
		t.Error("a profile's name is more than text in the page")
	}
	for what, least := range map[string]int{`class="use"`: len(r.Keys), `class="overlap"`: 2, `class="quiet"`: 6, `class="off"`: 5, `class="gone"`: 6, `class="limit"`: len(r.Keys), "</html>": 1} {
		if n := strings.Count(dom, what); n < least {
			t.Errorf("the page has %d times %s, want %d", n, what, least)
		}
	}
	if to := os.Getenv("KEYD_SCREENSHOT"); to != "" {
		run("--hide-scrollbars", "--window-size=1200,2600", "--screenshot="+to)
	}
}
