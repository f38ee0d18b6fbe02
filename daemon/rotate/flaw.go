package rotate

// Flaw is a way to rotate keys that locks people out or takes away what is not
// keyd's. Each one has been seen in a real tool. A test puts one back to show
// that the exploration would find it; nothing else sets it.
type Flaw uint8

const (
	noFlaw         Flaw = iota // keyd as it is
	SwapUnproven               // the file is written before AWS accepts the key
	TrustFirstList             // a single ListAccessKeys is believed after a lost answer
	DropAnyUnknown             // any key that was not there before is taken for keyd's own
	OldDeactivates             // the old key signs its own deactivation
	EraseEarly                 // the journal is erased as soon as the file is validated
)
