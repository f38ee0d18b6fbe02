// Package install makes keyd a service of the user that logs in: a systemd user
// unit on Linux, a LaunchAgent on macOS, a logon task on Windows. Each of them
// is a System and a Service of github.com/kardianos/service; that module's own
// ones install for root, or do not start at login, or leave half an
// installation behind when the service manager cannot be reached.
//
// Nothing here needs or takes privileges: what keyd reads and writes is the
// user's, and a service of root or LocalSystem would look at other files.
package install

// The names of the service. They are not plain "keyd": a keyboard remapper owns
// that name on many Linux machines.
const (
	unitName    = "keyd-aws.service"
	agentLabel  = "local.keyd-aws"
	displayName = "keyd-aws"
	description = "keyd: keeps the access keys in ~/.aws/credentials young"
)
