package atomicfile

// Reach says whom the locks of a folder can exclude.
type Reach uint8

const (
	// ReachUnknown means that other machines may see the folder, and that the system
	// does not say whether a lock excludes them.
	ReachUnknown Reach = iota
	// ReachMachine means that no other machine sees the folder.
	ReachMachine
	// ReachOwnOnly means that other machines see the folder, and that locks in it
	// exclude only the processes of this machine.
	ReachOwnOnly
)
