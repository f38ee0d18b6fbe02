package journal

import "time"

// Retirement is what a journal adds about a key that a person retires: Old ends without
// a successor. It is made Inactive, and deleted after the quarantine; no file changes.
//
// A key that is Inactive signs nothing: it can neither be made Active again nor deleted
// by itself. New therefore signs everything that happens to Old: a helper that keyd
// creates for this, which stands nowhere but in the journal and deletes itself at the
// end, or a key of the same user that another profile shows.
type Retirement struct {
	Borrowed bool      `json:"borrowed,omitzero"` // another profile shows New: it signs, and nothing else happens to it
	Forced   bool      `json:"forced,omitzero"`   // the person retires Old although someone may use it
	KnownUse time.Time `json:"used,omitzero"`     // the last use of Old by anyone but keyd that the person was told of; zero when none was known
	Proven   time.Time `json:"proven,omitzero"`   // when AWS had accepted New reliably, and Old was to become Inactive: a refusal later means that someone has ended New
	Ended    time.Time `json:"ended,omitzero"`    // when a person said that both keys are ended at AWS, where keyd can sign with neither
	Deleted  time.Time `json:"deleted,omitzero"`  // when a list showed that Old is gone; New has to go then, unless it is borrowed
}

// IsRetirement reports whether Old ends without a successor.
func (r *Rotation) IsRetirement() bool { return r.Retire != nil }

// KeepsNew reports whether New outlives the rotation: it takes the place of Old, or
// another profile shows it.
func (r *Rotation) KeepsNew() bool { return r.Retire == nil || r.Retire.Borrowed }

// UsedMeanwhile reports whether AWS has recorded a use of Old, which is being retired,
// that the person was not told of. keyd itself has called IAM and STS with it until the
// helper existed; both clocks are believed to MaxClockOffset.
func (r *Rotation) UsedMeanwhile() bool {
	if r.Retire == nil || r.Retire.Forced || r.LastUse == nil {
		return false
	}
	own := r.LastUse.Service == "iam" || r.LastUse.Service == "sts"
	known := r.Retire.KnownUse
	if own && r.Created.After(known) {
		known = r.Created
	}
	return r.LastUse.At.After(known.Add(MaxClockOffset))
}
