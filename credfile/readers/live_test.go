package readers

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"keyd/credfile/deeptest"
)

// liveBotocore reads files from standard input as a JSON list and writes what botocore
// finds in each.
const liveBotocore = `
import base64, json, os, sys, tempfile
import botocore.configloader as loader, botocore.exceptions as exceptions
path = os.path.join(tempfile.mkdtemp(), 'file')
def flatten(profile):
    flat = {}
    for name, value in profile.items():
        for key, text in (value.items() if isinstance(value, dict) else [(None, value)]):
            flat[name if key is None else name + '.' + key] = text
    return flat
found = []
for case in json.load(sys.stdin):
    with open(path, 'wb') as f:
        f.write(base64.b64decode(case['Text']))
    try:
        profiles = loader.load_config(path)['profiles'] if case['Config'] else loader.raw_config_parse(path)
        found.append({name: flatten(profile) for name, profile in profiles.items()})
    except exceptions.ConfigParseError:
        found.append(None)
os.remove(path)
os.rmdir(os.path.dirname(path))
json.dump(found, sys.stdout)
`

// TestModelReadsAsBotocoreDoes compares the model with the botocore of this machine over
// generated files: 0 differences.
func TestModelReadsAsBotocoreDoes(t *testing.T) {
	if !deeptest.On() {
		t.Skip("compares with the botocore of this machine: set KEYD_DEEP=1; the recordings are compared all the same")
	}
	if err := exec.Command("python3", "-X", "utf8", "-c", "import botocore.configloader").Run(); err != nil {
		t.Skipf("python3 with botocore is not here: %v; the recordings are compared all the same", err)
	}
	type file struct {
		Text   []byte
		Config bool
	}
	random := rand.New(rand.NewPCG(1, 2))
	files := make([]file, 10_000)
	for i := range files {
		files[i] = file{[]byte(generateFile(random)), i%2 == 0}
	}
	in, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("python3", "-X", "utf8", "-c", liveBotocore)
	command.Stdin = bytes.NewReader(in)
	var complaints strings.Builder
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	var found []map[string]map[string]string
	if err := json.Unmarshal(out, &found); err != nil || len(found) != len(files) {
		t.Fatalf("botocore answered for %d of %d files: %v", len(found), len(files), err)
	}
	refused := 0
	for i, f := range files {
		requireFound(t, "the AWS CLI", f.Config, string(f.Text), found[i])
		if found[i] == nil {
			refused++
		}
	}
	t.Logf("%d files, of which botocore refused %d", len(files), refused)
}
