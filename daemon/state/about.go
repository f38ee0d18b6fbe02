package state

import "slices"

// About says which keys, user and files an event or an entry of the history concerns, and
// who asked for it. It is part of both formats: fields are added, and never change their
// name or meaning. Entries that an older keyd wrote have only User and Account.
type About struct {
	OldKey   string   `json:"old_key,omitzero"`  // whole id of the key that is replaced or retired; "" outside a rotation
	NewKey   string   `json:"new_key,omitzero"`  // whole id of its successor; "" before that exists, and in a retirement
	User     string   `json:"user,omitzero"`     // the user name at AWS; "" while it is not known
	Account  string   `json:"account,omitzero"`  // 12 digits
	Files    []string `json:"files,omitzero"`    // absolute paths of the files that show the key, linked files included
	Endpoint string   `json:"endpoint,omitzero"` // who was asked, as in KeyStatus.Endpoint; "" for AWS in partition aws
	AskedBy  Asker    `json:"asked_by,omitzero"`
	Command  string   `json:"command,omitzero"` // what the person ran, e.g. "keyd rotate --retire-now"; "" when the daemon acted by itself
}

// AddFile adds a file unless it is there already.
func (a *About) AddFile(path string) {
	if !slices.Contains(a.Files, path) {
		a.Files = append(a.Files, path)
	}
}

// Asker says who wanted something done.
type Asker string

// The askers.
const (
	ByDaemon Asker = "daemon" // it was due
	ByPerson Asker = "person" // somebody ran a command, perhaps days before the daemon carried it out
)
