package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"keyd/cmd/keyd/layout"
)

// askYesNo asks a question and reports whether the answer is yes. The end of the
// input, or Ctrl-C, means no.
func (t *terminal) askYesNo(ctx context.Context, question string) (bool, error) {
	t.clearLine()
	_, _ = io.WriteString(t.err, layout.Fill("", layout.Escape(t.nameCommands(question))+" [y/N]", layout.Hanging, t.errWidth)+" ")
	line, err := t.readAnswer(ctx, t.err)
	line = strings.ToLower(line)
	return line == "y" || line == "yes", err
}

// canType reports whether a person can type an answer. Standard error may go to a file, since
// the question can go to the terminal itself.
func (t *terminal) canType() bool {
	in, ok := t.in.(*os.File)
	return t.canAsk || ok && term.IsTerminal(int(in.Fd())) && t.screenName() != ""
}

// screenName returns the name of the terminal of this process, wherever its output goes; ""
// if it has no terminal, or nothing tells which.
func (t *terminal) screenName() string {
	const name = "/dev/tty"
	if f, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
		_ = f.Close()
		return name
	}
	return ""
}

// askLine asks for one line, which it returns without blanks around it: "" at the end of
// the input. What is typed is shown.
func (t *terminal) askLine(ctx context.Context, question string) (string, error) {
	t.clearLine()
	out := t.err
	if !t.canAsk {
		screen, err := os.OpenFile(t.screenName(), os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		defer screen.Close()
		out = screen
	}
	_, _ = io.WriteString(out, layout.Escape(question))
	return t.readAnswer(ctx, out)
}

// readAnswer returns the line that a person types, without blanks around it, or "" with the
// cause of the end of ctx. out shows the question.
func (t *terminal) readAnswer(ctx context.Context, out io.Writer) (string, error) {
	answer := make(chan string, 1)
	go func() { // a read from a terminal cannot be cancelled: it ends with the process
		line, _ := t.lines().ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line, nil
	case <-ctx.Done():
		_, _ = io.WriteString(out, "\n")
		return "", context.Cause(ctx)
	}
}

// lines returns the one reader of the lines that a person types: what it has read ahead
// belongs to the next question.
func (t *terminal) lines() *bufio.Reader {
	if t.reader == nil {
		t.reader = bufio.NewReader(t.in)
	}
	return t.reader
}

// requireYes asks a question unless the command line says yes already. It returns
// an error if the answer is no. Without a terminal to ask on, it returns a usage
// error, so that no script continues by accident.
func (t *terminal) requireYes(ctx context.Context, yes bool, question string) error {
	switch {
	case yes:
		return nil
	case !t.canAsk:
		return usageError("add --yes to agree", "this is not a terminal, so keyd cannot ask: %s", question)
	}
	ok, err := t.askYesNo(ctx, question)
	if err == nil && !ok {
		t.printNote("cancelled: nothing was done")
		return exitError(exitFailed)
	}
	return err
}
