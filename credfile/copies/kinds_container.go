package copies

// containerKinds are files of containers and of Kubernetes.
var containerKinds = []Kind{
	{
		ID: "compose", Name: "compose file", Use: Used,
		Paths: []string{"docker-compose*.y*ml", "compose*.y*ml", "podman-compose*.y*ml", "stack.y*ml"}, Content: `(?m)^services:[ \t]*\r?\n[\s\S]*^[ \t]+(image|build|environment|env_file):`,
		Advice: Advice{Way: ReadProfile, Text: "replace the key in environment by AWS_PROFILE, and mount the folder (a file would stay the old one after a rotation)", Lines: []string{
			"environment:", "  AWS_PROFILE: {profile}", "volumes:", "  - ~/.aws:/root/.aws:ro"}, Link: true, Why: "docs.docker.com, compose file reference; parsed by docker-compose 1.29.2"},
	},
	{
		ID: "container-config", Name: "configuration of a created container", Use: Used,
		Paths:  []string{"config.v2.json", "containers/*/config.v2.json", "overlay-containers/*/userdata/*", "containers/*/config.json", "containers/podman/*"},
		Advice: Advice{Way: ByHand, Text: "the container keeps the variables that it was created with: change where they come from, then recreate it (docker compose up -d --force-recreate)"},
	},
	{
		ID: "quadlet", Name: "Quadlet container", Use: Used,
		Paths: []string{"*.container", "containers/systemd/*"}, Content: `(?m)^\[Container\]`,
		Advice: Advice{Way: ReadProfile, Text: "in [Container], replace the lines with the key by", Lines: []string{"Environment=AWS_PROFILE={profile}", "Volume=%h/.aws:/root/.aws:ro"}, Link: true, Why: "podman-systemd.unit(5)"},
	},
	{
		ID: "dockerfile", Name: "Dockerfile", Use: Used,
		Paths: []string{"dockerfile", "dockerfile.*", "*.dockerfile", "containerfile", "containerfile.*"}, Content: `(?m)\A(#.*\n|\s*\n)*(ARG .*\n)*FROM \S+`,
		Advice: Advice{Way: ByHand, Text: "take the key out: whoever has the image has it. Mount ~/.aws when the image runs, or use a build secret (docker build --secret id=aws,src=$HOME/.aws/credentials)"},
	},
	{
		ID: "kubernetes-secret", Name: "Kubernetes Secret", Use: Used,
		Paths:    []string{"*velero*.y*ml"},
		Content:  `(?m)(^|[{,])[ \t-]*"?kind"?:[ \t]*"?(Sealed)?Secret\b`,
		OnlyBoth: false,
		Advice:   Advice{Way: LinkFile, Link: true, Text: "the cluster keeps its own copy: a hook brings the new key there (kubectl create secret generic NAME --from-env-file=/dev/stdin --dry-run=client -o yaml | kubectl apply -f -), better is a role of the pod"},
	},
	{
		ID: "kubeconfig", Name: "kubeconfig", Use: Used,
		Paths: []string{".kube/config*", ".kube/*", "kubeconfig*", "*.kubeconfig"}, Content: `(?m)^clusters:[\s\S]*^users:|(?m)^users:[\s\S]*^clusters:`,
		Advice: Advice{Way: ReadProfile, Text: "under exec, replace the variables with the key by", Lines: []string{"env:", "- name: AWS_PROFILE", "  value: {profile}"}, Link: true, Why: "docs.aws.amazon.com/eks, kubeconfig"},
	},
	{
		ID: "helm-values", Name: "Helm values", Use: Used,
		Paths:  []string{"values*.y*ml", "*-values.y*ml", "*.values.y*ml", "helmfile*.y*ml", "helmfile.d/*"},
		Advice: Advice{Way: LinkFile, Link: true, Text: "after a rotation the chart has to be upgraded (a hook can run helm upgrade); better is a role of the pod"},
	},
	{
		ID: "kubernetes-manifest", Name: "Kubernetes manifest", Use: Used,
		Content: `(?m)^apiVersion:[ \t]*\S+[\s\S]*^kind:`,
		Advice:  Advice{Way: LinkFile, Link: true, Text: "the cluster keeps its own copy: apply the manifest after a rotation (a hook can), better is a role of the pod"},
	},
	{
		ID: "podman-secret", Name: "secret of podman or docker", Use: Used,
		Paths:  []string{"secrets/filedriver/*", "storage/secrets/*"},
		Advice: Advice{Way: RunHook, Text: "a hook can replace the secret: podman secret create --replace NAME -"},
	},
}
