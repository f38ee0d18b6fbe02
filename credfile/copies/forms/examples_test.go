package forms

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reader returns what a tool finds in its file: each value under a name, with all
// encodings taken off. No reader uses code of this package.
type reader func(t *testing.T, data []byte) map[string]string

// examples are files as their tools write them.
var examples = []struct {
	file    string
	read    reader
	form    string
	ids     string // the names under which the reader finds the id, with | in between
	secrets string
}{
	{"rclone.conf", readINI, "", "backup/access_key_id", "backup/secret_access_key"},
	{"s3cfg", readINI, "", "default/access_key", "default/secret_key"},
	{"dotenv", readShell, "", "AWS_ACCESS_KEY_ID|S3_KEY", "AWS_SECRET_ACCESS_KEY|S3_SECRET"},
	{"envrc", readShell, "", "AWS_ACCESS_KEY_ID|TF_VAR_access_key", "AWS_SECRET_ACCESS_KEY"},
	{"docker-compose-map.yml", readYAML, "", "services/worker/environment/AWS_ACCESS_KEY_ID", "services/worker/environment/AWS_SECRET_ACCESS_KEY"},
	{"docker-compose-list.yml", readYAML, "", "services/worker/environment/0=AWS_ACCESS_KEY_ID|services/backup/command/1", "services/worker/environment/1=AWS_SECRET_ACCESS_KEY|services/backup/command/3"},
	{"terraform.tfvars", readHCL, "", "access_key", "secret_key"},
	{"terraform.tfvars.json", readJSON, "", "access_key", "secret_key"},
	{"dot-terraform.tfstate", readJSON, "", "backend/config/access_key", "backend/config/secret_key"},
	{"boto", readINI, "", "Credentials/aws_access_key_id", "Credentials/aws_secret_access_key"},
	{"mc-config.json", readJSON, "", "aliases/s3/accessKey", "aliases/s3/secretKey"},
	{"mc-host.env", readShell, "", "MC_HOST_s3/user", "MC_HOST_s3/password"},
	{"gradle.properties", readProperties, "", "awsAccessKeyId", "awsSecretAccessKey"},
	{"settings.xml", readXML, "", "settings/servers/server[0]/username", "settings/servers/server[0]/password"},
	{"passwd-s3fs", readPasswd, "", "/id|example-bucket/id", "/secret|example-bucket/secret"},
	{"kopia-repository.config", readJSON, "", "storage/config/accessKeyID", "storage/config/secretAccessKey"},
	{"dvc-config.local", readINI, "", `'remote "storage"'/access_key_id`, `'remote "storage"'/secret_access_key`},
	{"profile.ps1", readPowerShell, "", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
	{"config.fish", readFish, "", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
	{"mcp.json", readJSON, "", "mcpServers/aws-api/env/AWS_ACCESS_KEY_ID", "mcpServers/aws-api/env/AWS_SECRET_ACCESS_KEY"},
	{"idea-run.xml", readXML, "", "component/configuration/envs/env[0]@value", "component/configuration/envs/env[1]@value"},
	{"secret-data.yaml", readSecret, "", "data/AWS_ACCESS_KEY_ID|applied/data/AWS_ACCESS_KEY_ID", "data/AWS_SECRET_ACCESS_KEY|applied/data/AWS_SECRET_ACCESS_KEY"},
	{"secret-stringdata.yaml", readSecret, "", "stringData/access_key_id|stringData/loki.yaml/storage_config/aws/s3/user", "stringData/access_key_secret|stringData/loki.yaml/storage_config/aws/s3/password"},
	{"velero-secret.yaml", readSecret, "", "data/cloud/default/aws_access_key_id", "data/cloud/default/aws_secret_access_key"},
	{"velero-wrapped.yaml", readSecret, "", "data/cloud/default/aws_access_key_id", "data/cloud/default/aws_secret_access_key"},
	{"airflow.env", readShell, "", "AIRFLOW_CONN_AWS_DEFAULT/user|AIRFLOW_CONN_S3?aws_access_key_id|AIRFLOW_CONN_JSON/login", "AIRFLOW_CONN_AWS_DEFAULT/password|AIRFLOW_CONN_S3?aws_secret_access_key|AIRFLOW_CONN_JSON/password"},
	{"systemd.env", readShell, "", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
	{"crontab", readCrontab, "", "AWS_ACCESS_KEY_ID|4/AWS_ACCESS_KEY_ID|6/user", "AWS_SECRET_ACCESS_KEY|4/AWS_SECRET_ACCESS_KEY|6/password"},
	{"sasl_passwd", readPostfix, "ses-smtp eu-west-1", "[email-smtp.eu-west-1.amazonaws.com]:587/user", ""},
	{"smtp.env", readShell, "ses-smtp eu-west-1", "SMTP_LOGIN|AWS_ACCESS_KEY_ID|MAIL_URL/user", "AWS_SECRET_ACCESS_KEY"},
	{"core-site.xml", readXML, "", "configuration/property[0]/value", "configuration/property[1]/value"},
	{"launchd.plist", readXML, "", "plist/dict/dict/string[0]", "plist/dict/dict/string[1]"},
	{"accessKeys.csv", readCSV, "", "1/Access key ID", "1/Secret access key"},
	{"docker-auth.json", readJSON, "", "auths/registry.example.com/auth/user", "auths/registry.example.com/auth/password"},
}

func TestExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(e.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", e.file))
			if err != nil {
				t.Fatal(err)
			}
			f, err := ParseForm(e.form)
			if err != nil {
				t.Fatal(err)
			}
			checkExample(t, data, e.read, f, e.ids, e.secrets)
		})
	}
}

func checkExample(t *testing.T, data []byte, read reader, f Form, ids, secrets string) {
	t.Helper()
	before := read(t, data)
	out, places, err := Replace("file", data, f, oldPair, nextPair)
	if err != nil {
		t.Fatal(err)
	}
	after := read(t, out)

	// The tool's own reader sees the new key under the right names and nothing else changed.
	want := map[string]string{}
	for name, value := range before {
		for _, swap := range swaps(f) {
			value = strings.ReplaceAll(value, swap[0], swap[1])
		}
		want[name] = value
	}
	if !maps.Equal(after, want) {
		t.Errorf("the reader finds\n%q, want\n%q", after, want)
	}
	for name := range strings.SplitSeq(ids, "|") {
		if after[name] != nextPair.ID {
			t.Errorf("%s is %q and not the new id: %q", name, after[name], slices.Sorted(maps.Keys(after)))
		}
	}
	for name := range strings.SplitSeq(secrets, "|") {
		if name != "" && strings.TrimRight(after[name], "\n") != nextPair.Secret {
			t.Errorf("%s is %q and not the new secret: %q", name, after[name], slices.Sorted(maps.Keys(after)))
		}
	}

	checkPlaces(t, data, out, f, places)
	if Shows(out, f, oldPair.ID) || !Shows(data, f, oldPair.ID) {
		t.Error("Shows is wrong about the old id")
	}
	if ReadBack("file", out, f, nextPair) != nil || ReadBack("file", out, f, oldPair) == nil {
		t.Error("ReadBack is wrong")
	}
	back, _, err := Replace("file", out, f, nextPair, oldPair)
	if err != nil || !bytes.Equal(back, data) {
		t.Errorf("the way back: %v", err)
	}
	for _, set := range []func(string) []byte{utf16LE, utf16BE} { // an editor of Windows has saved it
		wide, places, err := Replace("file", set(string(data)), f, oldPair, nextPair)
		if err != nil || !bytes.Equal(wide, set(string(out))) {
			t.Fatalf("in UTF-16: %v", err)
		}
		checkPlaces(t, set(string(data)), wide, f, places)
	}
}

// swaps lists what becomes what.
func swaps(f Form) [][2]string {
	all := [][2]string{{oldPair.ID, nextPair.ID}, {oldPair.Secret, nextPair.Secret}}
	if f.region != "" {
		all = append(all, [2]string{published(oldPair.Secret, f.region), published(nextPair.Secret, f.region)})
	}
	return all
}

// checkPlaces checks that out differs from data in the places only.
func checkPlaces(t *testing.T, data, out []byte, f Form, after []Place) {
	t.Helper()
	before, err := Find("file", data, f, oldPair)
	if err != nil || len(before) != len(after) {
		t.Fatalf("%d places, then %d: %v", len(before), len(after), err)
	}
	var a, b []byte
	i, j := 0, 0
	for n := range before {
		p, q := before[n], after[n]
		if p.Value != q.Value || p.Line != q.Line || p.Encoding != q.Encoding && p.Value != SMTPPassword || p.Line != 1+bytes.Count(data[:p.Start], []byte("\n")) {
			t.Errorf("place %+v becomes %+v", p, q)
		}
		if p.Start < i { // another value in the same text
			continue
		}
		a, b = append(append(a, data[i:p.Start]...), 0), append(append(b, out[j:q.Start]...), 0)
		i, j = p.End, q.End
	}
	if !bytes.Equal(append(a, data[i:]...), append(b, out[j:]...)) {
		t.Errorf("bytes outside the places changed:\n%q\n%q", data, out)
	}
}

func TestEveryExampleIsTested(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tested := false
		for _, e := range examples {
			tested = tested || e.file == file.Name()
		}
		if !tested && file.Name() != "fuzz" {
			t.Errorf("testdata/%s is in no test", file.Name())
		}
	}
}
