package copies

// awsKinds are files of AWS's own tools.
var awsKinds = []Kind{
	{
		ID: "aws-twin", Name: "AWS file of Windows, beside this Linux", Use: Used,
		Paths:  []string{"/mnt/?/users/*/.aws/*", "/?/users/*/.aws/*"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "programs on the other side read it: keep it up to date, or make them read this side's file with AWS_SHARED_CREDENTIALS_FILE"},
	},
	{
		ID: "aws-file", Name: "second AWS file", Use: Used,
		Paths:    []string{".aws/*", "aws_credentials", "*credentials-velero*", "cloud-credentials", "credentials.ini", "*.aws/credentials*", "aws-credentials*"},
		Content:  `(?mi)^[ \t]*\[[^\]\n]+\][ \t]*(\n[ \t]*([#;].*)?|\n[ \t]*[\w.-]+[ \t]*=.*)*\n[ \t]*aws_access_key_id[ \t]*=`,
		OnlyBoth: false,
		Advice:   Advice{Way: LinkFile, Link: true, Text: "make it a link to the file that keyd rotates, or set AWS_SHARED_CREDENTIALS_FILE for the programs that read it"},
	},
	{
		ID: "aws-properties", Name: "AwsCredentials.properties", Use: Used,
		Paths:   []string{"awscredentials.properties", "aws_credential_file", ".elasticbeanstalk/*"},
		Content: `(?mi)^[ \t]*(accessKey|AWSAccessKeyId)[ \t]*=[\s\S]*^[ \t]*(secretKey|AWSSecretKey)[ \t]*=`,
		Advice:  Advice{Way: LinkFile, Link: true, Text: "let the program read the profile with AWS_PROFILE={profile} if it is not older than 2014"},
	},
}
