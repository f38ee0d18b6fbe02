package layout

import (
	"slices"
	"strings"
	"testing"
)

func init() { Commands = append(Commands, "hold", "policy", "prune", "retire", "rotate", "status") }

// TestCommandsStayInOnePiece: people paste them. Each text has its commands in brackets.
func TestCommandsStayInOnePiece(t *testing.T) {
	for _, text := range []string{
		"[keyd prune legacy]",
		"if no one needs it, deactivate it: [keyd prune 'my; prod, (old)' AKIARTX3GSDS6ZZ7JUUM]; if another machine uses it, give each machine its own IAM user",
		"set the clock: [timedatectl set-ntp true], or the date settings of your system",
		"see [keyd policy work]; then [keyd rotate -- --yes]",
		"to keep it: [keyd hold it'\\''s]",
		"the partition of the key (aws; aws-cn, such as cn-north-1)",
		"keyd itself made it, and keyd on laptop began it: keyd keeps it",
		"try it beside the key: [aws login --profile work-login]; when nothing uses the key any more: [keyd retire work]",
		"IAM Identity Center is set up here (sso-session x): [aws configure sso --profile x]",
		"run it ([keyd status]) and look",
		"[sudo chown -R 1000 '/home/me/my keys']",
	} {
		plain := strings.NewReplacer("[", "", "]", "").Replace(text)
		var marked, joined strings.Builder
		for _, p := range SplitPieces(plain) {
			joined.WriteString(p.Text)
			if p.IsCommand {
				marked.WriteString("[" + p.Text + "]")
			} else {
				marked.WriteString(p.Text)
			}
		}
		if marked.String() != text || joined.String() != plain {
			t.Errorf("got  %s\nwant %s", marked.String(), text)
		}
		for width := 10; width < 90; width++ {
			lines := Wrap(plain, width)
			if strings.Join(strings.Fields(strings.Join(lines, " ")), " ") != strings.Join(strings.Fields(plain), " ") {
				t.Errorf("at %d words are lost: %q", width, lines)
			}
			for _, p := range SplitPieces(plain) {
				if p.IsCommand && !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, p.Text) }) {
					t.Errorf("at %d a command is broken: %q", width, lines)
				}
			}
			for _, line := range lines {
				if words := splitWords(line); CountColumns(line) > width && len(words) > 1 {
					t.Errorf("at %d: %q is %d columns wide, and could be broken", width, line, CountColumns(line))
				}
			}
		}
	}
}

// TestColumnsAreThoseOfATerminal measures names in several scripts.
func TestColumnsAreThoseOfATerminal(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "größe": 5, "re\u0301sume\u0301": 6, "本番環境-管理者": 15, "ｱｲｳ": 3, "한국어": 6, "🔑": 2, "🇩🇪": 2, "👍🏽": 2, "مفتاح": 5, "עברית": 5, "नमस्ते": 4, "…": 1,
	} {
		if got := CountColumns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

// TestCutKeepsBothEnds cuts names in the middle, and no character that a person sees.
func TestCutKeepsBothEnds(t *testing.T) {
	for _, tc := range []struct {
		text  string
		width int
		want  string
	}{
		{"account-0001", 12, "account-0001"},
		{"account-0001", 11, "accou…-0001"},
		{"account-0001", 5, "ac…01"},
		{"account-0001", 1, "…"},
		{"本番環境-管理者", 9, "本番…理者"},
		{"本番環境-管理者", 8, "本番…者"},
		{"👍🏽👍🏽👍🏽👍🏽", 5, "👍🏽…👍🏽"},
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"},
	} {
		if got := CutMiddle(tc.text, tc.width); got != tc.want || CountColumns(got) > tc.width {
			t.Errorf("%q at %d: %q, want %q", tc.text, tc.width, got, tc.want)
		}
	}
}
