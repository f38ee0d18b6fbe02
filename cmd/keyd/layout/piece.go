package layout

import (
	"slices"
	"strings"
)

// Commands holds the names of keyd's commands, which the program adds before it prints
// anything. Where one of them follows the word keyd, a command to paste begins; any other
// keyd is the name of the program in a sentence.
var Commands = []string{"help", "completion", "COMMAND"}

// Piece is a part of a text for people: a command that can be pasted, or prose.
type Piece struct {
	Text      string
	IsCommand bool
}

// pastedPrograms are the programs other than keyd that hints name, each with what follows it.
var pastedPrograms = []string{"aws ", "sudo ", "chmod ", "chown ", "chattr ", "timedatectl ", "systemctl ", "loginctl "}

// SplitPieces splits a text at the commands in it. Joined, the pieces are the text. A command
// ends where its sentence does; prose that follows without a comma belongs to it.
func SplitPieces(text string) (pieces []Piece) {
	begin := 0 // of the prose
	for i := 0; i < len(text); i++ {
		if i > 0 && text[i-1] != ' ' && text[i-1] != '(' && text[i-1] != '\n' || !StartsCommand(text[i:]) {
			continue
		}
		if begin < i {
			pieces = append(pieces, Piece{text[begin:i], false})
		}
		begin = i + commandLength(text[i:])
		pieces = append(pieces, Piece{text[i:begin], true})
		i = begin
	}
	if begin < len(text) {
		pieces = append(pieces, Piece{text[begin:], false})
	}
	return pieces
}

// StartsCommand reports whether a text begins with a command.
func StartsCommand(text string) bool {
	rest, ok := strings.CutPrefix(text, "keyd ")
	if !ok {
		rest, ok = strings.CutPrefix(text, "keyd-aws ") // what packages call the program
	}
	if ok {
		end := 0
		for end < len(rest) && 'a' <= rest[end] && rest[end] <= 'z' {
			end++
		}
		return slices.Contains(Commands, rest[:end]) && (end == len(rest) || strings.IndexByte(" ;,:)\n", rest[end]) >= 0)
	}
	for _, program := range pastedPrograms {
		if rest, ok := strings.CutPrefix(text, program); ok {
			return rest != "" && (rest[0] == '-' || 'a' <= rest[0] && rest[0] <= 'z' || '0' <= rest[0] && rest[0] <= '9')
		}
	}
	return false
}

// commandLength returns the length of the command at the start of a text: up to a ; or a
// comma, a bracket or a line feed outside quotation marks.
func commandLength(text string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case quoted:
		case text[i] == '\\':
			i++
		case text[i] == '\n', text[i] == ')', strings.HasPrefix(rest, " ("), rest == ".", rest == ";",
			strings.HasPrefix(rest, "; "), strings.HasPrefix(rest, ", "), strings.HasPrefix(rest, ": "), strings.HasPrefix(rest, ". "), strings.HasPrefix(rest, "? "):
			return i
		}
	}
	return len(text)
}

// splitWords splits a text at its blanks, for lines that are broken only between words. A
// command is one word, with the comma behind it.
func splitWords(text string) (words []string) {
	glue := false // the next word belongs to the last one
	for _, p := range SplitPieces(text) {
		parts := []string{p.Text}
		if !p.IsCommand {
			parts = strings.Fields(p.Text)
			glue = glue && !strings.HasPrefix(p.Text, " ")
		}
		for _, part := range parts {
			if glue && len(words) > 0 {
				words[len(words)-1] += part
			} else {
				words = append(words, part)
			}
			glue = false
		}
		glue = p.IsCommand || !strings.HasSuffix(p.Text, " ") && strings.TrimSpace(p.Text) != ""
	}
	return words
}
