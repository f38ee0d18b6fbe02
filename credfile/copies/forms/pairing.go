package forms

import (
	"fmt"
)

// pairUp marks the ids that stand alone in comments, and refuses the file unless
// outside comments each id has a secret of its own and each secret an id.
func pairUp(path string, text []byte, lines []int, f Form, p Pair, all []leaf) *Refusal {
	var inside, outside []leaf
	passwords := 0
	for _, l := range all {
		if l.note {
			inside = append(inside, l)
		} else {
			outside = append(outside, l)
		}
		if l.hit.value == SMTPPassword {
			passwords++
		}
	}
	alone, _ := single(inside)
	for _, l := range alone {
		l.hit.alone = l.hit.value == ID
	}
	left, pairs := single(outside)
	switch {
	case len(all) == 0:
		return &Refusal{path, 0, fmt.Sprintf("neither the id %s nor its secret stands in this file", p), "write them there, or remove the link"}
	case len(outside) == 0:
		start, _ := all[0].topRange()
		return &Refusal{path, lineAt(lines, start), fmt.Sprintf("the key %s stands only in comments", p), "remove the link, or take the mark of the comment away"}
	case len(left) > 0:
		start, _ := left[0].topRange()
		return lonely(path, text, lines, all, left[0], lineAt(lines, start), p)
	case f.region != "" && passwords == 0:
		return &Refusal{path, 0, fmt.Sprintf("the settings say form = %s, and no SMTP password of that region stands in this file", f), "remove the line with form from the link, or correct the region"}
	}
	for _, pair := range pairs {
		if parted(pair, p) {
			start, _ := pair[0].topRange()
			if pair[0].hit.value != ID {
				start, _ = pair[1].topRange()
			}
			return &Refusal{path, lineAt(lines, start), fmt.Sprintf("another key stands between the id %s and its secret", p), "put the secret next to the id that it belongs to"}
		}
	}
	return nil
}

// single returns the ids that have no secret of their own and the secrets that have no id,
// in order, and the pairs. The ones that are nearest to each other are a pair.
func single(all []leaf) (open []leaf, pairs [][2]leaf) {
	for _, l := range all {
		if n := len(open); n > 0 && (open[n-1].hit.value == ID) != (l.hit.value == ID) {
			pairs = append(pairs, [2]leaf{open[n-1], l})
			open = open[:n-1]
		} else {
			open = append(open, l)
		}
	}
	return open, pairs
}

var anySecret = CompileLater(`[A-Za-z0-9+/]{40,}`)

// parted reports whether another id and another secret stand between the two halves of a pair,
// the half that belongs to the first of them in front: id, other secret, other id, secret.
func parted(pair [2]leaf, p Pair) bool {
	const far = 4096 // bytes
	a, b := pair[0], pair[1]
	if a.view != b.view || b.hit.start-a.hit.end > far {
		return false
	}
	between := a.view.text[a.hit.end:b.hit.start]
	first, second := anySecret, anyID
	if a.hit.value != ID {
		first, second = anyID, anySecret
	}
	at := first().FindIndex(between)
	if at == nil {
		return false
	}
	other := second().Find(between[at[1]:])
	return other != nil && string(other) != p.ID && string(other) != p.Secret && string(between[at[0]:at[1]]) != p.ID
}

// lonely returns the refusal for an id without a secret, or a secret without an id.
func lonely(path string, text []byte, lines []int, all []leaf, l leaf, line int, p Pair) *Refusal {
	if l.hit.value != ID {
		return &Refusal{path, line, fmt.Sprintf("the %s of %s stands here without its id", l.hit.value, p), "write the id " + p.String() + " next to it, or use a hook"}
	}
	taken := map[int]bool{} // the lines of secrets that other ids have
	for _, other := range all {
		if start, _ := other.topRange(); other.hit.value != ID {
			taken[lineAt(lines, start)] = true
		}
	}
	why, remedy := explain(text, lines, line, taken)
	return &Refusal{path, line, fmt.Sprintf("the id %s stands here without its secret%s", p, why), remedy}
}
