package main

import (
	"context"
	"slices"
	"strings"

	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

// suggestedUser stands for the name that hint.SuggestUserName suggests.
const suggestedUser = "USER-2"

// isUserName reports whether IAM allows a name for a user.
// Source: IAM API reference, CreateUser.
func isUserName(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"
	return name != "" && len(name) <= 64 && strings.Trim(name, allowed) == ""
}

// printSecondUser prints how an administrator makes a second user like the one who owns the
// key of a profile, for another machine that shares it.
func (a *app) printSecondUser(ctx context.Context, name string, o policyOptions) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	profile, err := loc.findProfile(ctx, name)
	if err != nil {
		return err
	}
	status, err := state.LoadStatusAndMemory(loc.folders.StateDir)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(status.Keys, func(l state.KeyStatus) bool {
		return l.KeyID != "" && l.KeyID == profile.Key.ID && l.Seen != nil && l.Seen.User != ""
	})
	if i < 0 {
		return hintedError("let keyd ask AWS first: keyd doctor", "it is not known yet which user owns the key of profile %s", name)
	}
	line := status.Keys[i]
	u := hint.SecondUser{User: line.Seen.User, Path: userPath(line.Seen.ARN), Account: line.Seen.Account, New: o.secondUser, Endpoint: rotate.CustomIAM(profile, a.getenv), Profile: name, OwnKey: line.KeyID}
	if u.New == suggestedUser {
		u.New = hint.SuggestUserName(u.User)
	}
	if !isUserName(u.New) || u.New == u.User {
		return usageError("give another name, or none: "+hint.Command("keyd policy --second-user", name), "%q cannot be the name of the second user: IAM allows up to 64 letters, digits and + = , . @ _ -", u.New)
	}
	if other, own := line.Seen.FindOther(line.KeyID), line.Seen.FindKey(line.KeyID); other != nil {
		u.OtherKey, u.Moves = other.ID, own != nil && other.Created.After(own.Created)
	}
	if u.Policy, err = rotate.Policy(profile, status, a.getenv, !o.required, o.mfa); err != nil {
		return err
	}
	if o.terraform {
		a.term.print(u.Terraform())
	} else {
		a.term.print(u.Shell())
	}
	return nil
}

// userPath returns the path of the user with this ARN, which ends with a slash.
func userPath(arn string) string {
	_, path, _ := strings.Cut(arn, ":user")
	if i := strings.LastIndex(path, "/"); i >= 0 {
		return path[:i+1]
	}
	return "/"
}
