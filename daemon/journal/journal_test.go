package journal

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/iam/remote"
)

// someRotation returns a rotation with a value in every field.
func someRotation() *Rotation {
	at := time.Date(2026, 11, 23, 9, 0, 0, 123, time.UTC)
	return &Rotation{
		Old: credfile.Key{ID: "AKIAOLD", Secret: credfile.NewSecret("old+secret")}, New: credfile.Key{ID: "AKIANEW", Secret: credfile.NewSecret("new/secret")},
		Session:       Session{Key: credfile.Key{ID: "ASIASESSION", Secret: credfile.NewSecret("session+secret")}, Token: credfile.NewSecret("token/=="), Expires: at, Opener: "AKIAOLD", Serial: "arn:aws:iam::1:mfa/alice", Endpoint: "aws-cn"},
		SessionSigned: at, NeedsMFA: true,
		Account: "1", User: "alice", ARN: "arn", UserID: "AIDA", OpenRegions: []string{"eu-west-1"}, ClosedRegions: []string{"me-central-1"}, Endpoints: remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1"}}, Installation: "0123456789ab", Host: "laptop", Places: []Place{{"/c", "default", "default"}}, Links: []Link{{"/e", "ses-smtp eu-west-1"}}, RetireNow: true, DeleteNow: true,
		IDsBefore: []string{"AKIAOLD"}, CreateSent: at, ClockOffset: time.Second, ClockWithin: time.Second, CreateAnswered: at, Reconciled: at, JudgeAt: at, OrphanID: "AKIAORPHAN", OrphanDeactivated: at,
		Created: at, Swapped: at, Validated: at, ClockDoubted: true, MendStarted: at, Mends: 2, GiveUpReason: "why", Described: true, UseChecked: at, LastUse: &remote.Use{At: at, Service: "s3", Region: "eu-west-1"},
		UnusedSince: at, UseDenied: true, UseNoCall: true, UseDays: []string{"2026-11-22"}, NewDead: at,
		DeactivateStarted: at, Deactivated: at, Held: at, Retire: &Retirement{Borrowed: true, Forced: true, KnownUse: at, Proven: at, Ended: at, Deleted: at}, StuckReason: "why", Suspects: []string{"AKIA3"}, UseUnread: true,
		Hooks:    []HookState{{Name: "github", Digest: "0123", KeyID: "AKIANEW", RunsUntil: at, Delivered: at, Failures: 3, Failed: at, Lasted: time.Minute, Definite: true, LeftOut: true, Why: "exit code 1", Said: "no", Leaked: true}},
		Receipts: []remote.Receipt{{Call: "CreateAccessKey", RequestID: "r", Date: at, Region: "us-east-1", Endpoint: "iam", KeyID: "AKIANEW", SignedBy: "AKIAOLD", Outcome: remote.Done, Code: "c"}},
	}
}

func TestJournalKeepsEveryField(t *testing.T) {
	want := someRotation()
	for i := range reflect.TypeFor[Rotation]().NumField() {
		if reflect.ValueOf(*want).Field(i).IsZero() {
			t.Fatalf("the test does not fill in %s", reflect.TypeFor[Rotation]().Field(i).Name)
		}
	}
	j := Dir{Path: filepath.Join(t.TempDir(), "state", "rotations"), Sys: atomicfile.OS{}}
	if err := j.Save(want); err != nil {
		t.Fatal(err)
	}
	got, errs := j.Load(t.Context())
	if len(errs) != 0 || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Fatalf("%v\n%+v\n%+v", errs, got[0], want)
	}
	for path, mode := range map[string]fs.FileMode{j.Path: 0o700, j.filePath("AKIAOLD"): 0o600} {
		info, err := os.Stat(path)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if err := j.Erase("AKIAOLD"); err != nil {
		t.Fatal(err)
	}
	if got, errs := j.Load(t.Context()); len(got)+len(errs) != 0 {
		t.Errorf("after Erase: %v %v", got, errs)
	}
}

func TestLoadKeepsJournalsItCannotUse(t *testing.T) {
	cases := map[string]struct {
		text  string
		newer bool
	}{
		"truncated":              {`{"version": 1, "old_id": "AKIAX", "new_`, false},
		"not JSON":               {"\x00\x00\x00", false},
		"of another key":         {`{"version": 1, "old_id": "AKIAY"}`, false},
		"no version":             {`{"old_id": "AKIAX"}`, false},
		"of a newer keyd":        {`{"version": 3, "old_id": "AKIAX", "new_secret": "s"}`, true},
		"a retirement of no one": {`{"version": 2, "old_id": "AKIAX", "new_secret": "s"}`, false},
		"of a much newer keyd":   {`{"version": 99, "unknown": [1, 2]}`, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			j := Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
			for range 2 { // a second damaged journal must not overwrite the first
				if err := os.WriteFile(j.filePath("AKIAX"), []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
				rotations, errs := j.Load(t.Context())
				if len(rotations) != 0 || len(errs) != 1 {
					t.Fatalf("Load returns %v, %v", rotations, errs)
				}
				_, newer := errors.AsType[*NewerError](errs[0])
				damaged, isDamaged := errors.AsType[*DamagedError](errs[0])
				if newer != c.newer || isDamaged == c.newer {
					t.Fatalf("%v", errs[0])
				}
				kept := j.filePath("AKIAX")
				if isDamaged {
					kept = damaged.Aside
				}
				if data, err := os.ReadFile(kept); err != nil || string(data) != c.text {
					t.Errorf("%s does not hold the damaged journal: %v", kept, err)
				}
			}
		})
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"version": 1, "old_id": "AKIAX", "rotation": {"sent": "2026-11-23T00:00:00Z"}}`))
	f.Add([]byte(`{"version": 2}`))
	f.Add([]byte(`{"version": 3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j := Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
		if len(data) == 0 || os.WriteFile(j.filePath("AKIAX"), data, 0o600) != nil {
			t.Skip("an empty file may still be written")
		}
		rotations, errs := j.Load(t.Context())
		if len(rotations)+len(errs) != 1 {
			t.Fatalf("%d rotations, %v", len(rotations), errs)
		}
		names, _ := os.ReadDir(j.Path)
		if kept, err := os.ReadFile(filepath.Join(j.Path, names[0].Name())); err != nil || string(kept) != string(data) {
			t.Errorf("Load changed the file: %v", err)
		}
	})
}

// TestUseDaysAreADiary: each day on which AWS recorded a use stands in the diary once, in
// order. A use from before the swap was keyd's own, or its program has the new key now.
// What was known before AWS refused to tell still holds, and so does what was known before a
// server that lags told of an earlier use, or of none.
func TestUseDaysAreADiary(t *testing.T) {
	swapped := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	r := &Rotation{Validated: swapped}
	day := 24 * time.Hour
	for _, after := range []time.Duration{-time.Hour, 3 * time.Hour, 3 * day, 3*day + time.Hour, day} {
		r.NoteUse(&remote.Use{At: swapped.Add(after)}, false, swapped.Add(after+time.Hour))
	}
	r.NoteUse(nil, false, swapped)
	r.NoteUse(nil, true, swapped)
	if want := []string{"2026-01-01", "2026-01-04"}; !reflect.DeepEqual(r.UseDays, want) || !r.UseDenied || !r.UsedByOthers() || !r.LastUse.At.Equal(swapped.Add(3*day+time.Hour)) {
		t.Errorf("%v, denied %v", r.UseDays, r.UseDenied)
	}
	for n := range 3 * maxUseDays {
		r.NoteUse(&remote.Use{At: swapped.Add(time.Duration(n) * day)}, false, swapped)
	}
	if len(r.UseDays) != maxUseDays || r.UseDays[maxUseDays-1] != swapped.Add((3*maxUseDays-1)*day).Format(time.DateOnly) {
		t.Errorf("%d days, the last %v", len(r.UseDays), r.UseDays[len(r.UseDays)-1])
	}
}

// TestOlderRetireNowKeepsItsMeaning: "retire_now" of an older keyd means that a person has
// agreed to the deletion, and "end_overlap" means nothing to an older keyd: it waits.
func TestOlderRetireNowKeepsItsMeaning(t *testing.T) {
	var r Rotation
	if err := json.Unmarshal([]byte(`{"retire_now": true}`), &r); err != nil || !r.DeleteNow || r.RetireNow {
		t.Errorf("%+v, %v", r, err)
	}
	text, err := json.Marshal(Rotation{RetireNow: true})
	if err != nil || strings.Contains(string(text), "retire_now") || !strings.Contains(string(text), "end_overlap") {
		t.Errorf("%s, %v", text, err)
	}
}

// TestForgedJournalIsNotLoaded: the checksum of a journal proves nothing, because anyone
// can compute it. A journal of another user, or in a folder that others may write, counts
// as unreadable, so that its key is left alone; and it stays where it is, as evidence.
func TestForgedJournalIsNotLoaded(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	dir := filepath.Join(t.TempDir(), "rotations")
	if err := (Dir{Path: dir, Sys: atomicfile.OS{}}).Save(someRotation()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "AKIAOLD.json")
	for name, tc := range map[string]struct {
		at    string
		owner atomicfiletest.Owner
		path  string // to which the error belongs; "" when the journal is loaded
	}{
		"own":                      {},
		"of root":                  {at: file, owner: atomicfiletest.Owner{Mode: 0o600}},
		"of another user":          {file, atomicfiletest.Owner{UID: 1234, Mode: 0o600}, file},
		"for everyone":             {file, atomicfiletest.Owner{UID: 1000, Mode: 0o666}, file},
		"in another user's folder": {dir, atomicfiletest.Owner{UID: 1234}, dir},
		"in a folder for everyone": {dir, atomicfiletest.Owner{UID: 1000, Mode: 0o777}, dir},
	} {
		sys := &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: map[string]atomicfiletest.Owner{tc.at: tc.owner}}
		rotations, errs := Dir{Path: dir, Sys: sys}.Load(t.Context())
		if tc.path == "" {
			if len(rotations) != 1 || len(errs) > 0 {
				t.Errorf("%s: %v, %v", name, rotations, errs)
			}
			continue
		}
		if len(rotations) > 0 || len(errs) != 1 {
			t.Fatalf("%s: %v, %v", name, rotations, errs)
		}
		unread, ok := errors.AsType[*UnreadableError](errs[0])
		_, why := errors.AsType[*atomicfile.Untrusted](errs[0])
		if _, err := os.Stat(file); !ok || !why || unread.Path != tc.path || err != nil {
			t.Errorf("%s: %v, %v", name, errs[0], err)
		}
	}
}

// TestNoJournalIsChangedWithoutTheLock: another machine may work with the folder by then.
func TestNoJournalIsChangedWithoutTheLock(t *testing.T) {
	lost := errors.New("the lock is lost")
	j := Dir{Path: filepath.Join(t.TempDir(), "rotations"), Sys: atomicfile.OS{}}
	if err := j.Save(someRotation()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(j.filePath("AKIAOLD"))
	if err != nil {
		t.Fatal(err)
	}
	j.MayWrite = func() error { return lost }
	changed := someRotation()
	changed.User = "bob"
	if err := j.Save(changed); !errors.Is(err, lost) {
		t.Error(err)
	}
	if err := j.Erase("AKIAOLD"); !errors.Is(err, lost) {
		t.Error(err)
	}
	if after, err := os.ReadFile(j.filePath("AKIAOLD")); err != nil || string(after) != string(before) {
		t.Errorf("the journal was changed: %v", err)
	}
}

// TestVersionFollowsTheContents: an older keyd would write the helper of a retirement into
// the files, and would end a key that linked files still show. It must take such a journal
// for a newer one's, and continue every other one, also one with a session, which it leaves
// out of what it writes. A journal whose version and contents
// differ is damaged.
func TestVersionFollowsTheContents(t *testing.T) {
	plain, linked, retiring := *someRotation(), *someRotation(), *someRotation()
	plain.Links, plain.Retire = nil, nil
	linked.Retire, retiring.Links = nil, nil
	for r, want := range map[*Rotation]int{&plain: 1, &linked: 2, &retiring: 2} {
		if rec := toRecord(r); rec.Version != want {
			t.Errorf("a rotation with %d linked files, retired %v, is written as version %d, want %d", len(r.Links), r.Retire != nil, rec.Version, want)
		}
	}
	j := Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
	text := `{"version": 1, "old_id": "AKIAX", "rotation": {"before": ["AKIAX"], "retire": {}}}`
	if err := os.WriteFile(j.filePath("AKIAX"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, errs := j.Load(t.Context()); len(all) != 0 || len(errs) != 1 {
		t.Errorf("%v, %v", all, errs)
	}
}

// TestUsedMeanwhile: in a retirement, a use counts that the person was not told of. keyd
// itself has called IAM and STS with the old key until the helper existed.
func TestUsedMeanwhile(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		known time.Time
		use   *remote.Use
		edit  func(*Retirement)
		want  bool
	}{
		"never used":                    {},
		"keyd's own last call":          {use: &remote.Use{At: began.Add(-time.Minute), Service: "iam"}},
		"keyd's own, by AWS's clock":    {use: &remote.Use{At: began.Add(4 * time.Minute), Service: "iam"}},
		"the use that was told":         {known: began.Add(-900 * time.Hour), use: &remote.Use{At: began.Add(-900 * time.Hour), Service: "s3"}},
		"a use that was reported later": {known: began.Add(-900 * time.Hour), use: &remote.Use{At: began.Add(-time.Hour), Service: "s3"}, want: true},
		"the first use ever":            {use: &remote.Use{At: began.Add(-time.Hour), Service: "s3"}, want: true},
		"someone else calls IAM":        {use: &remote.Use{At: began.Add(time.Hour), Service: "iam"}, want: true},
		"used, and retired all the same": {use: &remote.Use{At: began.Add(time.Hour), Service: "s3"},
			edit: func(r *Retirement) { r.Forced = true }},
	} {
		r := &Rotation{Created: began, LastUse: c.use, Retire: &Retirement{KnownUse: c.known}}
		if c.edit != nil {
			c.edit(r.Retire)
		}
		if r.UsedMeanwhile() != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}
