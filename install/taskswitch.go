package install

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"sync"
)

// enable switches the task on or off. Some machines refuse /change to everyone but
// administrators; there, enable registers the task once more.
func (t *task) enable(on bool) error {
	if !t.isRegistered() {
		return nil // the Run key starts the daemon only at logon
	}
	definition, _ := os.ReadFile(t.definitionPath())
	if definition != nil && isDisabled(definition) != on {
		return nil
	}
	err := t.schtasks("/change", "/tn", t.taskName(), map[bool]string{true: "/enable", false: "/disable"}[on])
	if err == nil {
		return nil
	}
	switched, ok := switchTask(definition, on)
	if !ok {
		return err
	}
	if again := t.registerTask(switched); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// taskSwitch finds the switch of a whole task in its definition. The triggers, which
// come earlier, have switches of their own.
var taskSwitch = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)(<Settings>.*?<Enabled>)(true|false)(</Enabled>.*?</Settings>)`)
})

// isDisabled reports whether a definition is one of a task that is switched off.
func isDisabled(definition []byte) bool {
	found := taskSwitch().FindStringSubmatch(decodeUTF16(definition))
	return found != nil && found[2] == "false"
}

// switchTask returns the definition of a task that is switched on or off. ok is false
// when the definition has no switch.
func switchTask(definition []byte, on bool) (switched []byte, ok bool) {
	text := decodeUTF16(definition)
	if !taskSwitch().MatchString(text) {
		return nil, false
	}
	return encodeUTF16(taskSwitch().ReplaceAllString(text, "${1}"+strconv.FormatBool(on)+"${3}")), true
}
