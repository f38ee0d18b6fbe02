package credfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile/readers"
)

// valuePosition says where a half of a pair stands: the file, and the line in it.
type valuePosition struct {
	kind Kind
	line int
}

// pairPosition says where the halves of a pair stand. Some readers take one half from each
// file, so one kind for both would let their pair pass for another one in the same lines.
type pairPosition struct{ id, secret valuePosition }

// unseenPair is a pair that some readers can use and that keyd does not rotate.
type unseenPair struct {
	at      pairPosition
	profile string
	id      string   // "" when what they take for it is none
	half    bool     // one half of it belongs to a pair that keyd rotates
	readers []string // the names of those that find it
}

// words says what the readers find.
func (u *unseenPair) words() string {
	if u.half {
		return JoinWords(u.readers) + " read only one half of the pair here, and the other half elsewhere"
	}
	return JoinWords(u.readers) + " can use the key " + Short(u.id) + " in this profile, and keyd cannot"
}

// addUnreadable adds to profiles what they leave out: long-term keys that some reader can
// use although keyd cannot, and keys that no reader can use. known says where the pairs
// are that keyd reads itself.
func (v *profileIndex) addUnreadable(profiles []Profile, known map[pairPosition]bool) []Profile {
	markTwoSecrets(profiles)
	list := profileList{profiles: profiles}
	told := map[valuePosition]bool{} // the headers below which a key is told of
	for i := range profiles {
		p := &profiles[i]
		if f := v.fileAt(p.Path); p.Skip.IsUnreadable() && f != nil {
			told[valuePosition{f.Kind, f.headerOf(p.Line)}] = true
		}
	}
	for _, u := range v.findUnseen(known) {
		f := v.fileOf(u.at.id.kind)
		if told[valuePosition{f.Kind, f.headerOf(u.at.id.line)}] && len(list.named(u.profile)) == 0 {
			continue // told under another spelling of its name
		}
		line := u.at.id.line
		if u.at.secret.kind == u.at.id.kind {
			line = max(line, u.at.secret.line)
		}
		r := f.newRefusal(u.at.id.line, reportRemedy, "")
		if p := f.findCulprit(line); p != nil {
			r.Line, r.Text, r.Remedy = p.Line, p.Text+": ", p.Remedy
		}
		r.Text += u.words()
		list.markUnreadable(f, u.profile, u.id, r)
	}
	for _, f := range []*File{v.credentials, v.config} {
		if f == nil {
			continue
		}
		if r := f.wideRefusal(); r != nil {
			list.markUnreadable(f, "(whole file)", "", r)
		}
		for _, k := range f.findStrays(accountedSections(f, profiles)) {
			name := "(no header)"
			if k.section != nil {
				name, _ = profileName(f.Kind, k.section.Name)
				name = cmp.Or(name, k.section.Name)
			}
			list.markUnreadable(f, name, k.id, k.refuse(f))
		}
	}
	return list.profiles
}

// markTwoSecrets makes each profile unreadable that shows the id of an earlier profile with
// another secret: only one of the two can be right.
func markTwoSecrets(profiles []Profile) {
	first := make(map[string]*Profile, len(profiles))
	for i := range profiles {
		p := &profiles[i]
		if p.Skip != Rotatable {
			continue
		}
		q := first[p.Key.ID]
		if q == nil {
			first[p.Key.ID] = p
		} else if !q.Key.Secret.Equal(p.Key.Secret) {
			p.IDs = []string{p.Key.ID}
			p.setUnreadable(Unreadable, &Refusal{p.Path, p.Line, fmt.Sprintf("%s stands in %s:%d with another secret", p.Key, q.Path, q.Line),
				"find out which secret is right, and remove the other pair"})
		}
	}
}

// accountedSections returns which sections of f hold a pair that has been dealt with: it is
// rotated, unreadable, or a key that keyd leaves alone. Any other section may still hold a
// stray id. The first answer is for the lines above the first header, so the others are for
// the index of their section and one more.
func accountedSections(f *File, profiles []Profile) []bool {
	accounted := make([]bool, len(f.Sections)+1)
	at := 0
	for i := range profiles {
		p := &profiles[i]
		switch p.Skip {
		case NoKeys, Role, SSO, Login, CredentialProcess, NotLongTerm:
			continue
		}
		if p.Path == f.Path {
			at = f.sectionNear(p.Line, at)
			accounted[at+1] = true
		}
	}
	return accounted
}

// fileAt returns the file with this path, or nil.
func (v *profileIndex) fileAt(path string) *File {
	for _, f := range []*File{v.credentials, v.config} {
		if f != nil && f.Path == path {
			return f
		}
	}
	return nil
}

// fileOf returns one of the files.
func (v *profileIndex) fileOf(kind Kind) *File {
	if v.config != nil && v.config.Kind == kind {
		return v.config
	}
	return v.credentials
}

// profileList holds profiles in their order.
type profileList struct {
	profiles []Profile
	byName   map[string][]int // indexes; nil before the first question
}

// named returns the indexes of the profiles with this name.
func (l *profileList) named(name string) []int {
	if l.byName == nil {
		l.byName = make(map[string][]int, len(l.profiles))
		for i := range l.profiles {
			l.byName[l.profiles[i].Name] = append(l.byName[l.profiles[i].Name], i)
		}
	}
	return l.byName[name]
}

// markUnreadable makes the profile with this name, which holds the key id, unreadable, or
// adds one. A profile that is unreadable already keeps its reason.
func (l *profileList) markUnreadable(f *File, name, id string, r *Refusal) {
	found := -1
	for _, i := range l.named(name) {
		if found < 0 || l.profiles[i].Path == f.Path && l.profiles[found].Path != f.Path {
			found = i
		}
	}
	if found < 0 {
		found = len(l.profiles)
		l.profiles = append(l.profiles, Profile{Name: name, Path: f.Path, Section: name})
		l.byName[name] = []int{found}
	}
	p := &l.profiles[found]
	if id != "" && !slices.Contains(p.IDs, id) {
		p.IDs = append(p.IDs, id)
	}
	switch {
	case p.Skip.IsUnreadable() || p.Skip == OtherStore:
	case p.Skip == Temporary:
		r.Remedy = "remove the line with the session token if the key is a long-term one; if not, name it aws_session_token"
		fallthrough
	default:
		p.setUnreadable(Unreadable, r)
	}
}

// findUnseen asks every reader which long-term pairs it can use, and returns those that
// keyd does not rotate, in the order of their lines. A pair that shares one half with a pair
// that keyd rotates is among them: a rotation would leave that reader half of each key.
func (v *profileIndex) findUnseen(known map[pairPosition]bool) []unseenPair {
	if v.plain {
		return nil
	}
	odd := v.findOddParts()
	type key struct {
		at      pairPosition
		profile string
	}
	ids, secrets := map[valuePosition]bool{}, map[valuePosition]bool{}
	for at := range known {
		ids[at.id], secrets[at.secret] = true, true
	}
	found := map[key]*unseenPair{}
	for _, r := range readers.All() {
		for name, settings := range r.ReadFiles(odd.texts.credentials, odd.texts.config) {
			pair := r.Pair(settings)
			at := odd.positionOf(pair)
			half := ids[at.id] || secrets[at.secret]
			if known[at] || !isLongTermPair(pair) && !v.isOtherPair(v.knownName(name), pair) && !(half && pair.ID.Value != "" && pair.Secret.Value != "") {
				continue
			}
			k := key{at, v.knownName(name)}
			if found[k] == nil {
				found[k] = &unseenPair{at: at, profile: k.profile, id: idIfSafe(pair.ID.Value), half: half}
			}
			found[k].readers = append(found[k].readers, r.Name)
		}
	}
	return slices.SortedFunc(func(yield func(unseenPair) bool) {
		for _, u := range found {
			if !yield(*u) {
				return
			}
		}
	}, func(a, b unseenPair) int {
		return cmp.Or(cmp.Compare(a.at.id.kind, b.at.id.kind), cmp.Compare(a.at.id.line, b.at.id.line), cmp.Compare(a.profile, b.profile),
			cmp.Compare(a.at.secret.kind, b.at.secret.kind), cmp.Compare(a.at.secret.line, b.at.secret.line)) // the first one gives the reason
	})
}

// isLongTermPair reports whether a reader could sign with p, and p is the key of a user.
func isLongTermPair(p readers.Pair) bool {
	return isLongTermID(p.ID.Value) && !isExampleID(p.ID.Value) && hasSecretShape(p.Secret.Value) && p.Token.Value == ""
}

// isOtherPair reports whether p is the key of the IAM that a profile names.
func (v *profileIndex) isOtherPair(profile string, p readers.Pair) bool {
	k := Key{ID: p.ID.Value, Secret: NewSecret(p.Secret.Value)}
	return v.ownIAM(v.find(profile)) != "" && p.Token.Value == "" && !isExampleID(k.ID) && k.CheckOther() == nil
}

// knownName returns the name of the profile that a reader's name stands for. Some readers
// take blanks for a part of the name.
func (v *profileIndex) knownName(name string) string {
	if trimmed := strings.TrimSpace(name); len(v.find(name).sections) == 0 && len(v.find(trimmed).sections) > 0 {
		return trimmed
	}
	return cmp.Or(name, "[]")
}
