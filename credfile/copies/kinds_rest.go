package copies

// restKinds are kinds that only the form of a file tells: what no other row recognises.
var restKinds = []Kind{
	{
		ID: "s3-uri", Name: "variables with an address of S3", Use: Used,
		Content: `(?m)^[ \t]*(export[ \t]+)?MC_HOST_\w+=`,
		Advice:  Advice{Way: LinkFile, Link: true, Text: "the MinIO client cannot read a profile"},
	},
	{
		ID: "dotenv", Name: ".env file", Use: Used,
		Paths: []string{".env", ".env.*", "*.env", "env", "env.*", ".flaskenv", ".environment", "environment", "env_file", "*.envvars", ".dev.vars", "/etc/default/*", "/etc/sysconfig/*", "/etc/conf.d/*", ".aws-env*", ".awsrc", "aws.env*", ".secrets.env"}, Content: `(?m)^[ \t]*(export[ \t]+)?AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY)[ \t]*=`,
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by this; in a container, mount the folder ~/.aws as well", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "AWS SDKs and tools reference guide, AWS_PROFILE"},
	},
	{
		ID: "windows-script", Name: "Windows script", Use: Used,
		Paths:  []string{"*.bat", "*.cmd"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"set AWS_PROFILE={profile}"}, Link: true},
	},
	{
		ID: "powershell", Name: "PowerShell script", Use: Used,
		Paths: []string{"*.ps1", "*.psm1", "*.psd1"}, Content: `(?m)^[ \t]*\$env:AWS_`,
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"$env:AWS_PROFILE = '{profile}'"}, Link: true},
	},
	{
		ID: "shell-script", Name: "shell script", Use: Used,
		Paths: []string{"*.sh", "*.bash", "*.zsh", "*.ksh", "*.command"}, Content: `\A#![ \t]*/\S*(sh|env[ \t]+\S*sh)\b`,
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"export AWS_PROFILE={profile}"}, Link: true, Why: "AWS CLI user guide, \"Configuring environment variables\""},
	},
	{
		ID: "python", Name: "Python program", Use: Used,
		Paths: []string{"*.py", "*.pyw"}, Content: `\A#![ \t]*/\S*python`,
		Advice: Advice{Way: ReadProfile, Text: "take the key out of the program, and let boto3 read the profile", Lines: []string{"session = boto3.Session(profile_name=\"{profile}\")"}, Link: true, Why: "boto3, Session"},
	},
	{
		ID: "javascript", Name: "JavaScript program", Use: Used,
		Paths: []string{"*.js", "*.mjs", "*.cjs", "*.ts", "*.mts", "*.tsx", "*.jsx", "*.vue", "*.svelte"}, Content: `\A#![ \t]*/\S*(node|deno|bun)\b`,
		Advice: Advice{Way: ReadProfile, Text: "take the key out of the program, and let the SDK read the profile", Lines: []string{"credentials: fromIni({ profile: \"{profile}\" })"}, Link: true, Why: "@aws-sdk/credential-providers, fromIni"},
	},
	{
		ID: "source", Name: "source code", Use: Used,
		Paths:  []string{"*.go", "*.java", "*.kt", "*.kts", "*.scala", "*.clj", "*.groovy", "*.rb", "*.php", "*.cs", "*.fs", "*.vb", "*.rs", "*.swift", "*.m", "*.c", "*.cc", "*.cpp", "*.h", "*.r", "*.rmd", "*.qmd", "*.jl", "*.lua", "*.pl", "*.ex", "*.exs", "*.erl", "*.hs", "*.dart", "makefile", "justfile", "taskfile.y*ml", "rakefile", "*.mk"},
		Advice: Advice{Way: ReadProfile, Text: "take the key out of the program: without one the AWS SDK reads the profile that this names", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "AWS SDKs and tools reference guide, AWS_PROFILE"},
	},
	{
		ID: "note", Name: "note", Use: Leftover,
		Paths:  []string{"*.md", "*.markdown", "*.org", "*.rst", "*.adoc", "*.txt", "*.rtf", "*.html", "*.htm", "*.tex", "*.canvas", "*.enex"},
		Advice: Advice{Way: Delete, Text: "delete the key from it"},
	},
	{
		ID: "table", Name: "table", Use: Leftover,
		Paths:  []string{"*.csv", "*.tsv"},
		Advice: Advice{Way: Delete, Text: "delete the key from it"},
	},
	{
		ID: "json", Name: "JSON file", Use: Used,
		Paths: []string{"*.json", "*.jsonc", "*.json5", "*.jsonl"}, Content: `\A\s*[\[{]\s*["\]}]`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "if a program with an AWS SDK reads it: AWS_PROFILE={profile} in place of the key"},
	},
	{
		ID: "yaml", Name: "YAML file", Use: Used,
		Paths:  []string{"*.yaml", "*.yml"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "if a program with an AWS SDK reads it: AWS_PROFILE={profile} in place of the key"},
	},
	{
		ID: "toml", Name: "TOML file", Use: Used,
		Paths:  []string{"*.toml"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "if a program with an AWS SDK reads it: AWS_PROFILE={profile} in place of the key"},
	},
	{
		ID: "xml", Name: "XML file", Use: Used,
		Paths: []string{"*.xml", "*.plist", "*.config", "*.props"}, Content: `\A(\xEF\xBB\xBF)?\s*<(\?xml|!DOCTYPE)`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "if a program with an AWS SDK reads it: AWS_PROFILE={profile} in place of the key"},
	},
	{
		ID: "database", Name: "database", Use: Used,
		Paths: []string{"*.db", "*.sqlite", "*.sqlite3", "*.db3", "*.ldb", "*.leveldb/", "leveldb/", "indexeddb/"}, Content: `\ASQLite format 3\x00`,
		Advice: Advice{Way: ByHand, Text: "change the key in the program that keeps this file"},
	},
	{
		ID: "ini", Name: "configuration file", Use: Used,
		Paths: []string{"*.ini", "*.cfg", "*.conf", "*.properties", "*.cnf", "*rc", "*.rc"}, Content: `(?m)\A(\s*[#;].*\n|\s*\n)*\[[^\]\n]+\][ \t]*\r?\n[ \t]*[\w.-]+[ \t]*[=:]`,
		Advice: Advice{Way: LinkFile, Link: true, Text: "if a program with an AWS SDK reads it: AWS_PROFILE={profile} in place of the key"},
	},
	{
		ID: "binary", Name: "binary file", Use: Used,
		Content: `\x00`,
		Advice:  Advice{Way: ByHand, Text: "find out which program keeps it, and change the key there"},
	},
	{
		ID: "file", Name: "file", Use: Used,
		Advice: Advice{Way: LinkFile, Link: true, Text: "find out which program reads it"},
	},
}
