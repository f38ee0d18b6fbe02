package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// CopyError reports a key that is also in a file that this process does not
// read, so that its successor would not be written there.
type CopyError struct{ KeyID, Path string }

// Error names the shortened id and the file.
func (e *CopyError) Error() string {
	return fmt.Sprintf("%s is also in %s, which this keyd does not read: it would stop working there", credfile.Short(e.KeyID), e.Path)
}

// Hint says how to arrange the files so that keyd can change the key
// everywhere.
func (e *CopyError) Hint() string {
	return "give " + e.Path + " its own key, or make it a symbolic link to the file that keyd reads"
}

// BlockForCopy blocks any step that would take a key away from a file that this
// process cannot write.
func BlockForCopy(err error, now time.Time) Decision {
	return BlockUntil(now.Add(RecheckEvery), err.Error(), hint.Hint(err)).InShort("in another file as well")
}

// blockForGone blocks the replacement of a key at rest that a file showed which is not there
// now: its disk may not be mounted. A person who replaces the key all the same says that the
// file is gone.
func blockForGone(f Facts, now time.Time) (Decision, bool) {
	if f.Absent == "" || f.Options.Force {
		return Decision{}, false
	}
	return BlockUntil(now.Add(RecheckEvery), fmt.Sprintf("%s is not there, and it showed %s, which would stop working in it", f.Absent, credfile.Short(f.ID)),
		"mount its disk; or, if it is gone permanently: "+forceCommand(f)).InShort(lastName(f.Absent) + " is not there"), true
}

// blockForAbsent blocks what would take a key away from a file of the rotation that is not
// there: its disk may not be mounted, and it may still show the key. A person who has removed
// it says so with keyd resume.
func blockForAbsent(f Facts) (Decision, bool) {
	if f.Placement.Unmounted == "" {
		return Decision{}, false
	}
	return blockForUnmounted(f, ", which would stop working in it"), true
}

// blockForUnmounted says that a file of the rotation is not there, and what would come of it.
func blockForUnmounted(f Facts, consequence string) Decision {
	return BlockUntil(time.Time{}, fmt.Sprintf("%s is not there, in the middle of a rotation of %s%s", f.Placement.Unmounted, credfile.Short(f.Rotation.Old.ID), consequence),
		"mount its disk; or, if it is gone permanently: "+hint.Command("keyd resume", f.Rotation.Profiles()[0])).InShort(lastName(f.Placement.Unmounted) + " is not there")
}

// blockForPlaces is blockForAbsent and BlockForLinks.
func blockForPlaces(f Facts, now time.Time) (Decision, bool) {
	if d, ok := blockForAbsent(f); ok {
		return d, true
	}
	return BlockForLinks(f, now)
}

// BlockForMissing blocks a rotation in progress whose credentials file was removed:
// no pass can read the files then, so none comes as far as Next.
func BlockForMissing(path string) Decision {
	return BlockUntil(time.Time{}, "a rotation is in progress, and "+path+" is missing",
		"restore "+path+" from a backup; one with the old key will do").InShort(lastName(path) + " is missing")
}

// unlessEndpointErr blocks a key whose configuration does not say where AWS is,
// unless the action calls no one.
func unlessEndpointErr(f Facts, d Decision) Decision {
	if f.EndpointErr == nil || !ActionOf(d.Do).NeedsEndpoint {
		return d
	}
	return BlockUntil(time.Time{}, f.EndpointErr.Error(), hint.Hint(f.EndpointErr)).InShort("wrong endpoint setting")
}

// unlessSettingsUnknown blocks every action that could depend on unknown settings. A
// rotation in progress still gets its proven pair into the files, or its old key
// back. Where only keyd.ini is unknown, within managed settings, keys are replaced, and no old
// key is ended: a file or hook that keyd.ini names may still need it.
func unlessSettingsUnknown(s settings.Settings, d Decision) Decision {
	if s.OwnUnknown && (d.Do == DoDeactivate || d.Do == DoDelete) {
		return BlockUntil(time.Time{}, "keyd.ini has a mistake, and no earlier good one is known: it may name files or hooks that still need the old key, which is kept as it is until that is fixed", "").InShort("mistake in keyd.ini")
	}
	if !s.Unknown || d.State == StateWaiting || d.State == StateHeld || !ActionOf(d.Do).NeedsSettings {
		return d
	}
	short := "mistake in keyd.ini"
	if s.LacksManaged() {
		short = "mistake in the managed settings"
	}
	return BlockUntil(time.Time{}, unknownSettings(s), "").InShort(short)
}

// unknownSettings says why no settings are known.
func unknownSettings(s settings.Settings) string {
	what := "keyd.ini has a mistake"
	if s.LacksManaged() {
		what = "the managed settings cannot be used"
	}
	return what + ", and no earlier good settings are known: nothing is started until it is fixed"
}
