package forms

import (
	"fmt"
	"strings"
)

// Form is what the settings say about a linked file. The zero Form finds out from what
// stands in the file.
type Form struct {
	region string // of the SMTP password, "" when the file holds the secret itself
}

const sesSMTP = "ses-smtp"

// regionName matches the name of an AWS region: us-east-1, us-gov-west-1, eusc-de-east-1.
var regionName = CompileLater(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// ParseForm reads the setting form: nothing, or "ses-smtp REGION". The error names the
// forms that there are.
func ParseForm(text string) (Form, error) {
	const known = `the only form that needs to be written is "ses-smtp REGION", as in "ses-smtp eu-west-1"; without the setting, keyd finds out from what stands in the file`
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return Form{}, nil
	case words[0] != sesSMTP && isNearly(words[0], sesSMTP):
		return Form{}, fmt.Errorf("form %q is not known: did you mean %q? %s", text, strings.Join(append([]string{sesSMTP}, words[1:]...), " "), known)
	case words[0] != sesSMTP:
		return Form{}, fmt.Errorf("form %q is not known: %s", text, known)
	case len(words) == 1:
		return Form{}, fmt.Errorf("form %q lacks the region: %s", text, known)
	case len(words) > 2:
		return Form{}, fmt.Errorf("form %q has more than one region: %s", text, known)
	}
	region := strings.ToLower(words[1])
	switch {
	case !regionName().MatchString(region) && nearestRegion(region) != "":
		return Form{}, fmt.Errorf("form %q: %q is not the name of a region: did you mean %q?", text, words[1], sesSMTP+" "+nearestRegion(region))
	case !regionName().MatchString(region):
		return Form{}, fmt.Errorf("form %q: %q is not the name of a region such as eu-west-1", text, words[1])
	}
	return Form{region: region}, nil
}

// String returns the text that ParseForm reads.
func (f Form) String() string {
	if f.region == "" {
		return ""
	}
	return sesSMTP + " " + f.region
}

// isNearly reports whether a is b but for case, marks between words and two slips.
func isNearly(a, b string) bool {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", ".", "", "/", "").Replace(strings.ToLower(s))
	}
	a, b = plain(a), plain(b)
	return distance(a, b) <= 2 || len(a) >= 3 && strings.Contains(b, a)
}

// distance returns how many characters must be put in, left out or changed to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// nearestRegion returns the region of SES that a text nearly names, or "".
func nearestRegion(text string) string {
	best, least := "", 3
	for _, region := range sesRegions {
		if d := distance(strings.NewReplacer("-", "", "_", "").Replace(text), strings.ReplaceAll(region, "-", "")); d < least {
			best, least = region, d
		}
	}
	return best
}
