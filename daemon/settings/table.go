package settings

import "time"

// row is one setting. Everything that keyd knows about a setting comes from its row.
type row struct {
	name     string
	standard string        // the value when keyd.ini does not set it, as keyd.ini writes it
	floor    time.Duration // the shortest duration; 0 for settings that are none
	doc      string        // the comment in the README
	order    order         // which of two values a user may not choose, if there are managed settings

	// field returns where the value is stored, in a type that parses and prints it.
	field func(s *Settings) value
}

// table lists the settings above the first section, in the order of the README.
//
// The order of a setting says what is weaker. An age is weaker when it is longer. A longer
// quarantine is stricter: a key that is Inactive opens nothing, and can be brought back. A
// managed overlap counts as it is: a shorter one takes away the time in which a forgotten
// copy of the old key shows, and a longer one leaves two keys that work. So does
// prune_inactive_after: a shorter one deletes what no one has agreed to, and a longer one
// leaves the second slot taken while a key gets old. Of words, the first one is stricter,
// and of true and false, true. on_event and never_accounts of both files count.
var table = [...]row{
	{"rotate_after", "60d", Day, "age at which a key is replaced; +-10 %, always the same for one key on one machine", shorter, // keyd never rotates a user's key twice within a day
		func(s *Settings) value { return (*duration)(&s.RotateAfter) }},
	{"max_age", "90d", 0, "the limit that auditors check (CIS AWS Foundations)", shorter,
		func(s *Settings) value { return (*duration)(&s.MaxAge) }},
	{"overlap", "7d", 10 * time.Minute, "both keys work for this long, and until no one has used the old one for this long", exact,
		func(s *Settings) value { return (*duration)(&s.Overlap) }},
	// A program that has its pair from keyd credentials may use it for an hour: what the end of
	// the old key breaks shows while keyd hold can still bring that key back.
	{"quarantine", "7d", time.Hour, "how long the old key is inactive before it is deleted", longer,
		func(s *Settings) value { return (*duration)(&s.Quarantine) }},
	{"unused", "rotate", 0, "or report: keyd tells you of a key that no one uses, and does not replace it", inOrder,
		func(s *Settings) value { return choice{&s.Unused, []string{"rotate", UnusedReport}} }},
	{"check_every", "15m", time.Minute, "the service looks at least this often", shorter,
		func(s *Settings) value { return (*duration)(&s.CheckEvery) }},
	{"notify", "desktop", 0, "when a key needs you or a rotation ended; or none", inOrder,
		func(s *Settings) value { return choice{&s.Notify, []string{"desktop", "none"}} }},
	{"on_event", "", 0, "a command that gets each event as JSON on standard input", both,
		func(s *Settings) value { return (*command)(&s.OnEvent) }},
	{"fleet_file", "false", 0, "or true: each pass writes fleet.json, without ids and names, for a company's tools", inOrder,
		func(s *Settings) value { return (*flag)(&s.FleetFile) }},
	{"describe_keys", "true", 0, "set the console's description of the new key", inOrder,
		func(s *Settings) value { return (*flag)(&s.DescribeKeys) }},
	// Programs that run once a month are common, and a key is switched off by people who are
	// not sure that no one needs it.
	{"prune_inactive_after", "never", 30 * Day, "or 90d: delete an inactive second key unused for so long, without asking", exact,
		func(s *Settings) value { return (*durationOrNever)(&s.PruneInactiveAfter) }},
	{"mfa_process", "", 0, "a command that prints an MFA code, where AWS asks for one", either,
		func(s *Settings) value { return (*shellLine)(&s.MFAProcess) }},
	{"never_accounts", "", 0, "accounts of decoy keys: never used, never rotated", both,
		func(s *Settings) value { return (*accounts)(&s.NeverAccounts) }},
}

// linkTable lists the settings of a [link FILE] section. Each is a field of the one link of
// a Settings.
var linkTable = [...]row{
	{"form", "", 0, "how the key is written in it; empty: keyd finds out; or ses-smtp REGION", either,
		func(s *Settings) value { return (*linkForm)(&s.Links[0].Form) }},
}

// profileTable lists the settings of a [profile NAME] section. Each is a field of a
// Settings that holds only what the section says.
var profileTable = [...]row{
	{"rotate", "never", 0, "or a rotate_after for this profile", either,
		func(s *Settings) value { return (*exclusion)(&s.RotateAfter) }},
	{"rotate_after", "", Day, "", either,
		func(s *Settings) value { return (*duration)(&s.RotateAfter) }},
	{"mfa_serial", "", 0, "the device whose codes are asked for; empty: mfa_serial of ~/.aws/config, or the user's first", either,
		func(s *Settings) value { return (*deviceSerial)(&s.MFASerial) }},
	{"mfa_process", "", 0, "as above, for this profile; empty: mfa_process of ~/.aws/config", either,
		func(s *Settings) value { return (*shellLine)(&s.MFAProcess) }},
}

// hookTable lists the settings of a [hook NAME] section. Each is a field of the one hook of
// a Settings.
var hookTable = [...]row{
	{"command", "", 0, "runs when the files show another pair; gets JSON on standard input", either,
		func(s *Settings) value { return (*command)(&s.Hooks[0].Command) }},
	{"required", "true", 0, "the old key stays usable until the command has succeeded; or false", either,
		func(s *Settings) value { return (*flag)(&s.Hooks[0].Required) }},
	{"timeout", "1m", time.Second, "the command and what it started are ended then; at most 10m", either,
		func(s *Settings) value { return (*duration)(&s.Hooks[0].Timeout) }},
	{"secrets", "none", 0, "or stdin: the pair is part of the JSON", either,
		func(s *Settings) value { return choice{&s.Hooks[0].Secrets, []string{"none", SecretsStdin}} }},
	{"format", "json", 0, "or env: AWS_ACCESS_KEY_ID=... and AWS_SECRET_ACCESS_KEY=... instead of JSON", either,
		func(s *Settings) value { return choice{&s.Hooks[0].Format, []string{"json", FormatEnv}} }},
	{"profiles", "", 0, "whose keys; empty: every key, and with secrets = stdin the only one", either,
		func(s *Settings) value { return (*profileNames)(&s.Hooks[0].Profiles) }},
}

// managedTable lists the settings that only managed settings may have, next to those of
// table.
var managedTable = [...]row{
	{"allow_never", "false", 0, "or true: users may exclude keys, with rotate = never and never_accounts", either,
		func(s *Settings) value { return (*flag)(&s.AllowNever) }},
}
