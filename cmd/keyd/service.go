package main

import (
	"github.com/spf13/cobra"

	"keyd/install"
)

func newStart(u *ui) *cobra.Command {
	return u.control("start", "start the service", "keyd runs", (*install.Service).Start)
}

func newStop(u *ui) *cobra.Command {
	return u.control("stop", "stop the service until the next login", "keyd is stopped until the next login, or keyd start", (*install.Service).Stop)
}

func newRestart(u *ui) *cobra.Command {
	return u.control("restart", "stop and start the service", "keyd runs again", (*install.Service).Restart)
}

// control is a command that tells the service manager one word.
func (u *ui) control(word, short, done string, do func(*install.Service) error) *cobra.Command {
	return &cobra.Command{
		Use:   word,
		Short: short,
		Args:  takes(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			s, err := u.find()
			if err != nil {
				return err
			}
			service, err := u.service(s)
			if err != nil {
				return err
			}
			if err := do(service); err != nil {
				return err
			}
			u.printf("%s\n", done)
			return nil
		},
	}
}
