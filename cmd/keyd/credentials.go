package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
)

// handoutLife is the time for which keyd credentials says that a pair is valid, and so the
// longest time for which a program that runs keeps using an old pair after a swap. Each SDK
// asks again earlier, by a margin of its own; these are the longest times after a swap until
// a program that makes calls has the new pair:
//
//	botocore, AWS CLI   5 min; 10 min in threads that do not ask themselves
//	                    (credentials.py, _DEFAULT_ADVISORY_REFRESH_TIMEOUT 15 min, _MANDATORY_ 10 min)
//	.NET                5 min (ProcessAWSCredentials, PreemptExpiryTime 15 min)
//	JavaScript v3      15 min (@smithy/core, memoizeIdentityProvider, EXPIRATION_MS 5 min)
//	Ruby               15 min (refreshing_credentials.rb, 300 s)
//	minio-go           16 min (credentials.go, defaultExpiryWindow 0.8), read in the credentials file only
//	Java v2            19 min 45 s (ProcessCredentialsProvider, credentialRefreshThreshold 15 s)
//	Rust               19 min 50 s (aws-smithy-runtime, DEFAULT_BUFFER_TIME 10 s)
//	Go v2              20 min (config, resolve_credentials.go: aws.CredentialsCache without an ExpiryWindow)
//	C++                20 min (ProcessCredentialsProvider, IsExpiredOrEmpty), read in the config file only
//
// It must be longer than the longest margin, or that SDK would ask before each call. It is
// not the life of the key: the old key works for the whole overlap, so nothing fails meanwhile.
const handoutLife = 20 * time.Minute

const credentialsLong = `Print the pair of a profile for credential_process, which every AWS SDK understands:

    [profile work]
    credential_process = /usr/local/bin/keyd credentials work-key

A program that reads the pair from the file keeps it until it is restarted. This
command hands out the same pair and says that it is valid for 20 minutes, so a
program that runs asks again, and follows a rotation without a restart.

It reads the files and prints. It makes no call to AWS, writes nothing, and prints
to a pipe only, because what it prints is the secret.

Programs prefer a pair in the file to credential_process in the same profile, so the
pair needs a section of its own. --setup shows that change, and --write makes it:
whole lines are added to the credentials file, in one step, and no other byte moves.
keyd rotates the key there as before. --undo shows the change back.`

const credentialsExample = `  keyd credentials --setup work           show what would change
  keyd credentials --setup --write work   change it
  keyd credentials --undo work            show the way back`

func newCredentialsCommand(a *app) *cobra.Command {
	var want setup
	cmd := &cobra.Command{
		Use:               "credentials PROFILE",
		Short:             "hand out a key to programs, so that they follow a rotation",
		Long:              credentialsLong,
		Example:           credentialsExample,
		Args:              limitArgs(1, 1, "one profile"),
		ValidArgsFunction: a.completeProfiles(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case want.on && want.undo:
				return usageError("keyd credentials --setup "+args[0], "--setup and --undo exclude each other")
			case !want.on && !want.undo && (want.write || want.as != ""), want.undo && want.as != "":
				return usageError("keyd help credentials", "--write goes with --setup or --undo, and --as with --setup")
			case want.on || want.undo:
				return a.arrange(cmd.Context(), args[0], want)
			}
			return a.handOut(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVar(&want.on, "setup", false, "show the change after which programs ask keyd for the key of PROFILE")
	cmd.Flags().BoolVar(&want.undo, "undo", false, "show the change back")
	cmd.Flags().BoolVar(&want.write, "write", false, "make the change")
	cmd.Flags().StringVar(&want.as, "as", "", "the name of the profile that gets the pair; PROFILE-key if it is not given")
	return cmd
}

// handOut prints the pair of a profile. It writes nothing else to standard output, and
// nothing at all when it returns an error: SDKs then show what is on standard error.
func (a *app) handOut(ctx context.Context, profile string) error {
	if err := a.term.refuseSecrets(); err != nil {
		return err
	}
	loc, err := a.findLocations()
	if err != nil {
		return err
	}
	key, err := loc.findHandout(ctx, profile)
	if err != nil {
		return err
	}
	if err := loc.refuseTorn(ctx, profile, key); err != nil {
		return err
	}
	return a.term.printSecrets(formatHandout(key, a.now()))
}

// findHandout returns the pair that a profile shows.
func (loc locations) findHandout(ctx context.Context, profile string) (credfile.Key, error) {
	snapshot, err := loc.store.ReadShowing(ctx, profile)
	if errors.Is(err, context.DeadlineExceeded) {
		return credfile.Key{}, hintedError("try again in a moment", "%s is empty or is being written: no key was handed out", loc.store.Paths.Credentials)
	}
	if err != nil {
		return credfile.Key{}, err
	}
	p, ok := snapshot.FindProfile(profile)
	switch {
	case !ok:
		names := profileNames(snapshot.Profiles)
		slices.Sort(names)
		return credfile.Key{}, &rotate.UnknownProfileError{Name: profile, Known: slices.Compact(names), Paths: loc.store.Paths}
	case p.HandsOut():
		return p.Key, nil
	case p.Skip.IsUnreadable():
		return credfile.Key{}, hintedError(p.Remedy, "profile %s: %s:%d: %s: no key was handed out", profile, p.Path, p.Line, p.Why)
	}
	return credfile.Key{}, hintedError("name the profile that holds the key: keyd status", "profile %s holds no key that could be handed out: %s", profile, p.Why)
}

// refuseTorn refuses a pair with some bytes of the old key and some of the new one, which
// a power failure in the middle of a swap may have left. AWS would refuse it, and a program
// would keep it long after keyd has mended the file. Only the journal can tell; without one,
// no swap was in progress. An unreadable journal is for keyd status to report.
func (loc locations) refuseTorn(ctx context.Context, profile string, key credfile.Key) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	rotations, _ := loc.openJournal().Load(ctx)
	if slices.ContainsFunc(rotations, func(r *journal.Rotation) bool { return key.IsMixtureOf(r.Old, r.New) }) {
		return hintedError(hint.Command("keyd rotate", profile), "profile %s holds half of the old key and half of the new one, as after a power failure: no key was handed out; keyd repairs it", profile)
	}
	return nil
}

// formatHandout returns a pair in the form that AWS defines for credential_process, with
// its end cut to whole seconds, so that no program keeps it for longer.
// Source: AWS SDKs and Tools reference guide, "Process credential provider".
func formatHandout(key credfile.Key, now time.Time) string {
	data, err := json.Marshal(struct {
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Expiration      string
	}{1, key.ID, key.Secret.Reveal(), now.UTC().Add(handoutLife).Truncate(time.Second).Format(time.RFC3339)})
	if err != nil {
		panic(fmt.Sprintf("keyd: %v", err)) // strings and a number can be marshalled
	}
	return string(data) + "\n"
}
