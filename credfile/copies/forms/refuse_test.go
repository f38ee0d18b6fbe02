package forms

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	token       = "FwoGZXIvYXdzEJr1234567890abcdefGHIJKLMNOP"
	longToken   = "IQoJb3JpZ2luX2VjEHkaCXVzLWVhc3QtMSJHMEUCIQDabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijkl=="
	otherSecret = "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBaAbCd"
	pairText    = "id = {ID}\nsecret = {SECRET}\n"
)

func TestRefusals(t *testing.T) {
	b64 := func(s string) string { return base64OfText(fill(s, oldPair, plain)) }
	for _, c := range []struct {
		name, data, says string
		line             int
	}{
		{"nothing", "a = b\n", "neither the id AKIA..MPLE nor its secret", 0},
		{"empty", "", "neither the id", 0},
		{"id alone", "# Keychain\nuser = {ID}\n", "stands here without its secret", 2},
		{"secret alone", "a\npassword = {SECRET}\n", "the secret of AKIA..MPLE stands here without its id", 2},
		{"two ids, one secret", pairText + "user = {ID}\n", "without its secret", 3},
		{"one id, two secrets", "secret = {SECRET}\n" + pairText, "without its id", 3},
		{"only in comments", "# id = {ID}\n# secret = {SECRET}\n", "stands only in comments", 1},
		{"only an id in a comment", "# {ID}\n", "stands only in comments", 1},
		{"id in a longer word", pairText + "dir = /x/{ID}_old\n", "the id stands here as part of a longer word", 3},
		{"id before a hyphen", pairText + "file = {ID}-key.pem\n", "part of a longer word", 3},
		{"id after a letter", pairText + "x = é{ID}\n", "part of a longer word", 3},
		{"no-break space at the value", "id = {ID}\nsecret = \u00a0{SECRET}\n", "the secret stands here as part of a longer word", 2},
		{"secret in a longer word", pairText + "x = {SECRET}=\n", "part of a longer word", 3},
		{"secret in a path", pairText + "x = {ID} /{SECRET}\n", "part of a longer word", 3},
		{"secret behind a backslash", "id = {ID}\nsecret = \\{SECRET}\n", "right behind", 2},
		{"mixed escapes", "{\"id\": \"{ID}\", \"secret\": \"" + strings.Replace(oldPair.Secret, "/", `\/`, 1) + "\"}", "written in two ways", 1},
		{"id in small letters", pairText + "x = " + strings.ToLower(oldPair.ID) + "\n", "in another case", 3},
		{"id in hexadecimal", pairText + "x = " + hex.EncodeToString([]byte(oldPair.ID)) + "\n", "as hexadecimal digits", 3},
		{"id in a file of regedit", pairText + "\"KEY\"=hex(2):" + strings.Join(strings.Split("41,00,4b,00,49,00,41,00,49,00,4f,00,53,00,46,00,4f,00,44,00,|4e,00,4e,00,37,00,45,00,58,00,41,00,4d,00,50,00,4c,00,45,00,00,00", "|"), "\\\n  ") + "\n", "as hexadecimal digits", 3},
		{"another key in between", "id = {ID}\nsecret = " + otherSecret + "\nid = AKIAOTHEROTHEROTHER1\nsecret = {SECRET}\n", "another key stands between", 1},
		{"another key in between, secrets first", "secret = {SECRET}\nid = AKIAOTHEROTHEROTHER1\nsecret = " + otherSecret + "\nid = {ID}\n", "another key stands between", 4},
		{"id over two lines", pairText + "x = AKIAIOSFOD\\\n  NN7EXAMPLE\n", "broken into parts", 3},
		{"id in quotes one after the other", pairText + "x = 'AKIAIOSFOD''NN7EXAMPLE'\n", "broken into parts", 3},
		{"id in wrapped text", pairText + "x = AKIAIOSFOD\n  NN7EXAMPLE\n", "broken into parts", 3},
		{"base64 of something else with the id", pairText + "x: " + base64OfText("\x01\x02"+oldPair.ID+"\x00") + "\n", "in a base64 text that keyd does not understand", 3},
		{"base64 of UTF-16", pairText + "powershell -EncodedCommand " + base64OfText(string(utf16LE(oldPair.ID))[2:]) + "\n", "in a base64 text of UTF-16", 3},
		{"id alone in base64", "kind: Secret\ndata:\n  user: " + b64("{ID}") + "\n", "without its secret", 3},
		{"session token", pairText + "aws_session_token = " + token + "\n", "a session token stands next to the id", 3},
		{"session token in the environment", "export AWS_SESSION_TOKEN=" + token + "\n" + pairText, "a session token", 1},
		{"session token in JSON", "{\n\"accessKey\": \"{ID}\",\n\"secretKey\": \"{SECRET}\",\n\"sessionToken\": \"" + token + "\"\n}", "a session token", 4},
		{"session token in a list", "- name: ID\n  value: {ID}\n- name: S\n  value: {SECRET}\n- name: AWS_SESSION_TOKEN\n  value: " + token + "\n", "a session token", 5},
		{"session token in a Secret", "data:\n  a: " + b64("{ID}") + "\n  b: " + b64("{SECRET}") + "\n  AWS_SESSION_TOKEN: " + b64(token) + "\n", "a session token", 4},
		{"session token in a file in base64", "data:\n  cloud: " + b64("[default]\n"+pairText+"aws_session_token="+token+"\n") + "\n", "in a text of base64: a session token", 2},
		{"session token of s3cmd", "access_key = {ID}\naccess_token = " + longToken + "\nsecret_key = {SECRET}\n", "a session token", 2},
		{"session token of Terraform", "access_key = \"{ID}\"\nsecret_key = \"{SECRET}\"\ntoken = \"" + longToken + "\"\n", "a session token", 3},
		{"two secrets under one name", "aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\naws_secret_access_key = " + otherSecret + "\n", "two different secrets", 3},
		{"another secret", "aws_access_key_id = {ID}\naws_secret_access_key = " + otherSecret + "\n", "another value stands next to it", 1},
		{"presigned address", "https://b.s3.amazonaws.com/o?X-Amz-Credential={ID}%2F20260101%2Fus-east-1\n", "part of a presigned address", 1},
		{"Maven password", "<server><username>{ID}</username>\n<password>{COQLCE6DU6GtcS5P3t1kx8BaSLSX8QyC}</password></server>\n", "encrypted, as Maven, Gradle and Jenkins do", 1},
		{"Jenkins password", "<accessKey>{ID}</accessKey><secretKey>{AQAAABAAAAAwl6LsTzWm1bQ3hSx0cVbN5k2YJmR1pQ8=}</secretKey>", "as Maven, Gradle and Jenkins do", 1},
		{"password store", "user: {ID}\npassword: op://vault/aws/secret\n", "a password store", 1},
		{"inline vault", "user: {ID}\npassword: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6234\n", "encrypted by ansible-vault", 1},
		{"rclone", "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabcdef==\n", "encrypted by rclone", 1},
		{"rclone without its comment", "RCLONE_ENCRYPT_V0:\nabcdef==\n", "encrypted by rclone", 1},
		{"ansible-vault", "$ANSIBLE_VAULT;1.1;AES256\n6234\n", "encrypted by ansible-vault", 1},
		{"sops", "id: {ID}\nsecret: {SECRET}\nother: ENC[AES256_GCM,data:x,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:y]\n", "encrypted by sops", 3},
		{"git-crypt", "\x00GITCRYPT\x00abc", "encrypted by git-crypt", 1},
		{"age", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", "encrypted by age", 1},
		{"age, binary", "age-encryption.org/v1\n-> X25519\n", "encrypted by age", 1},
		{"OpenPGP", "-----BEGIN PGP MESSAGE-----\n\nabc\n", "encrypted by OpenPGP", 1},
		{"signed by OpenPGP", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + pairText, "signed by OpenPGP", 1},
		{"Authenticode", pairText + "# SIG # Begin signature block\n# SIG # MII\n", "signed by Authenticode", 3},
		{"SQLite", "SQLite format 3\x00" + pairText, "a database of SQLite", 1},
		{"gzip", "\x1f\x8b\x08" + pairText, "compressed", 1},
		{"zero byte", pairText + "\x00", "not text", 0},
		{"broken UTF-16", "\xff\xfea\x00b", "odd number of bytes", 0},
		{"UTF-16 with half a character", "\xff\xfea\x00\x00\xd8", "not valid UTF-16LE", 0},
		{"UTF-32", "\xff\xfe\x00\x00a\x00\x00\x00", "not text", 0},
		{"too large", pairText + strings.Repeat("x", 4<<20), "more than the 4194304 that keyd edits", 0},
		{"fish variables", "# This file contains fish universal variable definitions.\n# VERSION: 3.0\nSETUVAR --export A:{ID}\nSETUVAR --export B:{SECRET}\n", "rewritten by every running fish", 1},
		{"Claude Code", "{\n\"numStartups\": 3,\n\"mcpServers\": {\"a\": {\"env\": {\"A\": \"{ID}\", \"B\": \"{SECRET}\"}}}}", "rewritten by Claude Code", 2},
		{"Docker container", "{\"StreamConfig\":{},\"HostsPath\":\"/x\",\"Config\":{\"Env\":[\"A={ID}\",\"B={SECRET}\"]}}", "written by Docker", 1},
		{"workspace of JetBrains", "<project version=\"4\">\n<component name=\"ChangeListManager\">\n</component>\n<env name=\"A\" value=\"{ID}\"/><env name=\"B\" value=\"{SECRET}\"/></project>", "rewritten by a running IDE", 2},
		{"history of zsh", ": 1764000000:0;export A={ID}\n: 1764000001:0;export B={SECRET}\n", "the history of zsh", 1},
		{"history of fish", "- cmd: set -gx A {ID}\n  when: 1764000000\n- cmd: set -gx B {SECRET}\n  when: 1764000001\n", "the history of fish", 1},
		{"block of a backend", "terraform {\n  backend \"s3\" {\n    access_key = \"{ID}\"\n    secret_key = \"{SECRET}\"\n    assume_role = { }\n  }\n}\n", "the block of a backend", 3},
		{"Terraform state", "{\n\"version\": 4,\n\"terraform_version\": \"1.9.0\",\n\"serial\": 3,\n\"lineage\": \"x\",\n\"resources\": [{\"type\": \"aws_iam_access_key\", \"id\": \"{ID}\", \"secret\": \"{SECRET}\"}]}", "a state of Terraform", 3},
		{"two ids, one secret, in words", pairText + "\n\n\nnothing else is here\nuser = {ID}\n", "without its secret", 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := fill(c.data, oldPair, plain)
			r := refused(t, data, Form{})
			if !strings.Contains(r.Text, c.says) || r.Line != c.line {
				t.Errorf("line %d: %s (%s)\nwant line %d: ...%s", r.Line, r.Text, r.Remedy, c.line, c.says)
			}
		})
	}
}

func base64OfText(s string) string { return encodings[18].wrap(s) }

// TestLonelyIDIsExplainedByItsOwnNeighbours holds that the secret of another id is no
// explanation.
func TestLonelyIDIsExplainedByItsOwnNeighbours(t *testing.T) {
	if r := refused(t, fill(pairText+"user = {ID}\n", oldPair, plain), Form{}); r.Text != "the id AKIA..MPLE stands here without its secret" {
		t.Error(r.Text)
	}
}

// TestUnrefused holds what looks like one of the obstacles and is none.
func TestUnrefused(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"a note about the id", "# {ID} until June\n" + pairText, "# AKIAIOSFODNN7EXAMPLE until June\n" + pairText},
		{"a note with a part of a word", "; dir_{ID}\n" + pairText, "; dir_AKIAIOSFODNN7EXAMPLE\n" + pairText},
		{"a note in an XML comment", "<!-- was\n {ID} --><a b='{ID}' c='{SECRET}'/>", "<!-- was\n AKIAIOSFODNN7EXAMPLE --><a b='{ID}' c='{SECRET}'/>"},
		{"a pair in a comment", "#id = {ID}\n#secret = {SECRET}\n" + pairText, ""},
		{"a note and a pair in comments", "# {ID}: mine\n#id = {ID}\n#secret = {SECRET}\n" + pairText, "# AKIAIOSFODNN7EXAMPLE: mine\n#id = {ID}\n#secret = {SECRET}\n" + pairText},
		{"a secret in a comment", "#secret = {SECRET}\n" + pairText, ""},
		{"secret first", "secret = {SECRET}\nid = {ID}\nsecret = {SECRET}\nid = {ID}\n", ""},
		{"ids, then secrets", "{ID} {ID}\n{SECRET} {SECRET}\n", ""},
		{"session token of another profile", "[a]\n" + pairText + "[b]\nid = ASIAIOSFODNN7EXAMPLE\nsecret = " + otherSecret + "\naws_session_token = " + token + "\n", ""},
		{"empty session token", pairText + "aws_session_token =\nregion = us-east-1\n", ""},
		{"null session token", "{\n\"a\": \"{ID}\",\n\"b\": \"{SECRET}\",\n\"sessionToken\": null,\n\"c\": \"" + token + "\"}", ""},
		{"reference to a session token", pairText + "TOKEN=$AWS_SESSION_TOKEN\nAWS_SESSION_TOKEN=${AWS_SESSION_TOKEN_FOR_CI2}\n", ""},
		{"session token in a comment", pairText + "# aws_session_token = " + token + "\n", ""},
		{"another key's secret under the same name", "[a]\nid = {ID}\nsecret = {SECRET}\n[b]\nid = minioadmin\nsecret = " + otherSecret + "\n", ""},
		{"another program's secret", "ID={ID}\nAWS_SECRET={SECRET}\nDJANGO_SECRET_KEY=" + otherSecret + "\n", ""},
		{"sops in a word", pairText + "# sops is what we do not use\n", ""},
		{"backslash and percent elsewhere", pairText + "path = C:\\new\\table\\u00zz\n%ProgramFiles% 100%\\\n", ""},
		{"broken entities", pairText + "&#; &#x; &#99999999; &unknown; &", ""},
		{"one name, one more line", "set -gx {ID} {SECRET}", ""},
		{"a file of AWS", "[default]\naws_access_key_id={ID}\naws_secret_access_key={SECRET}\n\n[ci]\naws_access_key_id = AKIAOTHEROTHEROTHER1\naws_secret_access_key = " + otherSecret + "\n", ""},
		{"a provider next to a backend", "terraform {\n  backend \"s3\" {\n    profile = \"x\"\n  }\n}\nprovider \"aws\" {\n  access_key = \"{ID}\"\n  secret_key = \"{SECRET}\"\n}\n", ""},
		{"a token of Google", "access_key_id = {ID}\nsecret_access_key = {SECRET}\n[drive]\ntoken = {\"access_token\":\"ya29.a0AfH6SMBx0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijkl\"}\n", ""},
		{"ids in one list, secrets in another", "ids = [{ID}, AKIAOTHEROTHEROTHER1]\nsecrets = [{SECRET}, " + otherSecret + "]\n", ""},
		{"text that PHP has counted", "a:2:{s:20:\"{ID}\";s:40:\"{SECRET}\";}", ""},
		{"latin-1", "# \xe9t\xe9\n" + pairText, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.after == "" {
				c.after = c.before
			}
			before, want := fill(c.before, oldPair, plain), fill(c.after, nextPair, plain)
			got, _, err := Replace("f", []byte(before), Form{}, oldPair, nextPair)
			if err != nil || string(got) != want {
				t.Errorf("%v\n got %q\nwant %q", err, got, want)
			}
			if Shows(got, Form{}, oldPair.ID) || !Shows(got, Form{}, nextPair.ID) {
				t.Error("Shows the old key, or not the new one")
			}
		})
	}
}

// TestNewMarks writes a secret with marks over one without any, in surroundings where a
// plain mark would end the value, and where it would not.
func TestNewMarks(t *testing.T) {
	bare := Pair{oldPair.ID, "wJalrXUtnFEMIsK7MDENGxbPxRfiCYEXAMPLEKEY"}
	escaped := strings.NewReplacer("+", "%2B", "/", "%2F").Replace(nextPair.Secret)
	for _, c := range []struct{ frame, secret string }{
		{"MC_HOST_x=https://{ID}:{SECRET}@s3.amazonaws.com", escaped},
		{"AIRFLOW_CONN_AWS='aws://{ID}:{SECRET}@/?region=eu-west-1'", escaped},
		{`{"url": "s3:\/\/{ID}:{SECRET}@bucket"}`, escaped},
		{"<a href='https://x/?id={ID}&amp;key={SECRET}'/>", escaped},
		{"-o url=https://minio:9000,passwd={ID}:{SECRET}", nextPair.Secret},
		{"see https://example.com/\nid={ID}\nkey={SECRET}", nextPair.Secret},
		{"s3://?host=http%3A%2F%2Fminio%2F&aws_access_key_id={ID}&aws_secret_access_key={SECRET}", escaped},
		{`{"id": "{ID}", "key": "{SECRET}"}`, nextPair.Secret},
		{"url=https://x;AccessKey={ID};SecretKey={SECRET}", nextPair.Secret},
	} {
		got, _, err := Replace("f", []byte(fill(c.frame, bare, plain)), Form{}, bare, nextPair)
		want := fill(c.frame, Pair{nextPair.ID, c.secret}, plain)
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %q\nwant %q", err, got, want)
		}
	}
	for says, frame := range map[string]string{
		"stands between parameters":         "a={ID}&b={SECRET}&c=1",
		"an address inside another address": "https://proxy/?to=s3%3A%2F%2F{ID}%3A{SECRET}%40bucket",
	} {
		_, err := Find("f", []byte(fill(frame, bare, plain)), Form{}, bare) // already when it is linked
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Path != "f" || !strings.Contains(r.Text, says) {
			t.Errorf("%s: %v", frame, err)
		}
	}
}

// TestSecretThatLooksLikeAComment writes a secret whose first characters mean something to the
// reader of a line.
func TestSecretThatLooksLikeAComment(t *testing.T) {
	slashes := Pair{nextPair.ID, "//7MtGbC+wBF/2Zp9Utk/h3yCo8+vbEXAMPLEKEY"}
	for _, frame := range []string{"{ID}\n{SECRET}\n", "{ID}:{SECRET}", "id={ID}\nsecret={SECRET}", "[\n  {ID},\n  {SECRET}\n]"} {
		for _, e := range encodings {
			before, want := fill(frame, oldPair, e.wrap), fill(frame, slashes, e.wrap)
			got, _, err := Replace("f", []byte(before), Form{}, oldPair, slashes)
			if err != nil || string(got) != want {
				t.Errorf("%s: %v\n got %q\nwant %q", e.name, err, got, want)
				continue
			}
			if back, _, err := Replace("f", got, Form{}, slashes, oldPair); err != nil || string(back) != before {
				t.Errorf("%s: back: %v\n got %q\nwant %q", e.name, err, back, before)
			}
		}
	}
}

// TestNewMarksLikeTheOthers writes a slash over a secret that has only a plus sign, which is
// escaped.
func TestNewMarksLikeTheOthers(t *testing.T) {
	plus := Pair{oldPair.ID, "wJalrXUtn+EMIsK7MDENGxbPxRfi+YEXAMPLEKEY"}
	for plusSign, slash := range map[string]string{
		"%2B": "%2F", "%2b": "%2f", `\%2B`: `\%2F`, "%%2B": "%%2F", // as in the rest of the value
		"&#43;": "/", `\u002b`: "/", `\+`: "/", // a plain slash is as good
	} {
		write := func(p Pair) string {
			return "id=" + p.ID + " secret=" + strings.NewReplacer("+", plusSign, "/", slash).Replace(p.Secret) + "\n"
		}
		got, _, err := Replace("f", []byte(write(plus)), Form{}, plus, nextPair)
		if err != nil || string(got) != write(nextPair) {
			t.Errorf("%v\n got %q\nwant %q", err, got, write(nextPair))
		}
	}
}

// TestSecondReaderHasTheLastWord holds that Replace leaves a file alone in which only the
// second reader finds a secret: base64 that lacks a part of its padding.
func TestSecondReaderHasTheLastWord(t *testing.T) {
	half := strings.TrimSuffix(base64OfText(oldPair.Secret), "=")
	data := fill(pairText, oldPair, plain) + "x: " + half + "\n"
	out, _, err := Replace("f", []byte(data), Form{}, oldPair, nextPair)
	if r, ok := errors.AsType[*Refusal](err); !ok || out != nil || !strings.Contains(r.Text, "a second reader") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestPairNeverShowsItsSecret(t *testing.T) {
	type holder struct{ P Pair }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		for _, value := range []any{oldPair, &oldPair, holder{oldPair}, []Pair{oldPair}, map[string]Pair{"a": oldPair}} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, oldPair.Secret) || strings.Contains(text, hex.EncodeToString([]byte(oldPair.Secret))) {
				t.Errorf("%s of %T shows the secret: %s", verb, value, text)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "pair", oldPair, "holder", holder{oldPair})
	if strings.Contains(log.String(), oldPair.Secret) {
		t.Errorf("the log shows the secret: %s", log.String())
	}
}

func TestPairsThatAreRefused(t *testing.T) {
	data := []byte(fill(pairText, oldPair, plain))
	for _, c := range []struct{ old, next Pair }{
		{oldPair, oldPair},
		{oldPair, Pair{nextPair.ID, oldPair.Secret}},
		{oldPair, Pair{oldPair.ID, nextPair.Secret}},
		{oldPair, Pair{nextPair.ID, nextPair.Secret + "\nx"}},
		{oldPair, Pair{nextPair.ID, "short"}},
		{oldPair, Pair{nextPair.Secret, nextPair.ID}},
		{oldPair, Pair{}},
		{Pair{}, nextPair},
		{oldPair, Pair{oldPair.ID + "X", nextPair.Secret}},
	} {
		out, _, err := Replace("f", data, Form{}, c.old, c.next)
		if err == nil || out != nil || strings.Contains(err.Error(), oldPair.Secret) || strings.Contains(err.Error(), nextPair.Secret) {
			t.Errorf("%s to %s: %q, %v", c.old, c.next, out, err)
		}
	}
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		data string
		want bool
	}{
		{"{ID}", true}, {"x={ID}", true}, {"\x00{ID}\x00", true}, {string(utf16LE(oldPair.ID)), true}, {base64OfText("a {ID}"), true},
		{"{ID}_x", false}, {"x{ID}", false}, {"# {ID}", false}, {"# " + base64OfText("{ID}"), false}, {"", false}, {"AKIA", false},
		{"# {ID}\n{ID}", true}, {"%41%4b" + oldPair.ID[2:], true},
	} {
		data := strings.ReplaceAll(strings.ReplaceAll(c.data, "{ID}", oldPair.ID), base64OfText("a {ID}"), base64OfText("a "+oldPair.ID))
		data = strings.ReplaceAll(data, base64OfText("{ID}"), base64OfText(oldPair.ID))
		if got := Shows([]byte(data), Form{}, oldPair.ID); got != c.want {
			t.Errorf("Shows(%q) = %v", data, got)
		}
	}
	if Shows([]byte("x"), Form{}, "") {
		t.Error("Shows an empty id")
	}
}

// TestCountedText refuses to write a value of another length where its bytes are counted.
func TestCountedText(t *testing.T) {
	longer := Pair{nextPair.ID, nextPair.Secret + "ab"}
	data := fill("x = 1\na:2:{s:20:\"{ID}\";s:40:\"{SECRET}\";}", oldPair, plain)
	_, _, err := Replace("f", []byte(data), Form{}, oldPair, longer)
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Line != 2 || !strings.Contains(r.Text, "counts its bytes") {
		t.Errorf("%v", err)
	}
}
