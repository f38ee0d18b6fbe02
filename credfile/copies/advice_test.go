package copies_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyd/credfile/copies"
	"keyd/credfile/deeptest"
)

// adviceTool is a program that is asked to read a profile with the lines of a kind.
type adviceTool struct {
	name    string
	kind    string   // the row of the table whose advice is followed; "" for a tool of AWS
	needs   []string // the programs without which it is left out
	root    bool     // the script needs root, for a mount namespace of its own
	cannot  bool     // the tool cannot read a profile: the table must not say that it can
	prepare string   // a shell script that follows the advice, in the home folder
	run     string   // a shell script that makes the tool call S3 or STS
}

// adviceTools are the tools whose advice has been tried. In the scripts, $LINE1 and so on
// are the lines of the advice for the profile x, $S3 is the address of the stand-in, and
// $HOST its host and port.
var adviceTools = []adviceTool{
	{name: "AWS CLI", needs: []string{"aws"}, run: `AWS_PROFILE=x aws --endpoint-url $S3 --region us-east-1 s3 ls`},
	{name: "AWS CLI with --profile", needs: []string{"aws"}, run: `aws --profile x --endpoint-url $S3 --region us-east-1 s3 ls`},
	{name: "botocore, as Python programs, dvc and MCP servers use it", kind: "mcp", needs: []string{"python3", "python3:botocore"},
		run: `env "$(echo "$LINE1" | sed 's/[" ]//g; s/:/=/')" python3 -c "import botocore.session as s
s.get_session().create_client('s3', endpoint_url='$S3', region_name='us-east-1').list_buckets()"`},
	{name: ".env file, read by a shell", kind: "dotenv", needs: []string{"aws"}, prepare: `echo "$LINE1" >.env`,
		run: `set -a; . ./.env; aws --endpoint-url $S3 --region us-east-1 s3 ls`},
	{name: "shell script", kind: "shell-script", needs: []string{"aws"}, prepare: `echo "$LINE1" >aws.sh`,
		run: `. ./aws.sh; aws --endpoint-url $S3 --region us-east-1 s3 ls`},
	{name: "rclone", kind: "rclone", needs: []string{"rclone"},
		prepare: `mkdir -p .config/rclone; printf '[s3]\ntype = s3\nprovider = AWS\nregion = us-east-1\nendpoint = %s\n%s\n%s\n' $S3 "$LINE1" "$LINE2" >.config/rclone/rclone.conf`,
		run:     `rclone lsd s3:`},
	{name: "restic", kind: "restic", needs: []string{"restic"}, prepare: `echo "$LINE1" >restic.env`,
		run: `set -a; . ./restic.env; RESTIC_PASSWORD=p restic -r s3:$S3/bucket init`},
	{name: "s3cmd", kind: "s3cmd", needs: []string{"s3cmd"},
		run: `export "$LINE1"; s3cmd --host=$HOST --host-bucket=$HOST --no-ssl ls`},
	// s3fs takes the home folder from the list of users, not from $HOME. It signs before it
	// mounts.
	{name: "s3fs", kind: "s3fs", needs: []string{"s3fs", "unshare"}, root: true,
		run: `mkdir -p mnt; unshare -m bash -c 'mount --bind "$HOME" ~root; timeout 3 s3fs bucket mnt $LINE1 -o url=$S3 -o use_path_request_style -o retries=1 -f'`},
	{name: "boto 2", kind: "boto", needs: []string{"/usr/bin/python3:boto"}, prepare: `printf '[Credentials]\n[Boto]\n' >.boto`,
		run: `export "$LINE1"; /usr/bin/python3 -c "import boto.s3.connection as c
c.S3Connection(host='${HOST%:*}', port=${HOST#*:}, is_secure=False, calling_format=c.OrdinaryCallingFormat()).get_all_buckets()"`},
	{name: "duplicity", kind: "borgmatic", needs: []string{"duplicity", "/usr/bin/python3:boto"},
		run: `mkdir -p data; export AWS_PROFILE=x; timeout 20 duplicity --no-encryption --num-retries 1 --s3-unencrypted-connection data s3://$HOST/bucket/backup`},
	{name: "litestream", kind: "litestream", needs: []string{"litestream", "python3"},
		prepare: `python3 -c "import sqlite3; d = sqlite3.connect('db'); d.execute('pragma journal_mode=wal'); d.execute('create table t(a)'); d.commit()"
printf 'dbs:\n- path: %s/db\n  replicas:\n  - type: s3\n    bucket: bucket\n    path: db\n    endpoint: %s\n    region: us-east-1\n    force-path-style: true\n' "$HOME" $S3 >litestream.yml`,
		run: `AWS_PROFILE=x timeout 5 litestream replicate -config litestream.yml`},
	{name: "MinIO client", kind: "mc", needs: []string{"mc"}, cannot: true,
		prepare: `mkdir -p .mc; printf '{"version":"10","aliases":{"s3":{"url":"%s","accessKey":"","secretKey":"","api":"s3v4","path":"on"}}}' $S3 >.mc/config.json`,
		run:     `AWS_PROFILE=x mc ls s3`},
	{name: "pgBackRest", kind: "pgbackrest", needs: []string{"pgbackrest"}, cannot: true,
		prepare: `printf '[global]\nrepo1-type=s3\nrepo1-s3-bucket=bucket\nrepo1-s3-endpoint=%s\nrepo1-s3-region=us-east-1\nrepo1-path=/r\nrepo1-storage-verify-tls=n\nlock-path=%s\nlog-path=%s\n' $HOST "$HOME" "$HOME" >pgbackrest.conf`,
		run:     `AWS_PROFILE=x pgbackrest --config=pgbackrest.conf repo-ls`},
}

// TestAdviceWithRealTools follows the advice of the table with the real tools. Each signs a
// request with the key of the profile, and after a change of the credentials file with the
// new one, and never with the one of [default]. It says which tools are not installed.
func TestAdviceWithRealTools(t *testing.T) {
	if !deeptest.On() || runtime.GOOS != "linux" {
		t.Skip("it runs the real tools, with KEYD_DEEP=1 on Linux")
	}
	for _, tool := range adviceTools {
		t.Run(tool.name, func(t *testing.T) {
			for _, need := range tool.needs {
				program, module, _ := strings.Cut(need, ":")
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("LEFT OUT: %s is not installed", program)
				}
				if module != "" && exec.Command(program, "-c", "import "+module).Run() != nil {
					t.Skipf("LEFT OUT: %s has no module %s", program, module)
				}
			}
			if tool.root && os.Geteuid() != 0 {
				t.Skip("LEFT OUT: it needs root")
			}
			tool.try(t)
		})
	}
}

// try follows the advice, runs the tool with one key in the profile, and again with the
// next.
func (tool adviceTool) try(t *testing.T) {
	const other, first, second = "AKIAIOSFODNN7DEFAULT", "AKIAIOSFODNN7FIRST00", "AKIAIOSFODNN7SECOND0"
	s3 := &standIn{}
	server := httptest.NewServer(s3)
	defer server.Close()
	home := t.TempDir()
	host := strings.TrimPrefix(server.URL, "http://")
	environ := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "S3=" + server.URL, "HOST=" + host, "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=us-east-1", "LC_ALL=C.UTF-8"}
	kind := copies.FindKind(tool.kind)
	if tool.kind != "" {
		if kind.ID != tool.kind || tool.cannot == (kind.Advice.Way == copies.ReadProfile) {
			t.Fatalf("the table says %q of %q", kind.Advice.Way, kind.Name)
		}
		for i, line := range kind.Advice.For("x", "exclude it").Lines {
			environ = append(environ, fmt.Sprintf("LINE%d=%s", i+1, line))
		}
	}
	for i, id := range []string{first, second} {
		text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = d\n\n[x]\naws_access_key_id = %s\naws_secret_access_key = secret-of-%d\n", other, id, i)
		if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s3.forget()
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		script := exec.CommandContext(ctx, "bash", "-c", tool.prepare+"\n"+tool.run)
		script.Dir, script.Env, script.WaitDelay = home, environ, 5*time.Second
		out, _ := script.CombinedOutput() // the stand-in is no S3: what counts is who signed
		cancel()
		want := []string{id}
		if tool.cannot {
			want = nil
		}
		if got := s3.signers(); !slices.Equal(got, want) {
			t.Fatalf("with %s in the profile, %s signed with %q, want %q; %d requests\n%s", id, tool.name, got, want, s3.requests, out)
		}
	}
}

// standIn answers like an S3 with one empty bucket, and notes which keys have signed.
type standIn struct {
	mu       sync.Mutex
	ids      []string
	requests int
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids, s.requests = nil, 0
}

func (s *standIn) signers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids
}

// signer matches the key id in a signature: version 4, version 2, or in the query.
var signer = regexp.MustCompile(`(?:Credential=|AWS |X-Amz-Credential=|AWSAccessKeyId=)(A[A-Z0-9]{15,})`)

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	if m := signer.FindStringSubmatch(r.Header.Get("Authorization") + r.URL.RawQuery); m != nil && !slices.Contains(s.ids, m[1]) {
		s.ids = append(s.ids, m[1])
	}
	s.mu.Unlock()
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	w.Header().Set("Content-Type", "application/xml")
	path := strings.Trim(r.URL.Path, "/")
	switch {
	case r.Method == http.MethodPut, r.Method == http.MethodDelete:
		w.Header().Set("ETag", `"d41d8cd98f00b204e9800998ecf8427e"`)
	case path == "":
		fmt.Fprint(w, `<ListAllMyBucketsResult`+ns+`><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>bucket</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>`)
	case r.URL.Query().Has("location"):
		fmt.Fprint(w, `<LocationConstraint`+ns+`></LocationConstraint>`)
	case path == "bucket" && r.Method == http.MethodHead:
	case path == "bucket":
		fmt.Fprint(w, `<ListBucketResult`+ns+`><Name>bucket</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`)
	default:
		w.WriteHeader(http.StatusNotFound)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>no</Message></Error>`)
		}
	}
}
