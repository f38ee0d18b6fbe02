package copies

// assistantKinds are the configurations of editors and AI assistants.
var assistantKinds = []Kind{
	{
		ID: "mcp", Name: "MCP configuration", Use: Used,
		Paths:   []string{".mcp.json", "mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", "claude_desktop_config.json", ".claude.json", "mcp_config.json", "cline_mcp_settings.json", "mcp_settings.json", ".roo/mcp.json", ".kiro/settings/mcp.json", ".amazonq/mcp.json", "amazonq/mcp.json", ".junie/mcp/mcp.json", "opencode.json", "mcp-servers.json", "mcphub/servers.json"},
		Content: `"(mcpServers|context_servers|mcp\.servers)"[ \t\r\n]*:`,
		Advice:  Advice{Way: ReadProfile, Text: "in the server's \"env\", replace the key by this, and restart the server", Lines: []string{"\"AWS_PROFILE\": \"{profile}\""}, Link: true, Why: "github.com/awslabs/mcp: the servers take AWS_PROFILE; tried with botocore 1.43.11"},
	},
	{
		ID: "assistant", Name: "configuration of an AI assistant", Use: Used,
		Paths:  []string{".claude/settings.json", ".claude/settings.local.json", ".gemini/settings.json", "zed/settings.json", ".continue/config.*", ".continue/", "goose/config.yaml", ".aider.conf.yml", ".aider.env", ".qwen/settings.json", "crush.json", "crush/crush.json"},
		Advice: Advice{Way: ReadProfile, Text: "replace the key by the variable AWS_PROFILE with the value {profile}", Link: true, Why: "code.claude.com, Amazon Bedrock: the AWS SDK's default chain"},
	},
	{
		ID: "codex", Name: "Codex configuration", Use: Used,
		Paths:  []string{".codex/config.toml"},
		Advice: Advice{Way: ReadProfile, Text: "in the server's env, replace the key by", Lines: []string{"env = { AWS_PROFILE = \"{profile}\" }"}, Link: true},
	},
	{
		ID: "litellm", Name: "LiteLLM configuration", Use: Used,
		Paths: []string{"litellm*.yaml", "litellm*.yml"}, Content: `(?m)^model_list:`,
		Advice: Advice{Way: ReadProfile, Text: "replace aws_access_key_id and aws_secret_access_key by", Lines: []string{"aws_profile_name: {profile}"}, Link: true, Why: "docs.litellm.ai, Bedrock"},
	},
	{
		ID: "vscode", Name: "VS Code settings", Use: Used,
		Paths:  []string{".vscode/*", "*.code-workspace", "*/user/settings.json", "*/user/tasks.json", "*/user/profiles/*/settings.json", ".theia/*"},
		Advice: Advice{Way: ReadProfile, Text: "in \"env\" or terminal.integrated.env, replace the key by", Lines: []string{"\"AWS_PROFILE\": \"{profile}\""}, Link: true, Why: "code.visualstudio.com, launch.json attributes"},
	},
	{
		ID: "devcontainer", Name: "development container", Use: Used,
		Paths: []string{"devcontainer.json", ".devcontainer.json", ".devcontainer/*", ".devcontainer/*/*"},
		Advice: Advice{Way: ReadProfile, Text: "take the key out of the file; mount the folder (a file would stay the old one), and name the profile", Lines: []string{
			"\"mounts\": [\"source=${localEnv:HOME}/.aws,target=/home/vscode/.aws,type=bind,readonly\"],", "\"remoteEnv\": {\"AWS_PROFILE\": \"{profile}\"}"}, Link: true, Why: "containers.dev, reference of devcontainer.json"},
	},
	{
		ID: "jetbrains", Name: "run configuration of a JetBrains IDE", Use: Used,
		Paths:   []string{".idea/", ".run/*.xml", "*.run.xml", "*.iml", "jetbrains/*/options/*.xml", "jetbrains/*/workspace/*.xml"},
		Content: `(?s)<component name="RunManager".*<env name=`,
		Advice:  Advice{Way: ReadProfile, Text: "in the IDE, edit the variables of the run configuration (the IDE rewrites this file while it runs): replace the key by", Lines: []string{"<env name=\"AWS_PROFILE\" value=\"{profile}\" />"}},
	},
	{
		ID: "eclipse", Name: "launch configuration of Eclipse", Use: Used,
		Paths: []string{"*.launch"}, Content: `<launchConfiguration `,
		Advice: Advice{Way: ReadProfile, Text: "in the launch configuration, replace the variables with the key by AWS_PROFILE with the value {profile}"},
	},
	{
		ID: "api-client", Name: "data of an API client", Use: Used,
		Paths:   []string{"insomnia/", "postman/", "*postman_environment.json", "*postman_collection.json", "http-client*.env.json", "*.http", "*.rest", "*.bru", ".hoppscotch/", "thunder-tests/"},
		Content: `"_postman_variable_scope"|"schema":[ \t]*"https://schema\.getpostman\.com`,
		Advice:  Advice{Way: ByHand, Text: "put the new key into the client, or use a proxy that signs, such as awscurl --profile {profile}"},
	},
}
