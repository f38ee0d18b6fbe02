package daemon

import (
	"context"
	"sync"
	"time"

	"keyd/daemon/notify"
	"keyd/daemon/rotate"
)

// Codes gives MFA codes: the one of the command line first, then those of mfa_process, and
// at last those of a person. The zero Codes asks mfa_process alone, as the service does. A
// code is kept nowhere.
type Codes struct {
	// Given is the code of the command line, "" for none. It is given once.
	Given string
	// Prompt asks a person; nil when nobody is there. problem is what went wrong before, ""
	// at first. An empty answer means that the person has no code.
	Prompt func(ctx context.Context, q rotate.CodeQuestion, problem string) (string, error)

	mu        sync.Mutex // held while spent is read or written
	spent     bool       // Given was given
	prompting sync.Mutex // held while a person is asked: one question at a time on a terminal
}

// mostPrompts is how often a person is asked for one session.
const mostPrompts = 3

// codePeriod is how long a device shows a code. Source: RFC 6238, 5.2.
const codePeriod = 30 * time.Second

// CanAsk implements rotate.CodeSource.
func (c *Codes) CanAsk(process string) (can, atHand bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	atHand = c.Given != "" && !c.spent
	return atHand || process != "" || c.Prompt != nil, atHand
}

// Ask implements rotate.CodeSource. After a refusal, mfa_process is asked once more, when
// its device shows another code, and a person twice more.
func (c *Codes) Ask(ctx context.Context, q rotate.CodeQuestion) (string, error) {
	if code := c.takeGiven(); code != "" {
		return code, nil
	}
	problem := ""
	if q.Refused > 0 {
		problem = "AWS refused that code: each works once, for half a minute; wait for the next one"
	}
	if q.Process != "" && q.Refused < 2 {
		code, err := c.run(ctx, q)
		if err == nil || c.Prompt == nil || ctx.Err() != nil {
			return code, err
		}
		problem = err.Error()
	}
	switch {
	case c.Prompt == nil || q.Refused >= mostPrompts:
		return "", rotate.ErrNoCode
	case q.Process != "" && q.Refused == 2:
		problem = "AWS refused two codes of mfa_process"
	}
	c.prompting.Lock()
	defer c.prompting.Unlock()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	code, err := c.Prompt(ctx, q, problem)
	if err == nil && code == "" {
		err = rotate.ErrNoCode
	}
	return code, err
}

// takeGiven returns the code of the command line, the first time.
func (c *Codes) takeGiven() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spent {
		return ""
	}
	c.spent = true
	return c.Given
}

// run runs mfa_process. After a refusal it waits until the device shows another code.
func (c *Codes) run(ctx context.Context, q rotate.CodeQuestion) (string, error) {
	if q.Refused > 0 {
		timer := time.NewTimer(codePeriod)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	return notify.ReadCode(ctx, q.Process, notify.CodeLimit)
}
