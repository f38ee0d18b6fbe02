package settings

import "time"

// row is one setting. Everything that keyd knows about a setting comes from its row.
type row struct {
	name     string
	standard string        // the value when keyd.ini does not set it, as keyd.ini writes it
	floor    time.Duration // the shortest duration; 0 for settings that are none
	doc      string        // the comment in the README

	// field returns where the value is stored, in a type that parses and prints it.
	field func(s *Settings) value
}

// table lists the settings above the first section, in the order of the README.
var table = [...]row{
	{"rotate_after", "60d", Day, "age at which a key is replaced; +-10 %, always the same for one key on one machine", // keyd never rotates a user's key twice within a day
		func(s *Settings) value { return (*duration)(&s.RotateAfter) }},
	{"max_age", "90d", 0, "the limit that auditors check (CIS AWS Foundations)",
		func(s *Settings) value { return (*duration)(&s.MaxAge) }},
	{"overlap", "7d", 10 * time.Minute, "both keys work for this long, and until no one has used the old one for this long",
		func(s *Settings) value { return (*duration)(&s.Overlap) }},
	// A program that has its pair from keyd credentials may use it for an hour: what the end of
	// the old key breaks shows while keyd hold can still bring that key back.
	{"quarantine", "7d", time.Hour, "how long the old key is inactive before it is deleted",
		func(s *Settings) value { return (*duration)(&s.Quarantine) }},
	{"unused", "rotate", 0, "or report: keyd tells you of a key that no one uses, and does not replace it",
		func(s *Settings) value { return choice{&s.Unused, []string{"rotate", UnusedReport}} }},
	{"check_every", "15m", time.Minute, "the service looks at least this often",
		func(s *Settings) value { return (*duration)(&s.CheckEvery) }},
	{"notify", "desktop", 0, "when a key needs you or a rotation ended; or none",
		func(s *Settings) value { return choice{&s.Notify, []string{"desktop", "none"}} }},
	{"on_event", "", 0, "a command that gets each event as JSON on standard input",
		func(s *Settings) value { return (*command)(&s.OnEvent) }},
	{"fleet_file", "false", 0, "or true: each pass writes fleet.json, without ids and names, for a company's tools",
		func(s *Settings) value { return (*flag)(&s.FleetFile) }},
	{"describe_keys", "true", 0, "set the console's description of the new key",
		func(s *Settings) value { return (*flag)(&s.DescribeKeys) }},
	// Programs that run once a month are common, and a key is switched off by people who are
	// not sure that nobody needs it.
	{"prune_inactive_after", "never", 30 * Day, "or 90d: delete an inactive second key unused for so long, without asking",
		func(s *Settings) value { return (*durationOrNever)(&s.PruneInactiveAfter) }},
	{"mfa_process", "", 0, "a command that prints an MFA code, where AWS asks for one",
		func(s *Settings) value { return (*shellLine)(&s.MFAProcess) }},
	{"never_accounts", "", 0, "accounts of decoy keys: never used, never rotated",
		func(s *Settings) value { return (*accounts)(&s.NeverAccounts) }},
}

// linkTable lists the settings of a [link FILE] section. Each is a field of the one link of
// a Settings.
var linkTable = [...]row{
	{"form", "", 0, "how the key stands in it; empty: found out; or ses-smtp REGION",
		func(s *Settings) value { return (*linkForm)(&s.Links[0].Form) }},
}

// profileTable lists the settings of a [profile NAME] section. Each is a field of a
// Settings that holds only what the section says.
var profileTable = [...]row{
	{"rotate", "never", 0, "or a rotate_after for this profile",
		func(s *Settings) value { return (*exclusion)(&s.RotateAfter) }},
	{"rotate_after", "", Day, "",
		func(s *Settings) value { return (*duration)(&s.RotateAfter) }},
	{"mfa_serial", "", 0, "the device whose codes are asked for; empty: mfa_serial of ~/.aws/config, or the user's first",
		func(s *Settings) value { return (*deviceSerial)(&s.MFASerial) }},
	{"mfa_process", "", 0, "as above, for this profile; empty: mfa_process of ~/.aws/config",
		func(s *Settings) value { return (*shellLine)(&s.MFAProcess) }},
}

// hookTable lists the settings of a [hook NAME] section. Each is a field of the one hook of
// a Settings.
var hookTable = [...]row{
	{"command", "", 0, "runs when the files show another pair; gets JSON on standard input",
		func(s *Settings) value { return (*command)(&s.Hooks[0].Command) }},
	{"required", "true", 0, "the old key stays usable until the command has succeeded; or false",
		func(s *Settings) value { return (*flag)(&s.Hooks[0].Required) }},
	{"timeout", "1m", time.Second, "the command and what it started are ended then; at most 10m",
		func(s *Settings) value { return (*duration)(&s.Hooks[0].Timeout) }},
	{"secrets", "none", 0, "or stdin: the pair is part of the JSON",
		func(s *Settings) value { return choice{&s.Hooks[0].Secrets, []string{"none", SecretsStdin}} }},
	{"format", "json", 0, "or env: AWS_ACCESS_KEY_ID=... and AWS_SECRET_ACCESS_KEY=... instead of JSON",
		func(s *Settings) value { return choice{&s.Hooks[0].Format, []string{"json", FormatEnv}} }},
	{"profiles", "", 0, "whose keys; empty: every key, and with secrets = stdin the only one",
		func(s *Settings) value { return (*profileNames)(&s.Hooks[0].Profiles) }},
}
