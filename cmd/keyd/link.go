package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

const linkLong = `Keep the key in other files up to date: when keyd replaces the key of a profile,
it changes these files in the same rotation, after the credentials file, all of
them or none. Only the bytes of the id and the secret change.

A file is linked if it shows the id and the secret of a profile's key, as plain
text, in quotes, escaped, or in base64. keyd tries all of a rotation that could
be refused, and refuses the file now and not then: one that is encrypted, that
is not a regular file, or that can only be written in place.

For the SMTP password of SES, which is derived from the secret, name the region:
keyd link --form "ses-smtp eu-west-1" FILE

The best copy is none: many tools can read the profile instead. Linked files are
[link FILE] sections in keyd.ini.`

const linkExample = `  keyd link ~/.config/rclone/rclone.conf ~/app/.env
  keyd link --form "ses-smtp eu-west-1" ~/app/.env`

func newLinkCommand(a *app) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use:     "link FILE...",
		Short:   "keep the key in other files up to date",
		Long:    linkLong,
		Example: linkExample,
		Args:    limitArgs(1, -1, "one file or more"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.linkFiles(cmd.Context(), args, form)
		},
	}
	cmd.Flags().StringVar(&form, "form", "", "how the key is written in the files, if keyd cannot find out: \"ses-smtp REGION\"")
	return cmd
}

// linkFiles adds files to the linked files.
func (a *app) linkFiles(ctx context.Context, names []string, form string) error {
	parsed, err := forms.ParseForm(form)
	if err != nil {
		return usageError("keyd link -h", "%v", err)
	}
	d, loc, err := a.openDaemon("link")
	if err != nil {
		return err
	}
	var links []settings.Link
	for _, name := range names {
		path, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		links = append(links, settings.Link{Path: path, Form: parsed})
	}
	results, err := d.Link(ctx, links, loc.settingsFile())
	if err != nil {
		text := stripPackages(err.Error())
		if len(names) > 1 {
			text += "; none of the files was linked"
		}
		a.term.printError(text, hint.Hint(err))
		return exitError(errorCode(err))
	}
	open := false
	for _, r := range results {
		said := "linked"
		if r.Before {
			said = "linked already"
		}
		a.term.printParagraph("%s: %s: %s of %s%s", a.term.shortenHome(r.Path), said, credfile.ShortList(r.KeyIDs), joinNames(r.Profiles), describeLinkInRotation(r))
		open = open || r.Rotation != nil && r.Rotation.Held.IsZero()
	}
	if open {
		a.hintDaemon(loc)
	}
	return nil
}

// describeLinkInRotation says what a rotation in progress does with a file that was linked.
func describeLinkInRotation(r rotate.LinkResult) string {
	switch {
	case r.Rotation == nil, r.Rotation.New.ID == "":
		return ""
	case r.Rotation.Held.IsZero():
		return fmt.Sprintf("; a rotation is in progress, and keyd writes %s into it", r.Rotation.New)
	}
	return fmt.Sprintf("; the rotation is held, and keyd writes %s into it once it continues", r.Rotation.New)
}

const unlinkLong = `Leave files alone from now on that were linked with keyd link. The files stay as
they are, with the key that they show, which stops working once keyd has
replaced it.

A rotation in progress continues without the file. It only keeps one that shows its
new key, until it ends: were the rotation given up, that key would be deleted.`

const unlinkExample = `  keyd unlink ~/app/.env`

func newUnlinkCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "unlink FILE...",
		Short:             "leave linked files alone from now on",
		Long:              unlinkLong,
		Example:           unlinkExample,
		Args:              limitArgs(1, -1, "one file or more"),
		ValidArgsFunction: a.completeLinks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.unlinkFiles(cmd.Context(), args)
		},
	}
}

// unlinkFiles takes files out of the linked files.
func (a *app) unlinkFiles(ctx context.Context, names []string) error {
	d, loc, err := a.openDaemon("unlink")
	if err != nil {
		return err
	}
	var paths []string
	for _, name := range names {
		path, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	results, err := d.Unlink(ctx, paths, loc.settingsFile())
	code := exitDone
	for _, r := range results {
		if r.Before && r.Rotation == nil {
			a.term.printError(r.Path+" is not linked", nearestLink(d.Settings, r.Path))
			code = exitFailed
			continue
		}
		said := "unlinked"
		if r.Before && !r.Dropped {
			said = "unlinked already"
		}
		a.term.printParagraph("%s: %s%s", a.term.shortenHome(r.Path), said, describeUnlinkInRotation(r))
	}
	if err == nil && code != exitDone {
		return exitError(code)
	}
	return err
}

// nearestLink asks for the linked file that was probably meant.
func nearestLink(s settings.Settings, path string) string {
	var known []string
	for _, l := range s.Links {
		known = append(known, l.Path)
	}
	switch near := hint.Nearest(path, known); {
	case len(known) == 0:
		return "keyd link -h"
	case near != "":
		return hint.Command("keyd unlink", near)
	}
	return "name a linked file: " + joinNames(known)
}

// describeUnlinkInRotation says what becomes of a file in a rotation in progress.
func describeUnlinkInRotation(r rotate.LinkResult) string {
	switch {
	case r.Rotation == nil:
		return ""
	case r.Dropped:
		return fmt.Sprintf("; the rotation of %s continues without it, and %s stops working where it still stands", joinNames(r.Rotation.Profiles()), r.Rotation.Old)
	}
	return fmt.Sprintf("; it shows %s, and the rotation of %s, which is in progress, still keeps it up to date until it ends", credfile.ShortList(r.KeyIDs), joinNames(r.Rotation.Profiles()))
}

// completeLinks offers the linked files to the shell.
func (a *app) completeLinks(_ *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	loc, err := a.findLocations()
	s, failed := settings.Settings{}, error(nil)
	if err == nil {
		s, failed = loc.settingsFile().Read()
	}
	if errors.Join(err, failed) != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var paths []string
	for _, l := range s.Links {
		paths = append(paths, l.Path)
	}
	return paths, cobra.ShellCompDirectiveNoFileComp
}
