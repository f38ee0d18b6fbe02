package main

import "slices"

// diskRows returns the disks, and what keyd prints about each. The patterns write the
// home as ~, as keyd does.
func diskRows() []diskRow {
	return slices.Concat(fullDisks(), closedDisks(), oddFiles(), foreignFiles(), stateFolders())
}

const (
	noSpace    = `write a new file in ~/\.aws: no space left on device`
	roomForAWS = `^keyd: hint: make room on the disk of ~/\.aws: `
	keptForNow = `; the files still show AKIA\.\.\w{4}, and AKIA\.\.\w{4} is kept for the next pass$`
	waits      = `^default  AKIA\.\.\w{4}  .*  waiting: write to ~/\.aws/credentials: `
	asksForYou = `^default  AKIA\.\.\w{4}  .*  needs you  blocked: ~/\.aws/credentials: `
)

func fullDisks() []diskRow {
	onTmpfs := inOrder(mountTmpfs(".aws"), putFile(creds))
	return []diskRow{
		{name: "a full disk", lay: onTmpfs, harm: fillDisk(".aws"), heal: makeRoom(".aws"),
			exit: 1, told: []string{noSpace + "$", roomForAWS}, shown: []string{waits + noSpace, `hint: make room`}, logged: []string{"no space left"}},
		{name: "a disk that fills up while proving", lay: onTmpfs, when: proving, harm: fillDisk(".aws"), heal: makeRoom(".aws"),
			exit: 1, told: []string{noSpace + keptForNow, roomForAWS}, shown: []string{waits + noSpace}, logged: []string{"no space left"}},
		{name: "a disk that fills up after the swap", lay: onTmpfs, when: swapped, harm: fillDisk(".aws"), heal: makeRoom(".aws"),
			told: []string{`^  validated `, `works until \d+ \w{3}`}, shown: []string{`overlap: `}},
		{name: "a disk without inodes", lay: onTmpfs, harm: takeInodes(".aws"), heal: makeRoom(".aws"),
			exit: 1, told: []string{`open a new file in ~/\.aws: no space left on device$`, roomForAWS + `df -h and df -i`}, shown: []string{waits}},
		{name: "one full disk for all", lay: inOrder(mountTmpfs("disk"), inDisk(".aws"), inDisk("state"), putFile(creds)), harm: fillDisk("disk"), heal: makeRoom("disk"),
			exit: 1, told: []string{`no space left on device$`, roomForAWS, `^keyd: error: the status: `}, shown: []string{`new: not yet looked at`}},
		{name: "a quota of ext4", uid: someone, lay: inOrder(mountExt4(".aws"), putFile(creds)), harm: setQuota(".aws", 1), heal: setQuota(".aws", 0),
			exit: 1, told: []string{`disk quota exceeded$`, `^keyd: hint: your quota on the disk of ~/\.aws is used up`}, shown: []string{waits}},
		{name: "a quota of btrfs", lay: inOrder(mountBtrfs(".aws"), putFile(creds)), harm: limitGroup(".aws", "1"), heal: noQuota(".aws"),
			exit: 1, told: []string{`disk quota exceeded$`, `^keyd: hint: your quota on the disk of ~/\.aws is used up`}, shown: []string{waits}},
	}
}

func closedDisks() []diskRow {
	const readOnlyText = `is on a read-only file system \(open ~/\.aws/credentials: read-only file system\)`
	const immutableText = `is immutable \(open ~/\.aws/credentials: operation not permitted\)`
	return []diskRow{
		{name: "a read-only folder", lay: inOrder(putFile(creds), bindFolder(".aws")), harm: readOnly(".aws"), heal: writableAgain(".aws"),
			exit: 3, told: []string{readOnlyText}, status: 3, shown: []string{asksForYou + readOnlyText}, logged: []string{"read-only file system"}},
		{name: "a folder that becomes read-only while proving", lay: inOrder(putFile(creds), bindFolder(".aws")), when: proving, harm: readOnly(".aws"), heal: writableAgain(".aws"),
			exit: 3, told: []string{readOnlyText + ".*" + keptForNow}, status: 3, shown: []string{asksForYou + readOnlyText}},
		{name: "a mounted file", lay: inOrder(putFile("host"), putFile(creds), mountFile("host", creds)),
			told: []string{`^  swapped     ~/\.aws/credentials \(2 values in 1 profile\), nothing else changed$`}, shown: []string{`overlap: `}, heal: sameText("host", creds)},
		{name: "a mounted file in a read-only folder", lay: inOrder(putFile("host"), putFile(creds), bindFolder(".aws"), mountFile("host", creds)), harm: readOnly(".aws"),
			told: []string{`^  swapped     ~/\.aws/credentials `}, shown: []string{`overlap: `}, heal: sameText("host", creds)},
		{name: "a file after chattr +i", harm: setImmutable(creds, true), heal: setImmutable(creds, false),
			exit: 3, told: []string{immutableText + `$`}, status: 3, shown: []string{asksForYou + immutableText}},
		{name: "a file after chattr +i while proving", lay: inOrder(putFile(creds), setImmutable(creds, true), setImmutable(creds, false)), when: proving, harm: setImmutable(creds, true), heal: setImmutable(creds, false),
			exit: 3, told: []string{immutableText + ".*" + keptForNow}, status: 3, shown: []string{asksForYou + immutableText}},
		{name: "a folder after chattr +i", harm: setImmutable(".aws", true), heal: setImmutable(".aws", false),
			told: []string{`^  swapped     ~/\.aws/credentials `}, shown: []string{`overlap: `}},
	}
}

func oddFiles() []diskRow {
	again := func(text string) []string { return []string{`^keyd: error: ~/\.aws/credentials: ` + text} }
	const irregular = `is not a regular file$`
	const dangles = `leads through a symbolic link to ~/volume, which does not exist$`
	const loops = `its symbolic links form a loop$`
	return []diskRow{
		{name: "a FIFO", lay: makeFIFO(creds), exit: 1, told: again(irregular), status: 1, shown: again(irregular), logged: []string{"is not a regular file"},
			heal: inOrder(removeAll(creds), putFile(creds), chownAll)},
		{name: "a directory", lay: makeFolder(creds), exit: 1, told: again(irregular), status: 1, shown: again(irregular), logged: []string{"is not a regular file"},
			heal: inOrder(removeAll(creds), putFile(creds), chownAll)},
		{name: "a dangling link", lay: linkTo("../volume/credentials", creds), exit: 1, told: again(dangles), status: 1, shown: again(dangles), logged: []string{"which does not exist"},
			heal: inOrder(makeFolder("volume"), putFile("volume/credentials"), chownAll)},
		{name: "links in a loop", lay: inOrder(linkTo("b", creds), linkTo("credentials", ".aws/b")), exit: 1, told: again(loops), status: 1, shown: again(loops), logged: []string{"form a loop"},
			heal: inOrder(removeAll(".aws/b"), putFile(".aws/b"), chownAll)},
		{name: "links into another file system", lay: inOrder(mountTmpfs("volume"), makeFolder("dotfiles"), putFile("volume/keys"), linkTo("../dotfiles/aws", creds), linkTo("../volume/keys", "dotfiles/aws")),
			told: []string{`^  swapped     ~/\.aws/credentials `}, shown: []string{`overlap: `}, heal: inOrder(leadsTo(creds, "../dotfiles/aws"), leadsTo("dotfiles/aws", "../volume/keys"))},
		{name: "links into another file system, full", lay: inOrder(mountTmpfs("volume"), putFile("volume/keys"), linkTo("../volume/keys", creds)), harm: fillDisk("volume"), heal: makeRoom("volume"),
			exit: 1, told: []string{`write a new file in ~/volume: no space left on device$`, `^keyd: hint: make room on the disk of ~/volume: `}, shown: []string{waits}},
		{name: "a volume that goes while proving", lay: inOrder(makeFolder("volume"), putFile("volume/keys"), linkTo("../volume/keys", creds)), when: proving, harm: renameFile("volume", "gone"), heal: renameFile("gone", "volume"),
			exit: 1, told: []string{`which does not exist$`, `^keyd: hint: create that file, mount its volume, or remove the link$`}, status: 1, shown: []string{`which does not exist`}},
	}
}

func foreignFiles() []diskRow {
	const theirs = `belongs to user 4243, and keyd runs as user \d+`
	denied := []string{`^keyd: error: \w+ ~/\.aws/credentials: permission denied$`, `^keyd: hint: (chmod u\+rwx ~/\.aws|show who may do it: ls -ld ~/\.aws/credentials)$`}
	return []diskRow{
		{name: "the file of another user, as root", harm: setOwner(creds, other), exit: 3, told: []string{theirs}, status: 3, shown: []string{asksForYou + theirs}, heal: setOwner(creds, 0)},
		{name: "the file of another user, readable", uid: someone, harm: inOrder(setOwner(creds, other), setMode(creds, 0o644)),
			exit: 3, told: []string{theirs}, status: 3, shown: []string{asksForYou + theirs}, heal: setOwner(creds, someone)},
		{name: "the file of another user, unreadable", uid: someone, harm: setOwner(creds, other), exit: 1, told: denied, status: 1, shown: denied, heal: setOwner(creds, someone)},
		{name: "a folder without write permission", uid: someone, harm: setMode(".aws", 0o500),
			told: []string{`^  swapped     ~/\.aws/credentials `}, shown: []string{`overlap: `}, heal: setMode(".aws", 0o700)},
		{name: "neither folder nor file writable", uid: someone, harm: inOrder(setMode(".aws", 0o500), setMode(creds, 0o400)), heal: setMode(".aws", 0o700),
			exit: 3, told: []string{`is not writable, and its directory accepts no new file .*\)$`, `^keyd: hint: run chmod u\+w on it or its directory$`}, status: 3, shown: []string{asksForYou}},
		{name: "a folder that may not be entered", uid: someone, harm: setMode(".aws", 0), exit: 1, told: denied, status: 1, shown: denied, heal: setMode(".aws", 0o700)},
	}
}

func stateFolders() []diskRow {
	onTmpfs, bound := inOrder(mountTmpfs("state"), putFile(creds)), inOrder(putFile(creds), bindFolder("state"))
	const noRoom, closed = `^keyd: error: .*the journal: write ~/state/.*: no space left on device; it was left as it is`, `read-only file system`
	room, unseen := []string{noRoom, `^keyd: hint: make room on the disk of ~/state`}, []string{`new: not yet looked at`}
	return []diskRow{
		{name: "a full state folder", lay: onTmpfs, harm: fillDisk("state"), heal: makeRoom("state"), exit: 1, told: room, shown: unseen, logged: []string{"no space left"}},
		{name: "a state folder that fills up while creating", lay: onTmpfs, when: creating, harm: fillDisk("state"), heal: makeRoom("state"),
			exit: 1, told: append(room, `the new key was deleted again, and the files are unchanged$`), logged: []string{"no space left"}},
		{name: "a state folder that fills up while proving", lay: onTmpfs, when: proving, harm: fillDisk("state"), heal: makeRoom("state"), exit: 1, told: room, shown: []string{`rotating: `}},
		{name: "a state folder that fills up after the swap", lay: onTmpfs, when: swapped, harm: fillDisk("state"), heal: makeRoom("state"), exit: 1, told: append(room, `^  swapped `)},
		{name: "a state folder without inodes", lay: onTmpfs, harm: takeInodes("state"), heal: makeRoom("state"),
			exit: 1, told: []string{`open ~/state/pass\.lock: no space left on device$`, `^keyd: hint: make room on the disk of ~/state/pass\.lock: df -h and df -i`}, shown: unseen},
		{name: "a read-only state folder", lay: bound, harm: readOnly("state"), heal: writableAgain("state"),
			exit: 1, told: []string{`open ~/state/pass\.lock: read-only file system$`, `^keyd: hint: make the disk of ~/state/pass\.lock writable again$`}, shown: unseen},
		{name: "a state folder that becomes read-only while creating", long: true, lay: bound, when: creating, harm: readOnly("state"), heal: writableAgain("state"),
			exit: 1, told: []string{closed, `the new key was deleted again, and the files are unchanged$`}},
		{name: "a state folder that becomes read-only after the swap", lay: bound, when: swapped, harm: readOnly("state"), heal: writableAgain("state"), exit: 1, told: []string{`^  swapped `, closed}},
		{name: "a state folder that becomes read-only in the overlap", lay: bound, when: overlaps, harm: readOnly("state"), heal: writableAgain("state"), exit: 1, told: []string{closed}, shown: []string{`overlap: `}},
		{name: "the state folder of another user", uid: someone, harm: setOwner("state", other), heal: setOwner("state", someone),
			exit: 1, told: []string{`^keyd: error: the state folder: ~/state belongs to user 4243 and has mode 0700, and keyd runs as user \d+; it was left as it is$`, `^keyd: hint: if everything in it is yours: sudo chown -R \d+ ~/state$`},
			status: 1, shown: []string{`belongs to user 4243`}},
		{name: "a file in place of the state folder", harm: inOrder(removeAll("state"), copyFile("keyd.ini", "state")), heal: removeAll("state"),
			exit: 1, told: []string{`^keyd: error: the state folder: ~/state: is not a directory$`, `^keyd: hint: move it away$`}, status: 1},
		{name: "journals that cannot be listed, in the overlap", uid: someone, when: overlaps, harm: setMode("state/rotations", 0o300), heal: setMode("state/rotations", 0o700),
			exit: 3, told: []string{`^keyd: error: default: the journal: open ~/state/rotations: permission denied; its key is left as it is$`, `^keyd: hint: chmod u\+rwx ~/state/rotations$`}, status: 3},
		{name: "a state folder that is removed while proving", when: proving, harm: removeAll("state"), told: []string{`^  swapped `, `works until \d+ \w{3}`}, shown: []string{`overlap: `}},
		{name: "a state folder that is removed after the swap", when: swapped, harm: removeAll("state"), told: []string{`^  validated `, `works until \d+ \w{3}`}, shown: []string{`overlap: `}},
		{name: "a state folder that is removed in the overlap", when: overlaps, harm: removeAll("state"), heal: pruneOldKey,
			exit: 3, told: []string{`the user has a second active key, AKIA\.\.\w{4}, made 70d ago, last used`, `^keyd: hint: if another machine uses it .*; only if no one needs it, deactivate it: keyd prune default AKIA\w{16}$`}, status: 3},
	}
}
