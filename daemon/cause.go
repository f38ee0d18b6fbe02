package daemon

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

// tellNeedy emits an event for the keys that newly need a person, one for each cause. What
// fails at another hour for each key, such as a denial, needs a person hours later for one
// key than for another: the keys that join within a day are told together at its end.
//
// Not guaranteed: that they are told after a restart in between. The first event was.
func (l *loop) tellNeedy() {
	waiting := slices.DeleteFunc(l.needy, func(r rotate.Result) bool { return !l.needsPerson[r.Identity()] })
	l.needy = nil
	for cause, same := range groupByCause(waiting) {
		if told := l.toldCauses[cause]; comesAtAnyHour(same[0]) && !told.IsZero() && l.Now().Sub(told).Abs() < decide.RecheckEvery {
			l.needy = append(l.needy, same...)
			continue
		}
		if l.toldCauses == nil {
			l.toldCauses = map[string]time.Time{}
		}
		l.toldCauses[cause] = l.Now()
		first := same[0]
		e := rotate.Event{Time: l.Now(), Profiles: first.Profiles, KeyID: first.KeyID, Do: first.Do, Verb: rotate.VerbNeedsYou, Text: first.Why, Hint: first.Hint, Brief: first.Short, About: first.About}
		e.Files = slices.Clone(e.Files)
		for _, r := range same[1:] {
			e.Profiles = slices.Concat(e.Profiles, r.Profiles)
			for _, path := range r.About.Files {
				e.AddFile(path)
			}
		}
		if len(same) > 1 { // no one key, and no one user
			e.Text = fmt.Sprintf("%d keys need you for the same reason; the first one: %s", len(same), first.Why)
			e.OldKey, e.NewKey, e.User, e.Account = "", "", "", ""
		}
		l.Deliver(e)
	}
}

// comesAtAnyHour reports whether a key needs a person because of a failure that has lasted,
// which begins to count at another hour for each key. Anything else, above all a key that
// no longer works, is told at once.
func comesAtAnyHour(r rotate.Result) bool {
	f := r.Failure
	return f != nil && (f.Denied || !f.NeedsPerson) && strings.Contains(r.Why, f.Why)
}

// groupByCause returns the results by cause, in the order in which they came. Results whose
// reasons differ only in names, ids and numbers have one cause: a file that cannot be
// written, or a clock that is wrong, is one event however many keys it concerns.
func groupByCause(results []rotate.Result) func(yield func(string, []rotate.Result) bool) {
	var causes []string
	byCause := map[string][]rotate.Result{}
	for _, r := range results {
		cause := withoutNames(r)
		if byCause[cause] == nil {
			causes = append(causes, cause)
		}
		byCause[cause] = append(byCause[cause], r)
	}
	return func(yield func(string, []rotate.Result) bool) {
		for _, cause := range causes {
			if !yield(cause, byCause[cause]) {
				return
			}
		}
	}
}

// withoutNames returns the reason of a result without the names, ids and numbers in it. AWS
// names the user in a denial as user/NAME, and then alone.
func withoutNames(r rotate.Result) string {
	words := strings.FieldsFunc(r.Why, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(",;:()", c) })
	names := slices.Clone(r.Profiles)
	for _, word := range words {
		if user, ok := strings.CutPrefix(word, "user/"); ok {
			names = append(names, word, user[strings.LastIndex(user, "/")+1:])
		}
	}
	for i, word := range words {
		if slices.Contains(names, word) || strings.ContainsFunc(word, unicode.IsDigit) || strings.HasPrefix(word, "AKIA") {
			words[i] = "*"
		}
	}
	return strings.Join(words, " ")
}
