package rotate_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
)

// scene is everything that outlives a process: the disk, AWS, and the time. The
// exploration goes on from one scene in many ways.
type scene struct {
	disk   *atomicfiletest.Disk
	cloud  *awssim.Cloud
	at     time.Time // when the next process looks
	since  time.Time // when the last one ended
	ghost  ghost
	trace  trace
	faults int // how many it took to get here
	memo   *memo
}

// ghost is what the invariants remember. keyd does not see it.
type ghost struct {
	shape        string // the files with every id and secret taken out
	lastIntent   string // the intent under which CreateAccessKey was sent last
	othersActed  bool   // somebody else has acted
	beyondRepair bool   // at AWS, or in the files of a rotation that is closed: keyd cannot make that good
	raced        bool   // somebody wrote a file between keyd's last look and its rename or write, where no names are exchanged
	torn         bool   // the power failed in the middle of a write in place, and nobody has mended it yet
	closedKeys   string // the keys of rotations that are closed: what becomes of them is their owners' affair
	firstKey     credfile.Key
	shown        shownKeys
	oldOff       time.Time // when keyd made the old key Inactive
	denied       string    // what AWS refuses the user from now on
}

// setting is where an exploration begins.
type setting struct {
	name     string
	lag      awssim.Lag
	twoFiles bool // the config file shows the key, too

	noExchange bool // of two names: a rename puts the new file there

	inPlace     bool // the folder takes no new file, so that the file itself is written
	faults      int  // combined in deep tests
	draw        draw // from them, in others
	seed        uint64
	proofRounds int // of a proof, when not as many as ever: they are alike
}

// quick spreads within seconds and not evenly: each view has two replicas that
// contradict each other meanwhile.
var quick = awssim.Lag{
	Create: awssim.Range{Min: time.Second, Max: 2 * time.Second}, Revoke: awssim.Range{Min: time.Second, Max: 2 * time.Second},
	List: awssim.Range{Max: 2 * time.Second}, LastUsed: time.Minute, Replicas: 2,
}

// slowList tells late which keys there are.
var slowList = awssim.Lag{List: awssim.Range{Min: 6 * time.Second, Max: 20 * time.Second}, Replicas: 2}

// epoch is when every synctest bubble begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	homeFolder, _ = filepath.Abs("/home/alice")
	stateFolder   = filepath.Join(homeFolder, "state")
	credentials   = filepath.Join(homeFolder, "credentials")
	configFile    = filepath.Join(homeFolder, "config")
	rotations     = filepath.Join(stateFolder, "rotations")
)

// firstScene is a user with one key that is due.
func (s setting) firstScene() *scene {
	clock := func() time.Time { return epoch }
	cloud := awssim.New(awssim.Options{Now: clock, Seed: s.seed + 7, Lag: s.lag, Regions: []string{"us-east-1"}})
	id, secret := cloud.AddUser(lab.Account, "/", "alice").AddKey(70 * settings.Day)
	w := &scene{disk: atomicfiletest.NewDisk(clock, homeFolder), cloud: cloud, at: epoch.Add(time.Minute)}
	w.ghost.firstKey = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	pair := "aws_access_key_id = " + id + "\r\naws_secret_access_key\t=\t" + secret + "\r\n"
	w.disk.Put(credentials, []byte("# mine\r\n[default]\r\n"+pair+"\r\n[other]\r\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\r\n"), false)
	config := "[default]\nregion = us-east-1\n" // the partition's own: one endpoint less to ask
	if s.twoFiles {
		config += "[profile work]\nregion = eu-west-1\n" + strings.ReplaceAll(pair, "\r", "")
	}
	w.disk.Put(configFile, []byte(config), false)
	w.ghost.shape = w.filesShape()
	return w
}

// user is the one whose keys they are, under whatever name.
func (w *scene) user() *awssim.User {
	if u := w.cloud.FindUser(lab.Account, "alice"); u != nil {
		return u
	}
	return w.cloud.FindUser(lab.Account, "alice-2")
}

// filesShape is both files without what may change in them.
func (w *scene) filesShape() string {
	return w.maskedText(credentials) + "\x00" + w.maskedText(configFile)
}

// isKeptBeside reports whether what keeps the files as they should be stands beside
// one of them, in a file of keyd's whose name ends so.
func (w *scene) isKeptBeside(suffix string) bool {
	for _, f := range w.disk.Files() {
		for i, path := range userFiles {
			dir, name := filepath.Split(path)
			if strings.HasPrefix(f.Path, dir+"."+name+".keyd-") && strings.HasSuffix(f.Path, suffix) {
				with := [2]string{w.maskedText(credentials), w.maskedText(configFile)}
				with[i] = w.maskedText(f.Path)
				if with[0]+"\x00"+with[1] == w.ghost.shape {
					return true
				}
			}
		}
	}
	return false
}

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

// shownKey returns the pair that a file shows: "" for none, and whole is false
// when it is a mixture.
func (w *scene) shownKey(path string) (id string, whole bool) {
	text := w.disk.Data(path)
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

// isUsable reports whether AWS accepts what a file shows everywhere.
func (w *scene) isUsable(path string) bool {
	id, whole := w.shownKey(path)
	if w.ghost.torn && w.isTorn(path) {
		return false
	}
	return id == "" || whole && w.cloud.IsUsable(id, w.cloud.Secrets()[id])
}

// isTorn reports whether a file shows what is half of one key and half of another.
func (w *scene) isTorn(path string) bool { return w.isMixed(w.disk.Data(path)) }

func (w *scene) isAnyTorn() bool { return w.isTorn(credentials) || w.isTorn(configFile) }

// mayBeTorn reports whether a file is torn, or was and what mends it is not on the
// disk yet.
func (w *scene) mayBeTorn() bool {
	return w.isAnyTorn() || w.isMixed(w.disk.Kept(credentials)) || w.isMixed(w.disk.Kept(configFile))
}

func (w *scene) isMixed(text []byte) bool {
	for id, secret := range w.cloud.Secrets() {
		if bytes.Contains(text, []byte(id)) != bytes.Contains(text, []byte(secret)) {
			return true
		}
	}
	return !bytes.Equal(w.healText(text), text)
}

// healText returns a text with a whole id, or secret, in the place of each that is
// mixed of two, byte by byte.
func (w *scene) healText(text []byte) []byte {
	text = bytes.Clone(text)
	secrets := w.cloud.Secrets()
	for a, secret := range secrets {
		for b, other := range secrets {
			if a < b {
				replaceMixed(text, a, b)
				replaceMixed(text, secret, other)
			}
		}
	}
	return text
}

// replaceMixed puts a where the text has a mixture of a and b.
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
