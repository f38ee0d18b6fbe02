package credfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/deeptest"
)

// tornTexts holds files for writes in place: with several profiles, and with all the
// ways to write a pair.
var tornTexts = []struct{ name, text string }{
	{"one profile", plainFile + "region = x\n"},
	{"the secret first, CRLF, quotes and comments", "[a]\r\naws_secret_access_key\t=\t'{SECRET}' # s\r\nAWS_ACCESS_KEY_ID=\"{ID}\" ; i\r\n"},
	{"three profiles and another key", plainFile + "[b]\n" + pairLines + "[c]\naws_access_key_id = AKIAOTHEROTHEROTHER1\naws_secret_access_key = othersecretothersecretothersecretothersec\n[d]\n" + pairLines + "# end"},
	{"commented-out halves", plainFile + "# aws_access_key_id = {OLD}\n#aws_secret_access_key = half\n"},
}

// cutEverywhere yields all results of a write of b over a that was interrupted once:
// the first part is from b and the rest from a, or the other way round.
func cutEverywhere(a, b []byte, yield func(torn []byte)) {
	for at := range len(a) + 1 {
		yield(slices.Concat(b[:at], a[at:]))
		yield(slices.Concat(a[:at], b[at:]))
	}
}

// A write of the new pair over the old one may be interrupted anywhere. Mend then
// completes the torn pairs and leaves whole pairs alone, and Replace does the rest. The
// same holds for a write of the old pair over the new one. Without KEYD_DEEP=1, that is
// one in three of those writes.
func TestMendCompletesEveryTornPair(t *testing.T) {
	for i, test := range tornTexts {
		t.Run(test.name, func(t *testing.T) {
			was, is := withKey(oldKey, test.text), withKey(newKey, test.text)
			torn, n := 0, 0
			first, step := deeptest.Steps(i, 3)
			cutEverywhere(was, is, func(cut []byte) {
				if n++; n < first || (n-first)%step != 0 {
					return
				}
				for _, way := range []struct {
					from, to Key
					done     []byte
				}{{oldKey, newKey, is}, {newKey, oldKey, was}} {
					f := Lex("file", Credentials, bytes.Clone(cut))
					data, changes, err := f.Mend(way.from, way.to)
					if err != nil {
						t.Fatalf("%q: %v", cut, err)
					}
					torn += len(changes)
					requireWholePairs(t, data)
					g := Lex("file", Credentials, data)
					if g.Holds(way.from.ID) {
						if data, _, err = g.Replace(way.from, way.to); err != nil {
							t.Fatalf("%q: %v", cut, err)
						}
					}
					if !bytes.Equal(data, way.done) {
						t.Fatalf("%q became\n%q", cut, data)
					}
				}
			})
			if torn*step < 100 {
				t.Errorf("only %d values were torn in one of %d writes, want at least 100 in all", torn, step)
			}
		})
	}
}

// requireWholePairs requires that both readers see the same pairs and no mixture.
func requireWholePairs(t *testing.T, data []byte) {
	t.Helper()
	f := Lex("file", Credentials, data)
	for _, p := range Profiles(f, nil) {
		key, err := ReadPair(data, Credentials, p.Section)
		if err != nil || !key.equals(p.Key) {
			t.Fatalf("the second reader sees %s where the first sees %s: %v", key, p.Key, err)
		}
		if !key.equals(oldKey) && !key.equals(newKey) && !strings.HasPrefix(key.ID, "AKIAOTHER") {
			t.Fatalf("[%s] shows a mixture in %q", p.Name, data)
		}
	}
}

// Mend does not touch a pair that may be any other key.
func TestMendLeavesOtherPairs(t *testing.T) {
	half := Key{oldKey.ID[:12] + newKey.ID[12:], oldKey.Secret}
	mine, next := oldKey.Secret.Reveal(), newKey.Secret.Reveal()
	for _, test := range []struct {
		name string
		text string
		old  Key
	}{
		{"the old pair", string(withKey(oldKey, plainFile)), oldKey},
		{"the new pair", string(withKey(newKey, plainFile)), oldKey},
		{"an id with one other character", string(withKey(Key{"AKIA0" + half.ID[5:], half.Secret}, plainFile)), oldKey},
		{"a secret with one other character", string(withKey(Key{half.ID, NewSecret("-" + mine[1:])}, plainFile)), oldKey},
		{"the old id with a third secret", string(withKey(Key{oldKey.ID, NewSecret(strings.Repeat("t", 40))}, plainFile)), oldKey},
		{"the new id with a third secret", string(withKey(Key{newKey.ID, NewSecret(strings.Repeat("t", 40))}, plainFile)), oldKey},
		{"a longer secret", string(withKey(Key{half.ID, NewSecret(mine + "x")}, plainFile)), oldKey},
		{"a shorter id", string(withKey(Key{half.ID[:19], half.Secret}, plainFile)), oldKey},
		{"half a pair", "[default]\naws_access_key_id = " + half.ID + "\n", oldKey},
		{"a session token next to it", string(withKey(half, plainFile)) + "aws_session_token = x\n", oldKey},
		{"one of its lines appears twice", string(withKey(half, plainFile)) + "aws_access_key_id = " + half.ID + "\n", oldKey},
		{"in a comment", "# " + strings.ReplaceAll(string(withKey(half, pairLines)), "\n", "\n# "), oldKey},
		{"the old secret is not known", string(withKey(half, plainFile)), Key{ID: oldKey.ID}},
		{"the old key was of another length", string(withKey(Key{half.ID, NewSecret(mine[:20] + next[20:])}, plainFile)), Key{oldKey.ID, NewSecret(mine[:39])}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, changes, err := Lex("file", Credentials, []byte(test.text)).Mend(test.old, newKey)
			if err != nil || len(changes) > 0 || string(data) != test.text {
				t.Errorf("%q: %d changes, %v", data, len(changes), err)
			}
		})
	}
	if changed, changes, err := Lex("file", Credentials, withKey(half, plainFile)).Mend(oldKey, newKey); err != nil || len(changes) != 2 || !bytes.Equal(changed, withKey(newKey, plainFile)) {
		t.Errorf("the mixture itself was not mended: %v, %v", changes, err)
	}
}

// FuzzMend tears an edit byte by byte, in every way that a disk could. Mend and Replace
// then complete the edit, and every other byte stays. A single byte that is in neither
// key makes the pair another key, which Mend must leave alone.
func FuzzMend(f *testing.F) {
	for _, test := range tornTexts {
		for _, mask := range []uint64{0, 1, 0xfff, 0xffff << 20, 0x5555555555555555, ^uint64(0)} {
			f.Add(withKey(oldKey, test.text), false, mask, uint16(0))
			f.Add(withKey(oldKey, test.text), true, mask, uint16(mask%61+1))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, config bool, mask uint64, foreign uint16) {
		file := Lex("file", kindOf(config), data)
		edited, changes, err := file.Replace(oldKey, newKey)
		if err != nil || bytes.Contains(data, []byte(newKey.ID)) || len(edited) != len(data) || len(file.findTorn(oldKey, newKey)) > 0 {
			return
		}
		torn, bit := bytes.Clone(edited), 0
		for _, c := range changes {
			for i := c.At.Start; i < c.At.End; i++ {
				if mask>>(bit%64)&1 != 0 {
					torn[i] = data[i]
				}
				bit++
			}
		}
		strange := -1
		if foreign > 0 { // '7' is in neither key
			strange = int(foreign) % len(changes)
			at := changes[strange].At
			torn[at.Start+4+int(foreign)%(at.End-at.Start-4)] = '7'
		}
		mended, _, err := Lex("file", kindOf(config), torn).Mend(oldKey, newKey)
		if err != nil {
			t.Fatalf("%q: %v", torn, err)
		}
		for i := range mended {
			inside := slices.ContainsFunc(changes, func(c Change) bool { return c.At.Start <= i && i < c.At.End })
			if !inside && mended[i] != data[i] {
				t.Fatalf("byte %d of\n%q changed:\n%q", i, torn, mended)
			}
		}
		if strange >= 0 {
			at := changes[strange].At
			if !bytes.Equal(mended[at.Start:at.End], torn[at.Start:at.End]) {
				t.Fatalf("Mend changed another key: %q", mended)
			}
			return
		}
		g := Lex("file", kindOf(config), mended)
		if g.Holds(oldKey.ID) {
			if mended, _, err = g.Replace(oldKey, newKey); err != nil {
				t.Fatalf("%q: %v", torn, err)
			}
		}
		if !bytes.Equal(mended, edited) {
			t.Fatalf("%q became\n%q\nwant\n%q", torn, mended, edited)
		}
		requireSameReading(t, thirdReader(data), thirdReader(mended))
	})
}

// A torn pair next to the whole new one looks like one id with two secrets. The profile is
// unreadable, but its key stays known, so that the rotation can recognize and mend it.
func TestTornPairNextToTheWholeOneStaysKnown(t *testing.T) {
	torn := Key{newKey.ID, NewSecret(oldKey.Secret.Reveal()[:17] + newKey.Secret.Reveal()[17:])}
	data := slices.Concat(withKey(newKey, plainFile), withKey(torn, "[work]\n"+pairLines))
	f := Lex("credentials", Credentials, data)
	p := findProfile(t, Profiles(f, nil), "work")
	if p.Skip != Unreadable || !p.Key.IsMixtureOf(oldKey, newKey) {
		t.Errorf("the profile is %q with key %s", p.Skip, p.Key)
	}
	if got, _, err := f.Mend(oldKey, newKey); err != nil || string(got) != string(withKey(newKey, plainFile+"[work]\n"+pairLines)) {
		t.Errorf("got %q, %v", got, err)
	}
}
