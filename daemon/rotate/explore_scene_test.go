package rotate_test

import (
	"bytes"
	"cmp"
	"path/filepath"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// scene is everything that outlives a process: the disk, AWS and the time.
// The exploration continues from one scene in many ways.
type scene struct {
	disk   *atomicfiletest.Disk
	cloud  *awssim.Cloud
	at     time.Time // when the next process starts
	since  time.Time // when the last process ended; zero at first
	ghost  ghost
	trace  trace
	faults int                             // in the trace, deaths included
	owners map[string]atomicfiletest.Owner // of files that belong to another user, during a take; nil when files have no owners
	memo   *memo                           // shared by scenes of one moment while their fingerprints are taken; may be nil
}

// ghost is what the invariants remember. keyd does not see it.
type ghost struct {
	shape        string // both files, with every id and secret masked
	othersActed  bool   // another person has acted
	beyondRepair bool   // a person acted at AWS, or in the files of a closed rotation, and keyd cannot repair that
	raced        bool   // a person wrote a file between keyd's last look and its rename or write, on a disk that exchanges no names
	torn         bool   // the power failed during a write in place, or a person edited a secret, and the file is not mended yet
	closedKeys   string // ids of the keys of closed rotations: their owners decide what happens to them
	denied       string // the actions that AWS refuses the user from now on
	missing      string // ids of new keys whose journals were removed, and not restored yet
	holds        string // the id of the pair that the place of the hook holds; "" without a hook
	forged       bool   // another user of the machine has replaced a journal
	retires      bool   // a person retires alice's key, which is then dead in the files
	movedLink    string // the text of the first linked file while a person has moved the file away
	unlinked     bool   // a person has unlinked the first linked file
	of           [2]owned
}

// owned is what the invariants remember about the keys of one user.
type owned struct {
	firstKey   credfile.Key
	shown      shownKeys
	oldOff     time.Time // when keyd made the old key Inactive
	lastIntent string    // the time in the intent under which CreateAccessKey was last called
	used       time.Time // when somebody last used the old key, as far as AWS has told keyd
}

// setting describes the AWS and the disk with which an exploration begins.
type setting struct {
	name     string
	lag      awssim.Lag
	twoFiles bool // the config file shows the key as well
	links    bool // two linked files show the key as well

	dialect awssim.Dialect // the IAM that is spoken; the files name its endpoint unless it is AWS's

	noExchange bool // the disk cannot exchange two names: a rename puts the new file in place

	hook bool // a required hook brings the pair to another place

	mfa     bool          // alice stands behind a guard for MFA
	rides   bool          // nobody gives a code for a deletion alone
	overlap time.Duration // 0 means a day

	inPlace bool // the folder accepts no new file, so keyd writes the file itself

	twoUsers bool          // the credentials file shows a key of bob as well, which is due, too
	bobFirst bool          // bob's key comes first in the file, and so in each round
	age      time.Duration // of the first keys; 0 means that they are due
	retires  bool          // a person retires alice's key

	before bool // keyd has validated a rotation on this machine, so both keys proceed at once

	faults      int  // how many faults deep tests combine
	draw        draw // what the other tests draw from them
	alwaysDrawn bool // deep tests draw as well
	seed        uint64
	proofRounds int // successes in a row that a proof requires; 0 means keyd's own number. Rounds are alike, so few will do
}

// quick is a lag of seconds that varies by server: each view has two
// replicas, which contradict each other during the lag.
var quick = awssim.Lag{
	Create: awssim.Range{Min: time.Second, Max: 2 * time.Second}, Revoke: awssim.Range{Min: time.Second, Max: 2 * time.Second},
	List: awssim.Range{Max: 2 * time.Second}, LastUsed: time.Minute, Replicas: 2,
}

// slowList is a lag of ListAccessKeys only.
var slowList = awssim.Lag{List: awssim.Range{Min: 6 * time.Second, Max: 20 * time.Second}, Replicas: 2}

// epoch is the time at which every synctest bubble begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	homeFolder, _ = filepath.Abs("/home/alice")
	stateFolder   = filepath.Join(homeFolder, "state")
	credentials   = filepath.Join(homeFolder, "credentials")
	configFile    = filepath.Join(homeFolder, "config")
	envFile       = filepath.Join(homeFolder, "env")
	jsonFile      = filepath.Join(homeFolder, "mc.json")
	rotations     = filepath.Join(stateFolder, "rotations")
)

// firstScene returns the scene of a user with one key, which is due for
// rotation.
func (s setting) firstScene() *scene {
	clock := func() time.Time { return epoch }
	cloud := awssim.New(awssim.Options{Now: clock, Seed: s.seed + 7, Lag: s.lag, Dialect: s.dialect, Regions: []string{"us-east-1"}})
	user := cloud.AddUser(lab.Account, "/", "alice")
	s.guardUser(user)
	id, secret := user.AddKey(cmp.Or(s.age, 70*settings.Day))
	w := &scene{disk: atomicfiletest.NewDisk(clock, homeFolder), cloud: cloud, at: epoch.Add(time.Minute)}
	w.ghost.retires = s.retires
	w.ghost.of[alice].firstKey = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	if s.hook {
		w.ghost.holds = id
	}
	pair := "aws_access_key_id = " + id + "\r\naws_secret_access_key\t=\t" + secret + "\r\n"
	sections := "[default]\r\n" + pair + "\r\n"
	if s.twoUsers {
		id, secret := cloud.AddUser(lab.Account, "/", "bob").AddKey(70 * settings.Day)
		w.ghost.of[bob].firstKey = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
		section := "[bob]\r\naws_access_key_id=" + id + "\r\naws_secret_access_key=" + secret + "\r\n"
		if sections += section; s.bobFirst {
			sections = section + strings.TrimSuffix(sections, section)
		}
	}
	w.disk.Put(credentials, []byte("# mine\r\n"+sections+"[other]\r\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\r\n"), false)
	if s.before {
		_ = w.disk.Mkdir(stateFolder, 0o700)
		w.disk.Put(state.HistoryPath(stateFolder), []byte(`{"time":"1999-12-01T00:00:00Z","did":"validated","profiles":["earlier"],"key_id":"AKIAIOSFODNN7EXAMPLE"}`+"\n"), false)
	}
	config := "[default]\nregion = us-east-1\n" // also the partition's default region, so there is one endpoint fewer to ask
	if s.dialect != awssim.AWS {
		config = strings.Replace(lab.OtherConfig, "[profile work]\nservices = store\n", "", 1)
	}
	if s.twoFiles {
		config += "[profile work]\nregion = eu-west-1\n" + strings.ReplaceAll(pair, "\r", "")
	}
	w.disk.Put(configFile, []byte(config), false)
	if s.links {
		w.putLinks(id, secret)
	}
	w.ghost.shape = w.filesShape()
	return w
}

// filesShape returns the user's files without the values that may change.
func (w *scene) filesShape() string { return w.shapeWith("", "") }

// shapeWith returns what filesShape would return if the file at path had the text of the
// file at another path.
func (w *scene) shapeWith(path, other string) string {
	var b strings.Builder
	for _, file := range userFiles {
		if file == path {
			file = other
		}
		b.WriteString(w.maskedText(file) + "\x00")
	}
	return b.String()
}

// isKeptBeside reports whether one of keyd's files next to a user's file,
// with a name that ends in suffix, holds what would restore the shape of the
// files.
func (w *scene) isKeptBeside(suffix string) bool {
	for _, f := range w.disk.Files() {
		for _, path := range userFiles {
			dir, name := filepath.Split(path)
			if strings.HasPrefix(f.Path, dir+"."+name+".keyd-") && strings.HasSuffix(f.Path, suffix) && w.shapeWith(path, f.Path) == w.ghost.shape {
				return true
			}
		}
	}
	return false
}

// maskedText returns the text of a file with fixed words for every id and
// secret.
func (w *scene) maskedText(path string) string {
	var pairs []string
	for id, secret := range w.cloud.Secrets() {
		pairs = append(pairs, id, "ID", secret, "SECRET")
	}
	text := w.disk.Data(path)
	if w.ghost.torn {
		text = w.healText(text)
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

// shownKey returns the id that a place shows, or "". whole is false if it
// mixes two pairs.
func (w *scene) shownKey(p place) (id string, whole bool) {
	text := w.placeText(p)
	ids, secrets, secret := 0, 0, ""
	for i, s := range w.cloud.Secrets() {
		if bytes.Contains(text, []byte(i)) {
			id, ids = i, ids+1
		}
		if bytes.Contains(text, []byte(s)) {
			secret, secrets = i, secrets+1
		}
	}
	return id, ids == secrets && ids <= 1 && id == secret
}

// isUsable reports whether AWS accepts the pair in a place at every endpoint.
// A place without a pair counts as usable.
func (w *scene) isUsable(p place) bool {
	id, whole := w.shownKey(p)
	if w.ghost.torn && w.isMixed(w.placeText(p)) {
		return false
	}
	return id == "" || whole && w.cloud.IsUsable(id, w.cloud.Secrets()[id])
}

// isTorn reports whether a file shows half of one pair and half of another.
func (w *scene) isTorn(path string) bool { return w.isMixed(w.disk.Data(path)) }

// isAnyTorn reports whether one of the files is torn.
func (w *scene) isAnyTorn() bool { return w.isTorn(credentials) || w.isTorn(configFile) }

// mayBeTorn reports whether a file is torn, or would be after a power failure
// because the mended text is not synced yet.
func (w *scene) mayBeTorn() bool {
	return w.isAnyTorn() || w.isMixed(w.disk.Kept(credentials)) || w.isMixed(w.disk.Kept(configFile))
}

// isMixed reports whether a text has an id without its secret, or mixes two
// ids or two secrets byte by byte.
func (w *scene) isMixed(text []byte) bool {
	for id, secret := range w.cloud.Secrets() {
		if bytes.Contains(text, []byte(id)) != bytes.Contains(text, []byte(secret)) {
			return true
		}
	}
	return !bytes.Equal(w.healText(text), text)
}

// healText returns a text in which each mixture of two ids, or of two
// secrets, is replaced by one of the two, and each spoiled secret by the right one.
func (w *scene) healText(text []byte) []byte {
	text = bytes.Clone(text)
	secrets := w.cloud.Secrets()
	for a, secret := range secrets {
		text = bytes.ReplaceAll(text, []byte(spoil(secret)), []byte(secret))
		for b, other := range secrets {
			if a < b {
				replaceMixed(text, a, b)
				replaceMixed(text, secret, other)
			}
		}
	}
	return text
}

// replaceMixed overwrites each mixture of a and b in text with a.
func replaceMixed(text []byte, a, b string) {
	for at := 0; at+len(a) <= len(text) && len(a) == len(b); at++ {
		part, i := text[at:at+len(a)], 0
		for i < len(part) && (part[i] == a[i] || part[i] == b[i]) {
			i++
		}
		if i == len(part) && string(part) != a && string(part) != b {
			copy(part, a)
		}
	}
}
