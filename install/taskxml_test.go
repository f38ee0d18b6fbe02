package install

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
)

// taskAsRead is what the task scheduler takes from the XML.
type taskAsRead struct {
	Trigger   string `xml:"Triggers>LogonTrigger>UserId"`
	User      string `xml:"Principals>Principal>UserId"`
	Logon     string `xml:"Principals>Principal>LogonType"`
	Level     string `xml:"Principals>Principal>RunLevel"`
	Limit     string `xml:"Settings>ExecutionTimeLimit"`
	Battery   string `xml:"Settings>DisallowStartIfOnBatteries"`
	Unplugged string `xml:"Settings>StopIfGoingOnBatteries"`
	Instances string `xml:"Settings>MultipleInstancesPolicy"`
	Command   string `xml:"Actions>Exec>Command"`
	Arguments string `xml:"Actions>Exec>Arguments"`
}

func TestTaskRunsForOneUserAndForEver(t *testing.T) {
	data := renderTask(awkwardConfig(), `CORP\al & ice`)
	if data[0] != 0xff || data[1] != 0xfe {
		t.Errorf("schtasks takes UTF-16 with a byte order mark only, not % x", data[:2])
	}
	decoder := xml.NewDecoder(strings.NewReader(decodeUTF16(data)))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is decoded already
	var got taskAsRead
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := taskAsRead{
		Trigger: `CORP\al & ice`, User: `CORP\al & ice`, Logon: "InteractiveToken", Level: "LeastPrivilege",
		Limit: "PT0S", Battery: "false", Unplugged: "false", Instances: "IgnoreNew",
		Command: awkwardConfig().Executable, Arguments: got.Arguments,
	}
	if got != want {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if words := splitWindows(got.Arguments); !slices.Equal(words, []string{"logon",
		`AWS_CONFIG_FILE=/home/al ice/50% of "it"/config`, `AWS_ENDPOINT_URL=http://127.0.0.1:4566/a&b`, `NO_PROXY=localhost,$HOME\`}) {
		t.Errorf("the arguments are %q", words)
	}
}

func TestWindowsArguments(t *testing.T) {
	for _, word := range []string{"", "plain", `two words`, `a "quote"`, `C:\with space\`, `\\server\share`, `\"`, `a\\" b`, "tab\there"} {
		if got := splitWindows("keyd " + quoteWindows(word) + " last"); !slices.Equal(got, []string{"keyd", word, "last"}) {
			t.Errorf("%q was split into %q", word, got)
		}
	}
}

// splitWindows splits a command line by the rules of CommandLineToArgvW, for
// words after the first.
// Source: Microsoft, "Parsing C command-line arguments".
func splitWindows(line string) []string {
	var words []string
	var word strings.Builder
	quoted, begun, slashes := false, false, 0
	end := func() {
		word.WriteString(strings.Repeat(`\`, slashes))
		slashes = 0
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range line {
		switch {
		case r == '\\':
			slashes++
			begun = true
		case r == '"':
			word.WriteString(strings.Repeat(`\`, slashes/2))
			if slashes%2 == 1 {
				word.WriteRune('"')
			} else {
				quoted = !quoted
			}
			slashes, begun = 0, true
		case (r == ' ' || r == '\t') && !quoted:
			end()
		default:
			word.WriteString(strings.Repeat(`\`, slashes) + string(r))
			slashes, begun = 0, true
		}
	}
	end()
	return words
}
