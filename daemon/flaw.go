package daemon

// flaw is a way to rotate keys that locks people out or takes away what is
// not ours. Each one has been seen in a tool. A test puts one back to show that
// the exploration would find it; nothing else sets it.
type flaw uint8

const (
	noFlaw         flaw = iota
	swapUnproven        // the file is written before AWS accepts the key
	trustFirstList      // one ListAccessKeys tells what a lost answer has done
	dropAnyUnknown      // any key that was not there before is taken for our own
	oldDeactivates      // the old key signs its own deactivation
	eraseEarly          // the journal is erased when the file is written
)
