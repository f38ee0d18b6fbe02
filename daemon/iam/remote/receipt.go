package remote

import "time"

// Receipt is the evidence of one call that changes something at AWS. CloudTrail keeps
// the same RequestID, so that anyone who may read CloudTrail can check it. The
// history stores receipts, so their field names are part of a format on disk.
type Receipt struct {
	Call      string    `json:"call"`                // the action, e.g. "CreateAccessKey"
	RequestID string    `json:"request_id,omitzero"` // AWS's id of the request; "" when no answer came
	Date      time.Time `json:"date,omitzero"`       // AWS's clock when it answered, whole seconds; zero when no answer came
	Region    string    `json:"region"`              // whose signature the call carried: for IAM the partition's home region
	Endpoint  string    `json:"endpoint,omitzero"`   // the host; "" when the call did not get that far
	KeyID     string    `json:"key,omitzero"`        // the key that was made, changed or described; "" when it is not known
	SignedBy  string    `json:"signed_by"`           // the id of the key that signed
	Outcome   Outcome   `json:"outcome"`
	Code      string    `json:"code,omitzero"`   // AWS's error code
	Anchor    string    `json:"anchor,omitzero"` // the hash of the history that the call put into the description of a key; see state.CheckChain
}

// Outcome says what became of a call.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"    // AWS says that it took effect
	Refused Outcome = "refused" // it had no effect
	Unknown Outcome = "unknown" // it is not known whether it took effect
)

// Trip is what one call tells about the way to AWS: whether the endpoint answered, and
// how its clock and this machine's differ.
type Trip struct {
	Endpoint string // the host
	Answered bool   // AWS answered, if only with a refusal
	Clock    Clock  // zero when the answer had no date
}

// Clock is the difference between the clock of AWS and this machine's, with how far
// it can be off. A Date is cut to whole seconds, and it was written at some moment of
// the trip: the slower the answer, the less it says. The truth lies between Offset -
// Within and Offset + Within. Within is zero when nothing was measured.
type Clock struct {
	Offset time.Duration // AWS's clock minus this machine's
	Within time.Duration
}
