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
	for _, l := range single(inside) {
		l.hit.alone = l.hit.value == ID
	}
	left := single(outside)
	switch {
	case len(all) == 0:
		return &Refusal{path, 0, fmt.Sprintf("neither the id %s nor its secret stands in this file", p), "write them there, or remove the link"}
	case len(outside) == 0:
		start, _ := all[0].topRange()
		return &Refusal{path, lineAt(lines, start), fmt.Sprintf("the key %s stands only in comments", p), "remove the link, or take the mark of the comment away"}
	case len(left) > 0:
		start, _ := left[0].topRange()
		return lonely(path, text, lines, left[0], lineAt(lines, start), p)
	case f.region != "" && passwords == 0:
		return &Refusal{path, 0, fmt.Sprintf("the settings say form = %s, and no SMTP password of that region stands in this file", f), "remove the line with form from the link, or correct the region"}
	}
	return nil
}

// single returns the ids that have no secret of their own and the secrets that have no id,
// in order. The ones that are nearest to each other are a pair.
func single(all []leaf) []leaf {
	var open []leaf
	for _, l := range all {
		if n := len(open); n > 0 && (open[n-1].hit.value == ID) != (l.hit.value == ID) {
			open = open[:n-1]
		} else {
			open = append(open, l)
		}
	}
	return open
}

// lonely returns the refusal for an id without a secret, or a secret without an id.
func lonely(path string, text []byte, lines []int, l leaf, line int, p Pair) *Refusal {
	if l.hit.value != ID {
		return &Refusal{path, line, fmt.Sprintf("the %s of %s stands here without its id", l.hit.value, p), "write the id " + p.String() + " next to it, or use a hook"}
	}
	why, remedy := explain(text, lines, line)
	return &Refusal{path, line, fmt.Sprintf("the id %s stands here without its secret%s", p, why), remedy}
}
