package copies

import (
	"cmp"
	"slices"
	"sync"
)

// Gap says what was not searched, for one reason.
type Gap struct {
	Reason   Reason   `json:"reason"`
	Count    int      `json:"count"`    // how many files or folders
	Examples []string `json:"examples"` // the paths of the first maxExamples of them
}

// Reason is why something was not searched.
type Reason string

// The reasons. Of a folder, nothing below it was searched.
const (
	Denied      Reason = "denied"      // the system refuses to let this user read it
	Failed      Reason = "failed"      // it could not be read for another reason
	Network     Reason = "network"     // a network file system, or one that another program provides; it may hang
	Placeholder Reason = "placeholder" // its contents are in a cloud, and reading it would download them
	Protected   Reason = "protected"   // macOS would ask the person first, and nobody is there to answer
	Link        Reason = "link"        // a link that leads out of what was searched
	Large       Reason = "large"       // a text that is longer than MaxText: only its beginning was searched
	Binary      Reason = "binary"      // a binary file that is longer than MaxBinary: only its beginning was searched
	Special     Reason = "special"     // a FIFO, a socket, a device or a file system of the kernel
	Packed      Reason = "packed"      // compressed or encrypted: an id cannot be seen in it
	NoConfig    Reason = "no config"   // of a name that holds no configuration: media, programs, caches, packages
)

// IsUnknown reports whether a copy may well be in what was not searched, so that a person
// should know of it. Of the others it is known that they can hold none that matters.
func (r Reason) IsUnknown() bool {
	return slices.Contains([]Reason{Denied, Failed, Network, Placeholder, Protected, Link, Large}, r)
}

// reasons lists the reasons in the order of a report.
var reasons = []Reason{Denied, Failed, Network, Placeholder, Protected, Link, Large, Binary, Packed, NoConfig, Special}

// maxExamples is how many paths a gap names.
const maxExamples = 5

// gaps collects what was not searched.
type gaps struct {
	mu  sync.Mutex
	all map[Reason]*Gap
}

func (g *gaps) add(why Reason, path func() string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[Reason]*Gap{}
	}
	gap := g.all[why]
	if gap == nil {
		gap = &Gap{Reason: why}
		g.all[why] = gap
	}
	gap.Count++
	if len(gap.Examples) < maxExamples {
		gap.Examples = append(gap.Examples, path())
	}
}

// list returns the gaps in the order of a report.
func (g *gaps) list() []Gap {
	var list []Gap
	for _, gap := range g.all {
		slices.Sort(gap.Examples)
		list = append(list, *gap)
	}
	slices.SortFunc(list, func(a, b Gap) int {
		return cmp.Compare(slices.Index(reasons, a.Reason), slices.Index(reasons, b.Reason))
	})
	return list
}
