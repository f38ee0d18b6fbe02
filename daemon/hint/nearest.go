package hint

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns the known word that the author of text most likely meant. It
// returns "" if every known word differs from text in more than a third of the
// letters and in more than one letter. It prefers a word that differs only in the case of
// letters. Among equally near words it prefers one with
// the same first letter, then one of the same length, then the first in known.
func Nearest(text string, known []string) string {
	if i := slices.IndexFunc(known, func(word string) bool { return strings.EqualFold(text, word) }); i >= 0 {
		return known[i]
	}
	near := slices.DeleteFunc(slices.Clone(known), func(word string) bool { return editDistance(text, word) > max(len(text)/3, 1) })
	if len(near) == 0 {
		return ""
	}
	unlike := func(word string) (n int) {
		if !strings.HasPrefix(word, text[:min(len(text), 1)]) {
			n = 2
		}
		if len(word) != len(text) {
			n++
		}
		return n
	}
	return slices.MinFunc(near, func(a, b string) int {
		return cmp.Or(editDistance(text, a)-editDistance(text, b), unlike(a)-unlike(b))
	})
}

// editDistance returns the number of single-letter edits between a and b. Two
// swapped neighbours count as one edit (optimal string alignment).
func editDistance(a, b string) int {
	var before []int // the row before last
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
