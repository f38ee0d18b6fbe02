package copies

// Copy is a file that holds a key id.
type Copy struct {
	Path   string  `json:"path"`
	Kind   string  `json:"kind"`          // Kind.ID of its row in the table of kinds
	Places []Place `json:"places"`        // in file order; at most MaxPlaces
	More   int     `json:"more,omitzero"` // how many places were found beyond these
}

// Holds reports whether the copy holds the key id.
func (c *Copy) Holds(id string) bool {
	for _, p := range c.Places {
		if p.ID == id {
			return true
		}
	}
	return false
}

// Place is where a file holds a key id. The line itself is never kept: the secret may
// stand next to the id.
type Place struct {
	Line     int      `json:"line"` // from 1; of an id in base64 that is broken over lines, the one where it begins
	ID       string   `json:"key"`
	Encoding Encoding `json:"encoding"`
}

// Encoding is how an id is written.
type Encoding string

// The encodings. Ids consist of capital letters and digits, so quoting for a shell, JSON,
// XML or a URL leaves them as they are.
const (
	Plain       Encoding = "plain"
	Base64      Encoding = "base64"           // at any of the three alignments, also broken over lines: of the id alone, or of a whole file
	UTF16       Encoding = "utf-16"           // either byte order
	Base64UTF16 Encoding = "base64 of utf-16" // as PowerShell takes commands
)
