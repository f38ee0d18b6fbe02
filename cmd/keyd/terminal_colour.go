package main

// wantsColour reports whether to print in colours: on a screen, unless the person has asked
// for something else in one of the ways that programs have in common. NO_COLOR outranks the
// others, and CLICOLOR_FORCE means also into a pipe.
// Source: no-color.org, bixense.com/clicolors.
func wantsColour(getenv func(string) string, screen bool) bool {
	force := getenv("CLICOLOR_FORCE")
	switch {
	case getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return screen && getenv("CLICOLOR") != "0"
}

func plainText(text string) string { return text }

func (t *terminal) red(text string) string    { return t.paint("31", text) }
func (t *terminal) yellow(text string) string { return t.paint("33", text) }
func (t *terminal) green(text string) string  { return t.paint("32", text) }
func (t *terminal) bold(text string) string   { return t.paint("1", text) }
func (t *terminal) dim(text string) string    { return t.paint("2", text) }

func (t *terminal) paint(code, text string) string {
	if !t.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
