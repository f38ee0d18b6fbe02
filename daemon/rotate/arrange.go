package rotate

import (
	"context"
	"fmt"

	"keyd/daemon/decide"
)

// Arrange runs change, which moves the pair of a profile to another section of its file,
// while no pass can run and the files are as a pass would find them. It refuses while a
// rotation of the key is in progress, whose journal names the sections: the rotation would
// not find the pair where it put it.
func (d *Rotator) Arrange(ctx context.Context, profile string, change func(context.Context) error) error {
	w, leave, err := d.openWorld(ctx, decide.Options{Manual: true}, []string{profile}, holdLockWait, true)
	if err != nil {
		return err
	}
	defer leave()
	if err := w.unreadError(profile); err != nil {
		return err
	}
	if t := w.findTarget(profile, func(t *target) bool { return t.facts.Rotation != nil }); t != nil {
		return &rotatingError{profile}
	}
	return change(ctx)
}

// rotatingError reports that the key of a profile is being rotated.
type rotatingError struct{ profile string }

func (e *rotatingError) Error() string {
	return fmt.Sprintf("a rotation of %s is in progress: the files were left as they are", e.profile)
}

// Hint says when it can be done.
func (e *rotatingError) Hint() string {
	return "try again when keyd status shows no rotation of it any more"
}
