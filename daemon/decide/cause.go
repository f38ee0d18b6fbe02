package decide

import "strings"

// Cause is why a key needs a person, in one word of a fixed list: what leaves the machine in
// a company's inventory must not carry the names that the sentence has.
type Cause string

// The causes. The words are on disk and in the rules of companies: a word never changes.
const (
	CauseAnswerLost    Cause = "answer_lost"      // of CreateAccessKey
	CauseCannotWrite   Cause = "cannot_write"     // a file, or the state folder
	CauseClock         Cause = "clock_wrong"      //
	CauseDenied        Cause = "denied"           // by a policy
	CauseEndpoint      Cause = "endpoint_wrong"   // a setting, a region, or an account that is off
	CauseFiles         Cause = "files_changed"    // they show another key, or the profile is gone
	CauseHook          Cause = "hook_failed"      //
	CauseJournal       Cause = "journal_unusable" //
	CauseLeaked        Cause = "key_leaked"       // AWS's own quarantine
	CauseLink          Cause = "linked_file"      // it cannot follow the rotation
	CauseMFA           Cause = "mfa_code"         //
	CauseMistake       Cause = "mistake_in_files" //
	CauseNewKeyRefused Cause = "new_key_refused"  // AWS refuses the successor, or its list lacks it
	CauseOldKeyUsed    Cause = "old_key_used"     // so that it cannot be deactivated
	CauseOldKeyBack    Cause = "old_key_active"   // someone has made it Active again
	CauseRefused       Cause = "key_refused"      // AWS refuses the key or a call
	CauseElsewhere     Cause = "renewed_elsewhere"
	CauseSecondKey     Cause = "second_key"        // no room for a new one
	CauseSettings      Cause = "settings_mistake"  // keyd.ini
	CauseUnreachable   Cause = "aws_not_reachable" // or something answers that is not AWS
	CauseUnused        Cause = "unused"            // no one uses the key
	CauseOther         Cause = "other"
)

// causes maps short reasons to causes: the first row of which a text is a part of the reason
// decides. ^ stands for the beginning of a reason and $ for its end. Rows with names of
// people's own come first.
var causes = []struct {
	cause Cause
	parts []string
}{
	{CauseSettings, []string{"^mistake in keyd.ini$", "^mistake in the managed settings$"}},
	{CauseHook, []string{"^hook "}},
	{CauseMistake, []string{"^mistake in ", "AWS tools read it unlike$"}},
	{CauseCannotWrite, []string{"^cannot write ", " is immutable$", "read-only", "not writable", "can only be written in place", " is not a directory$"}},
	{CauseElsewhere, []string{"^replaced elsewhere$", "^left to keyd on ", "^left to another keyd$", "^keyd on ", "^another keyd replaces it$"}},
	{CauseMFA, []string{"MFA", "^deleted with the next code$"}},
	{CauseNewKeyRefused, []string{"^AWS refuses the new key$", "^AWS refuses the helper$", "^new key is not listed$", "^AWS does not list it yet$"}},
	{CauseLeaked, []string{"leaked"}},
	{CauseSecondKey, []string{"^second ", "^old key left behind$", "^checking for a second key$", "^is there a second key", "^no room for a new key$"}},
	{CauseDenied, []string{" denies ", "^denied "}},
	{CauseClock, []string{"^the clock is wrong$"}},
	{CauseEndpoint, []string{"^wrong endpoint setting$", "^began at another endpoint$", "^account or region is off$"}},
	{CauseAnswerLost, []string{"^AWS's answer was lost$", " is off$", "^was a key made"}},
	{CauseUnreachable, []string{"^cannot reach ", "^no answer from ", "^a portal or proxy answers$", "^the proxy wants ", " has a problem$", "^not an answer of AWS$", " is busy$"}},
	{CauseRefused, []string{"^wrong secret$", " refuses the key$", " refuses the call$", " knows no such key$"}},
	{CauseOldKeyUsed, []string{"^the old key is in use$", "^old key, perhaps in use$"}},
	{CauseOldKeyBack, []string{"^old key is active again$"}},
	{CauseUnused, []string{"^no one uses it$", "^nobody uses it$"}},
	{CauseJournal, []string{"^its journal is unreadable$"}},
	{CauseFiles, []string{"^files show another key$", "^an old file comes back$", "^gone from the files$", "^in another file as well$", "^rotating in other files$", " is not there$", " is missing$"}},
	{CauseLink, []string{" was just edited$"}},
}

// CauseOf returns the cause that a short reason stands for; CauseOther for one that belongs
// to none.
func CauseOf(short string) Cause {
	text := "^" + short + "$"
	for _, row := range causes {
		for _, part := range row.parts {
			if strings.Contains(text, part) {
				return row.cause
			}
		}
	}
	return CauseOther
}

// Causes returns every word that CauseOf may return, in the order of the table.
func Causes() (all []Cause) {
	for _, row := range causes {
		all = append(all, row.cause)
	}
	return append(all, CauseOther)
}
