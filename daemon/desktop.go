package daemon

import (
	"strings"
	"unicode"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// desktopWords is desktopText with the commands under the name that this program has.
func (l *loop) desktopWords(e rotate.Event) (words string, urgent bool) {
	words, urgent = desktopText(e)
	if l.options.Name != nil {
		words = l.options.Name(words)
	}
	return words, urgent
}

// desktopText returns what a desktop notification shows of an event, or "": a person is needed,
// a key is in other places, something uses an old key or no one uses a key, an old key
// stopped working, programs hold a key that was just replaced, or a rotation ended. The text is
// one line and contains no key id, because a projector or a phone may show it to everyone.
func desktopText(e rotate.Event) (words string, urgent bool) {
	who := namesForDesktop(e.Profiles)
	switch {
	case e.Verb == rotate.VerbNeedsYou && who == "":
		return "keyd needs you and rotates nothing. keyd status says why", true
	case e.Verb == rotate.VerbNeedsYou:
		return who + ": " + reasonForDesktop(e) + ". " + commandForDesktop(e), true
	case e.Verb == rotate.VerbSwapped && e.Brief != "":
		return who + ": the access key in the files was replaced. What holds the old one may want a restart: " + oneLine(e.Brief) + "; " + hint.Command("keyd where", oneLine(e.Profiles[0])) + " names them", false
	case e.Retiring || e.Verb == rotate.VerbKept || e.Verb == rotate.VerbRetired:
		return retiringText(e, who)
	case e.Verb == rotate.VerbDeactivated && e.Do == decide.DoDeactivate && credfile.NamesKey(e.Hint):
		return who + ": the access key was replaced, and the old one no longer works. If something needs it: keyd status", false
	case e.Verb == rotate.VerbDeactivated && e.Do == decide.DoDeactivate && e.Hint != "":
		return who + ": the access key was replaced, and the old one no longer works. If something needs it: " + oneLine(e.Hint), false
	case e.Verb == rotate.VerbStillUsed && e.Brief != "":
		return who + ": the access key was replaced, and something still uses the old one: " + oneLine(e.Brief) + ". keyd status says more", false
	case e.Verb == rotate.VerbStillUsed:
		return who + ": the access key was replaced, and something still uses the old one. keyd status says more", false
	case e.Verb == rotate.VerbCopies:
		return who + ": the access key is being replaced, and it stands in other places, which keyd does not change: " + oneLine(e.Brief) + ". keyd status says more", false
	case e.Verb == rotate.VerbUnused:
		return who + ": no one uses the access key. It is replaced all the same; keyd status says more", false
	case e.Verb == rotate.VerbDeleted && e.Do == decide.DoDelete:
		return who + ": the access key was replaced, and the old one is deleted", false
	case e.Verb == rotate.VerbDeleted && e.Do == decide.DoDiscard:
		return who + ": a rotation was given up, and the old access key stays. keyd history says why", true
	}
	return "", false
}

// reasonForDesktop says why a person is needed, if that is known in a few words.
func reasonForDesktop(e rotate.Event) string {
	if e.Brief == "" || isPrivate(e.Brief) {
		return "the access key needs you"
	}
	return "the access key needs you: " + oneLine(e.Brief)
}

// commandForDesktop says what to run: what helps, or what says it.
func commandForDesktop(e rotate.Event) string {
	if strings.HasPrefix(e.Hint, "keyd ") && !strings.ContainsAny(e.Hint, ";?:,\n") && !isPrivate(e.Hint) {
		return "Run: " + oneLine(e.Hint)
	}
	return "keyd status says why"
}

// isPrivate reports whether a text names a key, which other people may see on a projector.
func isPrivate(text string) bool {
	return strings.Contains(text, "AKIA") || strings.Contains(text, "ASIA") || credfile.NamesKey(text)
}

// retiringText is desktopText for a key that a person retires.
func retiringText(e rotate.Event, who string) (words string, urgent bool) {
	switch {
	case e.Verb == rotate.VerbDeactivated && (e.Hint == "" || credfile.NamesKey(e.Hint)):
		return who + ": the access key is retired, and no longer works", false
	case e.Verb == rotate.VerbDeactivated:
		return who + ": the access key is retired, and no longer works. If something needs it: " + oneLine(e.Hint), false
	case e.Verb == rotate.VerbRetired:
		return who + ": the retired access key is gone", false
	case e.Verb == rotate.VerbKept:
		return who + ": the access key was to be retired, and stays. keyd history says why", true
	}
	return "", false
}

// mostNames is how many profiles a notification names: desktops cut off the rest.
const mostNames = 4

// namesForDesktop returns the names of profiles for a notification. A rotation whose
// profile is gone goes by the id of its key, which is not shown.
func namesForDesktop(profiles []string) string {
	var names []string
	for _, name := range profiles {
		if credfile.NamesKey(name) && !credfile.IsShort(name) {
			name = "a key without a profile"
		}
		names = append(names, oneLine(name))
	}
	if more := len(names) - mostNames; more > 0 {
		return strings.Join(names[:mostNames], ", ") + " and " + settings.FormatCount(more, "more profile", "more profiles")
	}
	return strings.Join(names, ", ")
}

// oneLine replaces what is not printed by a question mark. Anyone who writes the
// credentials file chooses the names of profiles.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
