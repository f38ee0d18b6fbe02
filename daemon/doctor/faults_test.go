package doctor_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/doctor"
	"keyd/daemon/state"
	"keyd/install"
)

// fault is one thing that is wrong on a machine.
type fault struct {
	name     string
	age      time.Duration // of the key; 0: 10 days
	plant    func(*bench)
	check    string          // which check finds it
	found    string          // a part of what it says
	run      string          // how its remedy begins; "": any
	severity doctor.Severity // "": wrong
	fixed    bool            // --fix mends it
	search   bool            // the home folder has to be searched
	offline  bool            // AWS need not be asked
	most     int             // how many findings a person may see of it; 0: one
}

// ownOnly is a file system whose locks exclude nobody.
type ownOnly struct{ atomicfile.Sys }

func (ownOnly) LockReach(string) atomicfile.Reach { return atomicfile.ReachOwnOnly }

const pair = "aws_access_key_id = <ID>\naws_secret_access_key = <SECRET>\n"

func credentials(text string) func(*bench) {
	return func(b *bench) { b.write(".aws/credentials", text) }
}

func setEnv(name, value string) func(*bench) { return func(b *bench) { b.env[name] = value } }

func ini(text string) func(*bench) { return func(b *bench) { b.write("keyd.ini", text) } }

var faults = []fault{
	// files
	{name: "credentials readable", offline: true, plant: func(b *bench) { b.chmod(".aws/credentials", 0o644) }, check: "readable-by-others", found: "mode 0644: every user of this machine", fixed: true},
	{name: "credentials readable, pasted", offline: true, plant: func(b *bench) {
		b.chmod(".aws/credentials", 0o604)
		must(b.t, os.Rename(b.path(".aws/credentials"), b.path("real file")))
		must(b.t, os.Symlink(b.path("real file"), b.path(".aws/credentials")))
	}, check: "readable-by-others", found: "mode 0604", fixed: true},
	{name: "config with a key readable", offline: true, plant: func(b *bench) {
		b.write(".aws/config", "[profile work]\nregion = eu-west-1\n"+pair)
		must(b.t, os.Remove(b.path(".aws/credentials")))
		b.chmod(".aws/config", 0o644)
	}, check: "readable-by-others", found: "config has mode 0644", fixed: true},
	{name: "credentials writable", offline: true, plant: func(b *bench) { b.chmod(".aws/credentials", 0o602) }, check: "writable-by-others", found: "may be written by every user", fixed: true, most: 2},
	{name: "folder writable", offline: true, plant: func(b *bench) { b.chmod(".aws", 0o777) }, check: "writable-by-others", found: ".aws", fixed: true},
	{name: "another user's file", offline: true, plant: func(b *bench) {
		b.sys = &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: map[string]atomicfiletest.Owner{b.path(".aws/credentials"): {UID: 1234, GID: 1234, Mode: 0o600}}}
	}, check: "writable-by-others", found: "belongs to user 1234", most: 3},
	{name: "state folder writable", offline: true, plant: func(b *bench) { b.chmod("state", 0o777) }, check: "state-folder", found: "state", fixed: true, most: 2},
	{name: "journal readable", offline: true, plant: func(b *bench) {
		b.write("state/rotations/AKIAQWERTYUIOPASDFGH.json.damaged-20261123T144500.000", "{}")
		b.chmod("state/rotations/AKIAQWERTYUIOPASDFGH.json.damaged-20261123T144500.000", 0o644)
	}, check: "readable-by-others", found: "damaged", fixed: true, most: 2},
	{name: "dangling link", offline: true, plant: func(b *bench) {
		must(b.t, os.Remove(b.path(".aws/credentials")))
		must(b.t, os.Symlink(b.path("usb/credentials"), b.path(".aws/credentials")))
	}, check: "links", found: "does not exist", most: 2},
	{name: "loop of links", offline: true, plant: func(b *bench) {
		must(b.t, os.Remove(b.path(".aws/config")))
		must(b.t, os.Symlink(b.path(".aws/config"), b.path(".aws/config")))
	}, check: "links", found: "form a loop", most: 2},
	{name: "no folder", offline: true, plant: setEnvHome("AWS_CONFIG_FILE", "deep/er/config"), check: "folders", found: "which does not exist", fixed: true},
	{name: "folder in place of a file", offline: true, plant: func(b *bench) {
		must(b.t, os.Remove(b.path(".aws/config")))
		must(b.t, os.Mkdir(b.path(".aws/config"), 0o700))
	}, check: "no-regular-file", found: "is not a regular file"},
	{name: "no key", offline: true, plant: func(b *bench) {
		must(b.t, os.Remove(b.path(".aws/credentials")))
		must(b.t, os.Remove(b.path(".aws/config")))
	}, check: "credentials-file", found: "nothing to rotate", severity: doctor.Note},
	{name: "text of another program", offline: true, plant: func(b *bench) { b.write(".aws/.credentials.keyd-0123456789abcdef.theirs", "x") }, check: "other-texts", found: ".theirs"},

	{name: "session readable", offline: true, plant: func(b *bench) {
		b.write(".aws/sso/cache/0123.json", "{}")
		b.chmod(".aws/sso/cache/0123.json", 0o644)
	}, check: "readable-by-others", found: "0123.json has mode 0644", fixed: true},
	{name: "linked file readable", offline: true, plant: func(b *bench) {
		b.write("project/.env", "AWS_ACCESS_KEY_ID=<ID>\nAWS_SECRET_ACCESS_KEY=<SECRET>\n")
		b.chmod("project/.env", 0o640+4)
		b.write("keyd.ini", "[link ~/project/.env]\n")
	}, check: "readable-by-others", found: ".env has mode 0644", fixed: true},

	// what is in them
	{name: "byte order mark", offline: true, plant: credentials("\xef\xbb\xbf[work]\n" + pair), check: "odd-bytes", found: "credentials:1: the file begins with a byte order mark", most: 2},
	{name: "UTF-16", offline: true, plant: credentials("\xff\xfe[\x00w\x00]\x00"), check: "odd-bytes", found: "UTF-16", most: 4},
	{name: "zero byte", offline: true, plant: credentials("[work]\n" + pair + "# \x00\n"), check: "odd-bytes", found: "credentials:4: there is a zero byte", most: 2},
	{name: "carriage return", offline: true, plant: credentials("[work]\n" + pair + "[x]\rregion = a\n"), check: "odd-bytes", found: "credentials:4: there is a carriage return", most: 2},
	{name: "merge marks", offline: true, plant: credentials("<<<<<<< HEAD\n[work]\n" + pair + "=======\n>>>>>>> other\n"), check: "odd-bytes", found: "credentials:1: this is a mark of a merge", most: 4},
	{name: "section twice", offline: true, plant: credentials("[work]\n" + pair + "[other]\nregion = a\n[other]\nregion = b\n"), check: "refused-by-readers", found: "also appears in line", most: 2},
	{name: "line twice", offline: true, plant: credentials("[work]\n" + pair + pair), check: "unreadable-keys", found: "credentials:", most: 3},
	{name: "half a pair", offline: true, plant: credentials("[work]\naws_access_key_id = <ID>\n"), check: "unreadable-keys", found: "credentials:2"},
	{name: "broken header", offline: true, plant: credentials("[work]\n" + pair + "[other\n"), check: "refused-by-readers", found: "refuse the whole file", most: 2},
	{name: "name that SDKs pass over", offline: true, plant: credentials("[my work]\n" + pair), check: "disputed-lines", found: "some AWS SDKs ignore", severity: doctor.Note, most: 2},
	{name: "word profile in the credentials file", offline: true, plant: credentials("[profile work]\n" + pair), check: "disputed-lines", found: "credentials:1: in this file the header", severity: doctor.Note},
	{name: "quotes around a secret", offline: true, plant: credentials("[work]\naws_access_key_id = <ID>\naws_secret_access_key = \"<SECRET>\"\n"), check: "disputed-lines", found: "with the quotes around it", severity: doctor.Note},

	// what comes before them
	{name: "exported here", offline: true, plant: func(b *bench) { b.env["AWS_ACCESS_KEY_ID"] = b.id }, check: "exported-keys", found: "to the key AKIA"},
	{name: "exported in a start file", offline: true, plant: func(b *bench) { b.write(".bashrc", "export AWS_ACCESS_KEY_ID=<ID>\n") }, check: "exported-keys", found: ".bashrc:1"},
	{name: "another key in a start file", offline: true, plant: func(b *bench) { b.write(".profile", "\nexport AWS_ACCESS_KEY_ID=AKIAQWERTYUIOPASDFGH\n") }, check: "exported-keys", found: ".profile:2 sets AWS_ACCESS_KEY_ID to another key"},
	{name: "temporary credentials in the shell", offline: true, plant: setEnv("AWS_ACCESS_KEY_ID", "ASIAQWERTYUIOPASDFGH"), check: "exported-keys", found: "temporary", severity: doctor.Note},
	{name: "running program", offline: true, plant: plantProcess, check: "processes", found: "backup (pid 812)", severity: doctor.Note},
	{name: "usual file has it too", offline: true, plant: func(b *bench) {
		b.write("other/credentials", "[work]\n"+pair)
		b.others = []string{b.path("other/credentials")}
	}, check: "other-files", found: "other/credentials shows AKIA", most: 2},
	{name: "named file is not there", offline: true, plant: setEnvHome("AWS_CONFIG_FILE", "no-config"), check: "named-files", found: "no-config, which does not exist", severity: doctor.Note},
	{name: "no such profile", offline: true, plant: setEnv("AWS_PROFILE", "wrok"), check: "profile-variable", found: `AWS_PROFILE is "wrok"`},

	// network
	{name: "no network", plant: func(b *bench) { b.cloud.Inject(awssim.Fault{Kind: awssim.DNS}) }, check: "endpoints", found: "nothing of AWS answers; iam.amazonaws.com does not answer", most: 4},
	{name: "captive portal", plant: func(b *bench) { b.cloud.Inject(awssim.Fault{Kind: awssim.HTML}) }, check: "endpoints", found: "web page", most: 4},
	{name: "certificate not trusted", plant: func(b *bench) { b.cloud.Inject(awssim.Fault{Kind: awssim.TLS}) }, check: "endpoints", found: "does not answer", most: 4},
	{name: "clock behind", plant: func(b *bench) { b.cloud.SkewDate(20 * time.Minute) }, check: "clock", found: "behind AWS's", most: 2},
	{name: "clock a little ahead", plant: func(b *bench) { b.cloud.SkewDate(-3 * time.Minute) }, check: "clock", found: "ahead of AWS's", severity: doctor.Note},
	{name: "region misspelt", offline: true, plant: func(b *bench) { b.write(".aws/config", "[profile work]\nregion = narnia-1\n") }, check: "endpoint-settings", found: "narnia-1"},
	{name: "variable misspelt", offline: true, plant: setEnv("AWS_USE_FIPS_ENDPOINT", "yes"), check: "endpoint-settings", found: "AWS_USE_FIPS_ENDPOINT"},
	{name: "endpoint without TLS", offline: true, plant: setEnv("AWS_ENDPOINT_URL", "http://aws.example"), check: "endpoint-settings", found: "without TLS"},
	{name: "stand-in for AWS", offline: true, plant: setEnv("AWS_ENDPOINT_URL", "https://aws.example"), check: "not-aws", found: "https://aws.example", severity: doctor.Note},
	{name: "region of another partition", offline: true, plant: setEnv("AWS_REGION", "cn-north-1"), check: "ignored-settings", found: "AWS_REGION", severity: doctor.Note},
	{name: "proxy is no URL", offline: true, plant: setEnv("HTTPS_PROXY", "http://"), check: "proxy", found: "HTTPS_PROXY is not a URL"},
	{name: "proxy with a strange scheme", offline: true, plant: setEnv("https_proxy", "ftp://proxy:21"), check: "proxy", found: "https_proxy has the scheme"},
	{name: "two proxies", offline: true, plant: func(b *bench) {
		b.env["HTTPS_PROXY"], b.env["https_proxy"] = "http://one:3128", "http://two:3128"
	}, check: "proxy", found: "different proxies", severity: doctor.Note},
	{name: "proxy with a password", offline: true, plant: setEnv("HTTPS_PROXY", "http://me:geheim@proxy:3128"), check: "proxy", found: "holds a password", severity: doctor.Note},
	{name: "no bundle", offline: true, plant: setEnv("AWS_CA_BUNDLE", "/nowhere/ca.pem"), check: "certificates", found: "cannot read the certificate bundle"},
	{name: "empty bundle", offline: true, plant: func(b *bench) {
		b.write("ca.pem", "nothing\n")
		b.write(".aws/config", "[profile work]\nregion = eu-west-1\nca_bundle = <HOME>/ca.pem\n")
	}, check: "certificates", found: "holds no certificate"},
	{name: "SSL_CERT_FILE", offline: true, plant: setEnv("SSL_CERT_FILE", "/nowhere/ca.pem"), check: "certificates", found: "SSL_CERT_FILE names /nowhere/ca.pem"},
	{name: "IPv6 only", offline: true, plant: func(b *bench) {
		b.addresses = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("2001:db8::7")}
	}, check: "addresses", found: "IPv6 addresses only"},

	// permissions
	{name: "list denied", plant: func(b *bench) { b.user.DenyAction("ListAccessKeys", awssim.NotAllowed) }, check: "may-listaccesskeys", found: "may not call iam:ListAccessKeys: no policy of the user allows it", most: 3},
	{name: "update denied by the organization", plant: func(b *bench) { b.user.DenyAction("UpdateAccessKey", awssim.SCP) }, check: "may-updateaccesskey", found: "a service control policy of the organization"},
	{name: "update denied", plant: func(b *bench) { b.user.DenyAction("UpdateAccessKey", awssim.NotAllowed) }, check: "may-updateaccesskey", found: "no policy of the user allows it"},
	{name: "last use denied", plant: func(b *bench) { b.user.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed) }, check: "may-getaccesskeylastused", found: "may not call", severity: doctor.Note},
	{name: "creation was denied", plant: func(b *bench) {
		b.t.Helper()
		b.remember(`{"do":"create","at":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `","count":1,"why":"CreateAccessKey: AccessDenied","denied":true}`)
	}, check: "may-createaccesskey", found: "may not call iam:CreateAccessKey", most: 2},

	// keys
	{name: "key made inactive", plant: func(b *bench) { must(b.t, b.user.SetStatus(b.id, "Inactive")) }, check: "dead-keys", found: "AWS refuses it", most: 2},
	{name: "wrong secret", plant: credentials("[work]\naws_access_key_id = <ID>\naws_secret_access_key = abcdefghijabcdefghijabcdefghijabcdefghij\n"), check: "dead-keys", found: "AWS refuses it", most: 2},
	{name: "second key in the way", age: 70 * day, plant: func(b *bench) { b.user.AddKey(90 * day) }, check: "blocked", found: "second active key", most: 3},
	{name: "second key in use, not yet in the way", plant: func(b *bench) { b.user.AddKey(90 * day) }, check: "second-keys", found: "active, never used", run: "keyd policy --second-user ", severity: doctor.Note, most: 2},
	{name: "second key, not yet in the way", plant: func(b *bench) { b.user.AddInactiveKey(90 * day) }, check: "second-keys", found: "inactive", severity: doctor.Note, most: 2},
	{name: "root key", plant: func(b *bench) {
		b.id, b.secret = b.cloud.AddRoot("444455556666").AddKey(10 * day)
		b.write(".aws/credentials", "[work]\n"+pair)
	}, check: "root-keys", found: "root user", most: 3},
	{name: "too old", age: 100 * day, plant: func(*bench) {}, check: "age", found: "100d old, more than max_age"},
	{name: "nearly too old", age: 85 * day, plant: func(*bench) {}, check: "age", found: "85d old, nearly max_age", severity: doctor.Note},
	{name: "excluded and too old", age: 100 * day, plant: ini("[profile work]\nrotate = never\n"), check: "age", found: "it is excluded in keyd.ini", severity: doctor.Unknown},
	{name: "excluded by an administrator", age: 100 * day, plant: plantManaged("[profile work]\nrotate = never\n", "", 0), check: "age", found: "it is excluded in the managed settings", severity: doctor.Unknown},
	{name: "unused", age: 50 * day, plant: func(b *bench) {
		b.cloud = awssim.New(awssim.Options{Seed: 9, Lag: awssim.Lag{LastUsed: 7 * time.Minute}})
		b.user = b.cloud.AddUser("111122223333", "/", "alice")
		b.id, b.secret = b.user.AddKey(50 * day)
		b.write(".aws/credentials", "[work]\n"+pair)
	}, check: "unused", found: "only keyd has used it", severity: doctor.Note},
	{name: "note of a pass", offline: true, plant: func(b *bench) {
		must(b.t, state.Status{Version: 1, Notes: []string{"a journal was damaged"}}.Save(b.sys, b.path("state")))
	}, check: "notes", found: "a journal was damaged", severity: doctor.Note},

	// copies
	{name: "copy", offline: true, search: true, plant: func(b *bench) { b.write("project/.env", "AWS_ACCESS_KEY_ID=<ID>\n") }, check: "copies", found: ".env:1", severity: doctor.Note},

	// service
	{name: "service stopped", offline: true, plant: func(b *bench) {
		b.daemon()
		b.daemon = func() {}
		b.service.Running, b.service.Detail = false, "inactive (dead), success"
	}, check: "service", found: "does not run: inactive"},
	{name: "not installed", offline: true, plant: func(b *bench) {
		b.daemon()
		b.daemon, b.service = func() {}, doctor.Service{}
	}, check: "service", found: "not installed", severity: doctor.Note},
	{name: "cannot be installed", offline: true, plant: func(b *bench) {
		b.daemon()
		b.daemon, b.service = func() {}, doctor.Service{Refused: &install.RefusedError{Text: "root has none: nothing was changed", Instead: "run it as yourself"}}
	}, check: "service", found: "root has none", severity: doctor.Note},
	{name: "not at login", offline: true, plant: func(b *bench) { b.service.Enabled = false }, check: "service", found: "does not start at the next login"},
	{name: "program gone", offline: true, plant: func(b *bench) { b.service.Program, b.service.ProgramMissing = "/gone/keyd", true }, check: "service-program", found: "no longer exists"},
	{name: "other build", offline: true, plant: func(b *bench) { b.service.OtherBuild, b.service.Version = true, "v0.9" }, check: "service-program", found: "version v0.9"},
	{name: "older daemon", offline: true, plant: func(b *bench) { b.daemonInfo("keyd v1") }, check: "service-version", found: "is keyd v1, and this program is keyd v2", fixed: true},
	{name: "old definition", offline: true, plant: func(b *bench) { b.write("unit", ""); b.service.Stale = true }, check: "service-definition", found: "an older keyd has written", severity: doctor.Note},
	{name: "variable of this shell", offline: true, plant: func(b *bench) { b.service.Differing = []install.Variable{{Name: "AWS_REGION", Value: "eu-west-1"}} }, check: "service-variables", found: "AWS_REGION", severity: doctor.Note},
	{name: "daemon that does not look", offline: true, plant: func(b *bench) {
		must(b.t, state.DaemonInfo{Version: state.DaemonInfoVersion, PID: 4711, Since: time.Now().Add(-day), Release: "keyd v2", NextPass: time.Now().Add(-3 * time.Hour)}.Save(b.sys, b.path("state")))
	}, check: "service-asleep", found: "was to look at the keys 3h ago"},
	{name: "no linger", offline: true, plant: func(b *bench) { b.linger = false; delete(b.env, "DISPLAY"); b.write("keyd.ini", "notify = none\n") }, check: "linger", found: "stops when you log out", severity: doctor.Note},
	{name: "no notify-send", offline: true, plant: func(b *bench) { must(b.t, os.Remove(b.path("bin/notify-send"))) }, check: "notifications", found: "notify-send", severity: doctor.Note},
	{name: "no desktop", offline: true, plant: func(b *bench) { delete(b.env, "DISPLAY") }, check: "notifications", found: "no desktop", severity: doctor.Note},
	{name: "keyboard remapper", offline: true, plant: func(b *bench) {
		b.write("usr/keyd", "\x7fELF /dev/uinput /etc/keyd")
		b.chmod("usr/keyd", 0o755)
		b.env["PATH"] = b.path("usr") + ":" + b.env["PATH"]
	}, check: "other-keyd", found: "the keyboard remapper of the same name"},
	{name: "another keyd", offline: true, plant: func(b *bench) {
		b.write("usr/keyd", "#!/bin/sh\n")
		b.chmod("usr/keyd", 0o755)
		b.env["PATH"] = b.path("usr") + ":" + b.env["PATH"]
	}, check: "other-keyd", found: "another program"},
	{name: "not in PATH", offline: true, plant: func(b *bench) {
		b.write("usr/notify-send", "#!/bin/sh\n")
		b.chmod("usr/notify-send", 0o755)
		b.env["PATH"] = b.path("usr")
	}, check: "not-in-path", found: "is in no folder of PATH", severity: doctor.Note},
	{name: "locks exclude nobody", offline: true, plant: func(b *bench) { b.sys = ownOnly{b.sys} }, check: "locks", found: "the locks in", most: 2},
	{name: "another pass", offline: true, plant: func(b *bench) {
		unlock, err := b.sys.TryLock(state.PassLockPath(b.path("state")))
		must(b.t, err)
		b.t.Cleanup(unlock)
	}, check: "locks", found: "in the middle of a pass", severity: doctor.Unknown, most: 2},
	{name: "disk full", offline: true, plant: func(b *bench) { b.space = doctor.Space{Bytes: 1 << 20} }, check: "disk", found: "is full: 1024 KiB", most: 2},
	{name: "no more files", offline: true, plant: func(b *bench) { b.space = doctor.Space{Bytes: 1 << 30, Limit: true} }, check: "disk", found: "room for 0 files", most: 2},
	{name: "leftovers", offline: true, plant: func(b *bench) { b.write(".aws/.credentials.keyd-0123456789abcdef", "half") }, check: "leftovers", found: ".credentials.keyd-", severity: doctor.Note, fixed: true},
	{name: "damaged journal", offline: true, plant: func(b *bench) { b.write("state/rotations/AKIAQWERTYUIOPASDFGH.json.damaged-20261123T144500.000", "{}") }, check: "damaged-journals", found: "was set aside"},
	{name: "damaged history", offline: true, plant: func(b *bench) { b.write("state/history.jsonl", "{}\n{half\n") }, check: "history", found: "1 line cannot be read", severity: doctor.Note},
	{name: "killed daemon", offline: true, plant: func(b *bench) {
		b.daemonInfo("keyd v2")
		b.daemon()
		b.daemon, b.service = func() {}, doctor.Service{}
	}, check: "stale-daemon-info", found: "ended without saying why", severity: doctor.Note, fixed: true, most: 2},

	// settings
	{name: "unknown setting", offline: true, plant: ini("\nrotate_aftr = 60d\n"), check: "settings", found: `keyd.ini:2: unknown setting "rotate_aftr"`},
	{name: "impossible settings", offline: true, plant: ini("rotate_after = 80d\noverlap = 30d\n"), check: "settings", found: "add up to"},
	{name: "settings of anybody", offline: true, plant: func(b *bench) { b.write("keyd.ini", ""); b.chmod("keyd.ini", 0o666) }, check: "settings", found: "may be written by every user", fixed: true},
	{name: "section of no profile", offline: true, plant: ini("[profile wrok]\nrotate = never\n"), check: "unknown-profiles", found: "no profile wrok", severity: doctor.Note},
	{name: "on_event is not here", offline: true, plant: ini("on_event = nosuchprogram -x\n"), check: "programs", found: "on_event is to run nosuchprogram"},
	{name: "hook is not here", offline: true, plant: ini("[hook gh]\ncommand = nosuchprogram\n"), check: "programs", found: "hook gh is to run nosuchprogram", most: 2},
	{name: "linked file is not here", offline: true, plant: ini("[link ~/usb/.env]\n"), check: "linked-files", found: "usb/.env does not exist", most: 2},
	{name: "managed settings of a user", offline: true, plant: plantManaged("rotate_after = 40d\n", "", 1234), check: "managed-settings", found: "/keyd-aws/keyd.ini belongs to user 1234", most: 2},
	{name: "managed settings for anybody", offline: true, plant: plantManaged("rotate_after = 40d\n", "", 0, 0o666), check: "managed-settings", found: "may be written by every user", most: 2},
	{name: "mistake in managed settings", offline: true, plant: plantManaged("rotate_aftr = 40d\n", "", 0), check: "managed-settings", found: `keyd.ini:1: unknown setting "rotate_aftr"`, most: 2},
	{name: "weaker than managed settings", offline: true, plant: plantManaged("rotate_after = 40d\n", "\nrotate_after = 50d\n", 0), check: "managed-settings", found: "keyd.ini:2: rotate_after = 50d has no effect", severity: doctor.Note},
	{name: "managed on_event is not here", offline: true, plant: plantManaged("on_event = nosuchprogram\n", "", 0), check: "programs", found: "on_event is to run nosuchprogram"},
	{name: "an age that cannot be kept", offline: true, plant: ini("rotate_after = 1d\n"), check: "unkept-settings", found: "rotate_after = 1d is shorter than overlap", severity: doctor.Note},
}

// plantManaged writes managed settings that belong to a user, with a mode of 0644 if none is
// given, next to a user's own.
func plantManaged(managed, own string, owner int, mode ...os.FileMode) func(*bench) {
	return func(b *bench) {
		path := state.ManagedPath(b.path("machine"), runtime.GOOS)
		name, err := filepath.Rel(b.home, path)
		must(b.t, err)
		b.write(name, managed)
		b.write("keyd.ini", own)
		owners := map[string]atomicfiletest.Owner{path: {UID: owner, Mode: append(mode, 0o644)[0]}}
		for dir := filepath.Dir(path); dir != b.home; dir = filepath.Dir(dir) {
			owners[dir] = atomicfiletest.Owner{Mode: 0o755}
		}
		b.sys = &atomicfiletest.Owned{Sys: b.sys, Me: 1000, Owners: owners}
	}
}

// setEnvHome sets a variable to a path in the home folder.
func setEnvHome(name, path string) func(*bench) {
	return func(b *bench) { b.env[name] = b.path(path) }
}

// plantProcess puts a program with the key in its environment into the folder that stands in
// for /proc.
func plantProcess(b *bench) {
	dir := "machine/proc/812/"
	b.write(dir+"environ", "PATH=/bin\x00AWS_ACCESS_KEY_ID=<ID>\x00")
	b.write(dir+"stat", "812 (backup) S 1 812")
	b.write(dir+"status", "Name:\tbackup\nUid:\t"+strconv.Itoa(os.Geteuid())+"\t"+strconv.Itoa(os.Geteuid())+"\n")
	b.write(dir+"cmdline", "backup\x00")
}

// daemonInfo writes what the running daemon says about itself.
func (b *bench) daemonInfo(release string) {
	must(b.t, state.DaemonInfo{Version: state.DaemonInfoVersion, PID: 4711, Since: time.Now().Add(-time.Hour), Release: release}.Save(b.sys, b.path("state")))
}

// remember writes the last failure of the key into the memory of passes.
func (b *bench) remember(failure string) {
	must(b.t, errors.Join(state.Status{Version: 1, Keys: []state.KeyStatus{{Profiles: []string{"work"}, KeyID: b.id, State: "waiting", Why: "denied"}}}.Save(b.sys, b.path("state"))))
	b.write("state/memory.json", `{"<ID>":{"trouble":`+failure+`}}`)
}
