package copies

// leftoverKinds are files that no program reads for the key. They come first: .env.bak is a
// backup before it is a .env file.
var leftoverKinds = []Kind{
	{
		ID: "access-key-csv", Name: "access key downloaded from the console", Use: Leftover,
		Paths:   []string{"*accesskeys*.csv", "rootkey*.csv", "*_credentials*.csv", "credentials*.csv", "new_user_credentials*.csv"},
		Content: `(?i)\A(\xEF\xBB\xBF)?"?(user name|access key id)[",].*(access key id|secret access key)`,
		Advice:  Advice{Way: Delete, Text: "delete it: it holds the key and its secret, and nothing reads it"},
	},
	{
		ID: "trash", Name: "file in the trash", Use: Leftover,
		Paths:  []string{".trash/", "trash/files/", ".trash-*/", "$recycle.bin/"},
		Advice: Advice{Way: Delete, Text: "empty the trash"},
	},
	{
		ID: "snapshot", Name: "file in a snapshot or backup of the home folder", Use: Leftover,
		Paths:  []string{".snapshots/", ".zfs/", "backups.backupdb/", ".timeshift/", ".snapshot/"},
		Advice: Advice{Way: ByHand, Text: "it goes with the snapshot"},
	},
	{
		ID: "shell-history", Name: "shell history", Use: Leftover,
		Paths: []string{".bash_history", ".zsh_history", ".zhistory", ".histfile", ".sh_history", ".history", ".mksh_history", ".ash_history", "fish_history", "consolehost_history.txt",
			"*_history.txt", "nushell/history.*", "atuin/history.db*", ".bash_sessions/", ".zsh_sessions/", ".xonsh_history*", "xonsh-history*", "xonsh/history_json/"},
		Advice: Advice{Way: Delete, Text: "delete these lines: whoever reads the history has the key; set HISTCONTROL=ignorespace (bash) or HIST_IGNORE_SPACE (zsh) and begin such commands with a blank"},
	},
	{
		ID: "program-history", Name: "history of a program", Use: Leftover,
		Paths: []string{".python_history", ".node_repl_history", ".psql_history", ".mysql_history", ".sqlite_history", ".irb_history", ".rediscli_history", ".lesshst", ".viminfo", "main.shada", "shada/",
			".ipython/*/history.sqlite*", ".ipython/*/*/history.sqlite*", ".wget-hsts", ".duckdb_history", ".scala_history", ".jline_history"},
		Advice: Advice{Way: Delete, Text: "delete these lines, or the file"},
	},
	{
		ID: "assistant-log", Name: "log of an AI assistant", Use: Leftover,
		Paths:  []string{".claude/projects/", ".claude/todos/", ".claude/shell-snapshots/", ".claude/file-history/", ".codex/sessions/", ".codex/history.jsonl", ".claude/history.jsonl", ".aider.chat.history.md", ".aider.input.history", ".gemini/tmp/"},
		Advice: Advice{Way: Delete, Text: "delete it; what the assistant was shown has left this machine, so replace the key now: keyd rotate --force {profile}"},
	},
	{
		ID: "dotfiles", Name: "source of a dotfile manager", Use: Used,
		Paths:  []string{"share/chezmoi/", ".dotfiles/", "dotfiles/", "dotfiles.git/", ".yadm/", "share/yadm/", "share/dotbot/", ".homesick/", "home-manager/", ".config/nixpkgs/", "mackup/", "nix-darwin/"},
		Advice: Advice{Way: ByHand, Text: "take the key out of the source, or its manager writes the old key back; keys do not belong into a repository"},
	},
	{
		ID: "conflicted-copy", Name: "conflicted copy of a file", Use: Leftover,
		Paths:  []string{"*conflicted copy*", "*.sync-conflict-*", "*sync conflict*", "*_conf(*", "*[(]case conflict*", "*-conflict-*", ".stversions/"},
		Advice: Advice{Way: Delete, Text: "compare it with the file, then delete it"},
	},
	{
		ID: "editor-file", Name: "swap, undo or history file of an editor", Use: Leftover,
		Paths:   []string{"*.swp", "*.swo", "*.swn", "*.un~", "undo/", "undodir/", "*/user/history/", ".local_history/", ".history/", "*/backups/*/untitled/*", "*/backups/*/file/*", ".emacs.d/backups/", ".emacs.d/auto-save-list/", "*/localhistory/"},
		Content: `\Ab0VIM `,
		Advice:  Advice{Way: Delete, Text: "close the file in the editor and delete it"},
	},
	{
		ID: "terraform-state-backup", Name: "backup of Terraform state", Use: Leftover,
		Paths:  []string{"*.tfstate.backup", "*.tfstate.*.backup"},
		Advice: Advice{Way: Delete, Text: "delete it once you do not need it"},
	},
	{
		ID: "backup-file", Name: "backup of a file", Use: Leftover,
		Paths: []string{"*.bak", "*.bak[0-9]", "*.bak.*", "*.bak-*", "*.backup", "*.backup.*", "*.backup-*", "*~", "*.orig", "*.old", "*.save", "*.prev", "*.rej", "*.dpkg-old", "*.dpkg-dist", "*.rpmsave", "*.ucf-old",
			"#*#", "*.pre-*", "*_backup", "*_backup.*", "*_bak", "*_old", "* copy", "* copy.*", "*([0-9])*", "* - copy*", "*.20[0-9][0-9][0-9][0-9]*", "*.20[0-9][0-9]-[0-9][0-9]*", "*-20[0-9][0-9][0-9][0-9][0-9][0-9]*"},
		Advice: Advice{Way: Delete, Text: "delete it once you do not need it"},
	},
	{
		ID: "session-save", Name: "saved terminal session", Use: Leftover,
		Paths:  []string{"tmux/resurrect/", ".tmux/resurrect/", "typescript", "*.typescript", "*.cast", "savedstate/", "saved application state/"},
		Advice: Advice{Way: Delete, Text: "delete it"},
	},
	{
		ID: "log", Name: "log", Use: Leftover,
		Paths:  []string{"*.log", "*.log.*", "*.log-*", "*.out", "nohup.out", "logs/", "log/", ".xsession-errors*", "*.trace"},
		Advice: Advice{Way: Delete, Text: "delete it, and find out which program logs keys"},
	},
	{
		ID: "mail", Name: "mail", Use: Leftover,
		Paths:   []string{"*.eml", "*.emlx", "*.mbox", "*.msf", "maildir/", ".thunderbird/", "mail/"},
		Content: `(?m)\A(From |Return-Path: |Received: |Delivered-To: )`,
		Advice:  Advice{Way: Delete, Text: "a key that was mailed is known to others: replace it now, keyd rotate --force {profile}"},
	},
	{
		ID: "dump", Name: "dump of a database", Use: Leftover,
		Paths:   []string{"*.sql", "*.dump", "*.pgdump", "*.ldif"},
		Content: `\A(-- (PostgreSQL database dump|MySQL dump|MariaDB dump)|PGDMP)`,
		Advice:  Advice{Way: ByHand, Text: "delete the dump once you do not need it; the database that it is from holds the key as well"},
	},
}
