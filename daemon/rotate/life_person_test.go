package rotate_test

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

var (
	lifeSeed        = flag.Int64("life.seed", -1, "the only life that TestLives lets happen; -1 means a number of them")
	lifeCount       = flag.Uint64("life.count", 0, "how many lives TestLives draws; 0 means 2, or 12 in deep tests")
	lifeMistakesToo = flag.Bool("life.mistakes", false, "put the mistakes of lifeMistakes back, one at a time, and let lives find them")
)

// comesAndGoes are reasons that a timetable may end at any moment, and that keyd says when
// they have lasted: nobody can know that waiting will help.
var comesAndGoes = regexp.MustCompile(`not authorized|explicit deny|for more than|other AWS endpoints answer|cannot be deactivated before|clock differs`)

// callPerson is what happens when keyd calls a person: the reason must be true, waiting
// must not mend it, and what the hint says must mend it. The person does it within two
// days.
func (w *life) callPerson(m *machine, r rotate.Result) {
	key := r.Profiles[0] + " " + digits.ReplaceAllString(r.Why, "")
	if w.forked || !m.told[key].IsZero() && w.now().Sub(m.told[key]) < 4*settings.Day {
		return
	}
	again := !m.told[key].IsZero()
	m.told[key] = w.now()
	w.judged.told++
	w.tell("%s CALLS: %s: %s; hint: %s", m.name, r.Profiles[0], r.Why, r.Hint)
	if again {
		if !comesAndGoes.MatchString(r.Why) && !strings.HasPrefix(r.Hint, "copy profile") { // both machines may be told, and the file that showed the key is then gone
			w.judged.wrong("the hint did not help on %s: %s; %s", m.name, r.Why, r.Hint)
		}
	} else {
		w.checkReason(m, r)
	}
	i := m.index()
	w.laterByPerson(w.now().Add(time.Duration(1+w.dice.IntN(36))*time.Hour), func(w *life) { w.obey(w.machines[i], r) })
}

var digits = regexp.MustCompile(`\d+[dhms]|\d|, used by [^:;]*|never used|AKIA\.\.[A-Z2-7]+`)

// checkReason checks the reason against the truth, and lets a fork wait.
func (w *life) checkReason(m *machine, r rotate.Result) {
	for _, id := range keyIDs.FindAllString(r.Hint, -1) {
		for _, other := range w.machines {
			if strings.Contains(r.Hint, "prune") && strings.Contains(other.ReadCredentials(), id) && (!strings.Contains(r.Hint, "if another machine uses it") || w.isNewer(id, r.KeyID)) {
				w.judged.wrong("%s is told to prune %s, which %s shows: %s; %s", m.name, id, other.name, r.Why, r.Hint)
			}
		}
		if w.judged.deleted[id] {
			w.judged.wrong("%s is told of %s, which keyd has deleted: %s; %s", m.name, id, r.Why, r.Hint)
		}
		if w.isOrphan(id) && len(w.machines) == 1 && !strings.Contains(r.Why, "does not let this user read") {
			w.judged.wrong("%s is asked about %s, which it made itself and nobody has: %s", m.name, id, r.Why)
		}
	}
	if comesAndGoes.MatchString(r.Why) || w.judged.forks >= 3 || strings.Contains(r.Why, "began this rotation") { // whether the other machine goes on is known only there
		return
	}
	w.judged.forks++
	f := w.waitInFork(7 * settings.Day)
	if later, ok := f.machines[m.index()].latest[r.Profiles[0]]; ok && !later.NeedsPerson && later.Err == nil && later.State != decide.StateWaiting && !f.machines[m.index()].excluded {
		w.judged.wrong("%s calls a person, and waiting mends it: %s; %s; a week later: %s: %s", m.name, r.Why, r.Hint, later.State, later.Why)
	}
}

// isNewer reports whether a key was created after another.
func (w *life) isNewer(id, than string) bool {
	created := map[string]time.Time{}
	for _, name := range usersOfLives {
		if u := w.cloud.FindUser(lab.Account, name); u != nil {
			for _, k := range w.cloud.History(u) {
				created[k.ID] = k.Created
			}
		}
	}
	return created[id].After(created[than])
}

// isOrphan reports whether nobody has the secret of an Active key that keyd made.
func (w *life) isOrphan(id string) bool {
	return slices.Contains(w.cloud.Orphans(), id)
}

var (
	keydPrune  = regexp.MustCompile(`keyd prune (\S+)(?: (AKIA[A-Z2-7]{16}))?`)
	keydResume = regexp.MustCompile(`keyd resume (\S+)`)
	keydHold   = regexp.MustCompile(`keyd hold (\S+)`)
	keydRotate = regexp.MustCompile(`keyd rotate((?: --[a-z-]+)*)`)
)

// obey does what a hint says, as somebody does who knows what runs where.
func (w *life) obey(m *machine, was rotate.Result) {
	r, ok := m.latest[was.Profiles[0]]
	if !ok || !r.NeedsPerson { // it is over
		return
	}
	w.judged.mended++
	hint, profile := r.Hint, r.Profiles[0]
	switch table := w.table(); {
	case table != nil && !table.isAllowed(w.now()) && comesAndGoes.MatchString(r.Why):
		i := m.index()
		if at := table.nextAllowed(w.now()); at.Before(w.now().Add(14 * settings.Day)) {
			w.laterByPerson(at.Add(10*time.Minute), func(w *life) { w.machines[i].rotateByHand("", decide.Options{}) })
		}
	case strings.HasPrefix(hint, "copy profile"):
		w.copyProfile(m, profile)
	case keydPrune.MatchString(hint):
		id := keydPrune.FindStringSubmatch(hint)[2]
		if id == "" || !w.isNeeded(id) {
			m.prune(profile, id)
		} else if strings.Contains(hint, "its own IAM user") {
			w.giveOwnUser(m, profile)
		}
	case strings.HasPrefix(hint, "in the console of AWS, user "):
		w.reviveInConsole(m, r)
	case keydHold.MatchString(hint) && strings.Contains(r.Why, "AWS refuses"):
		m.hold(profile)
		i := m.index()
		w.laterByPerson(w.now().Add(24*time.Hour), func(w *life) { w.machines[i].resume(profile) })
	case keydResume.MatchString(hint):
		m.resume(profile)
	case strings.Contains(hint, "--retire-now") && w.copyToUser(m, profile, r.Rotation.Old.ID): // the other place needs no waiting now
	case strings.Contains(hint, "--retire-now"):
		note(&w.judged.asked, "alice", true)
		m.rotateByHand("", decide.Options{RetireNow: true})
	case strings.HasPrefix(hint, "set the clock"):
		m.offset = 0
	case keydRotate.MatchString(hint):
		m.rotateByHand("", decide.Options{Force: strings.Contains(hint, "--force")})
	case strings.Contains(r.Why, "InvalidClientTokenId"): // somebody has ended the key, and a person asks for another one
		w.giveOwnUser(m, profile)
	case comesAndGoes.MatchString(r.Why): // a firewall, an administrator: it ends by itself here
	default:
		w.judged.wrong("nobody knows what to do: %s; %s", r.Why, hint)
	}
}

// reviveInConsole makes a key of the rotation Active again, as an administrator does: the
// new one, or the old one if the new one is deleted.
func (w *life) reviveInConsole(m *machine, r rotate.Result) {
	user := w.cloud.FindUser(r.Rotation.Account, r.Rotation.User)
	if user.SetStatus(r.Rotation.New.ID, "Active") == nil {
		m.rotateByHand("", decide.Options{})
	} else if user.SetStatus(r.Rotation.Old.ID, "Active") == nil {
		note(&w.judged.revived, r.Rotation.Old.ID, w.now())
		m.hold(r.Profiles[0])
	}
}

// table returns the timetable of the life, or nil.
func (w *life) table() *timetable {
	for _, c := range w.conditions {
		if table, ok := c.(*timetable); ok {
			return table
		}
	}
	return nil
}

// isNeeded reports whether a machine shows the key, or another place uses it.
func (w *life) isNeeded(id string) bool {
	for _, m := range w.machines {
		if strings.Contains(m.ReadCredentials(), id) {
			return true
		}
	}
	for _, c := range w.conditions {
		if u, ok := c.(*otherUses); ok && u.Place == id && w.day() < u.Ends {
			return true
		}
	}
	return false
}

// copyProfile brings the pair of the other machine to m.
func (w *life) copyProfile(m *machine, profile string) {
	for _, other := range w.machines {
		if other != m && other.Home != m.Home {
			w.tell("the person copies profile %s of %s to %s", profile, other.name, m.name)
			from, err := credfile.ReadPair([]byte(m.ReadCredentials()), credfile.Credentials, profile)
			to, err2 := credfile.ReadPair([]byte(other.ReadCredentials()), credfile.Credentials, profile)
			if err != nil || err2 != nil {
				w.judged.wrong("profile %s: %v, %v", profile, err, err2)
				return
			}
			m.replacePair(from, to)
			return
		}
	}
	w.judged.wrong("%s is told to copy a profile from a machine that is not there", m.name)
}

// replacePair edits the file, as a person does.
func (m *machine) replacePair(from, to credfile.Key) {
	m.WriteFile("credentials", strings.NewReplacer(from.ID, to.ID, from.Secret.Reveal(), to.Secret.Reveal()).Replace(m.ReadCredentials()))
	m.w.judged.afterCommand(m)
	m.schedule, m.next = nil, m.w.now().Add(time.Second)
}

// copyToUser brings the new pair to the other machine if it shows the old one.
func (w *life) copyToUser(m *machine, profile, old string) bool {
	for _, other := range w.machines {
		if other.Home != m.Home && strings.Contains(other.ReadCredentials(), old) {
			w.copyProfile(other, profile)
			return true
		}
	}
	return false
}

// giveOwnUser gives a profile of the machine an IAM user of its own.
func (w *life) giveOwnUser(m *machine, profile string) {
	from, err := credfile.ReadPair([]byte(m.ReadCredentials()), credfile.Credentials, profile)
	if err != nil {
		w.judged.wrong("profile %s: %v", profile, err)
		return
	}
	id, secret := w.cloud.AddUser(lab.Account, "/", fmt.Sprintf("%s-%d", m.name, len(m.shown))).AddKey(0)
	w.tell("the person gives %s of %s a user of its own, with %s", profile, m.name, id)
	m.replacePair(from, credfile.Key{ID: id, Secret: credfile.NewSecret(secret)})
}
