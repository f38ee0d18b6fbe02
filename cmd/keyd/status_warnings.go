package main

import (
	"fmt"
	"strconv"
	"strings"

	"keyd/cmd/keyd/layout"
	"keyd/credfile"
)

// fileProblem is something wrong in the files, and the profile that it is about.
type fileProblem struct {
	credfile.Problem
	profile string
}

// String says what is wrong in one line that begins with the file and the line.
func (p fileProblem) String() string {
	return fmt.Sprintf("%s:%d: %s; %s", p.Path, p.Line, p.Text, p.Remedy)
}

// addWarnings adds what is wrong in the files, each problem once.
func (r *report) addWarnings(profiles []credfile.Profile) {
	known := map[string]bool{}
	for _, text := range r.Warnings {
		known[text] = true
	}
	for i := range profiles {
		profile := &profiles[i]
		for _, w := range profile.Warnings {
			p := fileProblem{w, profile.Name}
			if text := p.String(); !known[text] {
				known[text] = true
				r.Warnings, r.problems = append(r.Warnings, text), append(r.problems, p)
			}
		}
	}
}

// mostLines is how many lines with the same problem are named.
const mostLines = 8

// groupWarnings returns the warnings for people: one for each kind of problem of a file, with
// the profiles and the lines that have it.
func (r *report) groupWarnings() (texts []string) {
	type kind struct{ path, text, remedy string }
	groups := map[kind][]fileProblem{}
	first, known := map[string]kind{}, map[string]bool{}
	of := func(p fileProblem) kind { return kind{p.Path, p.Text, p.Remedy} }
	for _, p := range r.problems {
		if groups[of(p)] == nil {
			first[p.String()] = of(p)
		}
		groups[of(p)], known[p.String()] = append(groups[of(p)], p), true
	}
	for _, text := range r.Warnings {
		k, leads := first[text]
		switch {
		case leads:
			texts = append(texts, describeProblems(groups[k]))
		case !known[text]:
			texts = append(texts, text)
		}
	}
	return texts
}

// describeProblems says what is wrong in several lines of one file.
func describeProblems(all []fileProblem) string {
	var places []string
	for _, p := range all[:min(len(all), mostLines)] {
		places = append(places, ":"+strconv.Itoa(p.Line)+" ("+layout.Cell(p.profile)+")")
	}
	text := all[0].Path + strings.Join(places, ", ")
	if more := len(all) - len(places); more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return text + ": " + all[0].Text + "; " + all[0].Remedy
}
