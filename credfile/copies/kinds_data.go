package copies

// dataKinds are files of build tools and of tools for data.
var dataKinds = []Kind{
	{
		ID: "maven", Name: "Maven settings", Use: Used,
		Paths: []string{".m2/settings*.xml", "settings.xml", "settings-*.xml"}, Content: `<settings[ >][\s\S]*<servers?>`, OnlyBoth: true,
		Advice: Advice{Way: LinkFile, Link: true, Text: "a Maven server has no profile; some S3 wagons read AWS_PROFILE when username and password are left out"},
	},
	{
		ID: "gradle", Name: "Gradle properties", Use: Used,
		Paths:  []string{"gradle.properties", "*.gradle", "*.gradle.kts", "local.properties", ".gradle/*.properties", ".gradle/init.d/*"},
		Advice: Advice{Way: ReadProfile, Text: "let Gradle take the key from the AWS SDK's chain, and set AWS_PROFILE={profile}: in the repository, replace credentials(AwsCredentials) by", Lines: []string{"authentication { awsIm(AwsImAuthentication) }"}, Link: true, Why: "docs.gradle.org, AWS S3 repositories"},
	},
	{
		ID: "sbt", Name: "sbt or Ivy credentials", Use: Used,
		Paths:  []string{".sbt/*", ".sbt/*/*", ".ivy2/*", ".credentials", ".s3credentials*", ".coursier/*"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "some S3 resolvers read AWS_PROFILE when the file is missing"},
	},
	{
		ID: "package-manager", Name: "configuration of a package manager", Use: Used,
		Paths:  []string{".npmrc", ".yarnrc*", ".pypirc", "pip.conf", "pip.ini", ".gem/credentials", ".bundle/config", "auth.json", ".condarc", ".cargo/config*", "poetry/auth.toml", "uv.toml"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "it holds the key in an address or as a password"},
	},
	{
		ID: "dvc", Name: "DVC remote", Use: Used,
		Paths: []string{".dvc/config*", "dvc/config"}, Content: `(?m)^\['?remote `,
		Advice: Advice{Way: ReadProfile, Text: "run in the repository, with the name of the remote", Lines: []string{
			"dvc remote modify --local REMOTE profile {profile}", "dvc remote modify --local --unset REMOTE access_key_id", "dvc remote modify --local --unset REMOTE secret_access_key"}, Link: true, Why: "dvc.org, remote modify, Amazon S3"},
	},
	{
		ID: "hadoop", Name: "Hadoop or Spark configuration", Use: Used,
		Paths: []string{"spark-defaults.conf*", "core-site.xml", "hdfs-site.xml", "hive-site.xml", "spark-env.sh", "hadoop-env.sh"}, Content: `fs\.s3[an]?\.(access|awsAccessKeyId)`,
		Advice: Advice{Way: ReadProfile, Text: "take out fs.s3a.access.key and fs.s3a.secret.key, set AWS_PROFILE={profile}, and write", Lines: []string{"spark.hadoop.fs.s3a.aws.credentials.provider software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider"}, Link: true, Why: "hadoop.apache.org, S3A authentication"},
	},
	{
		ID: "airflow", Name: "Airflow connection", Use: Used,
		Paths: []string{"airflow.cfg", "airflow/*.json", "airflow/*.y*ml", "airflow/*.env", "connections.y*ml", "connections.json", "airflow.db", "airflow/*.db"}, Content: `AIRFLOW_CONN_|"conn_type"[ \t]*:`,
		Advice: Advice{Way: ReadProfile, Text: "replace login and password of the connection by", Lines: []string{"aws://?profile_name={profile}"}, Link: true, Why: "airflow.apache.org, Amazon connection: extra profile_name"},
	},
	{
		ID: "dbt", Name: "dbt profile", Use: Used,
		Paths: []string{".dbt/*", "profiles.yml"}, Content: `(?m)^[ \t]+type:[ \t]*(athena|redshift|glue|duckdb)`,
		Advice: Advice{Way: ReadProfile, Text: "replace the key by this (of Redshift: iam_profile)", Lines: []string{"aws_profile_name: {profile}"}, Link: true, Why: "docs.getdbt.com, Athena setup"},
	},
	{
		ID: "renviron", Name: "R environment", Use: Shadows,
		Paths:  []string{".renviron", ".renviron.*", ".rprofile", "renviron.site"},
		Advice: Advice{Way: ReadProfile, Text: "replace the lines with the key by", Lines: []string{"AWS_PROFILE={profile}"}, Link: true, Why: "paws and aws.signature read AWS_PROFILE"},
	},
	{
		ID: "notebook", Name: "notebook", Use: Used,
		Paths: []string{"*.ipynb", ".ipynb_checkpoints/"}, Content: `\A\s*\{[\s\S]*"(nbformat|cells)"[ \t]*:`,
		Advice: Advice{Way: ReadProfile, Text: "take out the key, also from the outputs, and write", Lines: []string{"%env AWS_PROFILE={profile}"}, Link: true, Why: "ipython.readthedocs.io, %env"},
	},
	{
		ID: "streamlit", Name: "secrets of a Python app", Use: Used,
		Paths:  []string{".streamlit/secrets.toml", "secrets.toml", "mlflow/*", ".kaggle/*"},
		Advice: Advice{Way: ReadProfile, Text: "let the app use boto3.Session(profile_name=\"{profile}\") in place of the key", Link: true},
	},
	{
		ID: "database-tool", Name: "connections of a database tool", Use: Used,
		Paths:  []string{"dbeaver*/", "data-sources.json", "datasources*.xml", "*.tableplus*", ".sqlworkbench/*", ".duckdbrc", "*.duckdb"},
		Advice: Advice{Way: ReadProfile, Text: "in the connection, choose the AWS profile {profile} in place of the key"},
	},
}
