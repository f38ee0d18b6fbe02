package daemon

// flaw is a way to rotate keys that locks people out or takes away what is not
// keyd's. Each one has been seen in a real tool. A test puts one back to show
// that the exploration would find it; nothing else sets it.
type flaw uint8

const (
	noFlaw         flaw = iota // keyd as it is
	swapUnproven               // the file is written before AWS accepts the key
	trustFirstList             // a single ListAccessKeys is believed after a lost answer
	dropAnyUnknown             // any key that was not there before is taken for keyd's own
	oldDeactivates             // the old key signs its own deactivation
	eraseEarly                 // the journal is erased as soon as the file is validated
)
