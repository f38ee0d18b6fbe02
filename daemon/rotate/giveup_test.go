package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestGivingUpDeletesAtOriginalEndpoint: the profile that named the endpoint is gone.
// The new key is deleted at the AWS that created it, not at one that does not know it.
func TestGivingUpDeletesAtOriginalEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		own := "region = eu-west-1\nendpoint_url = https://aws.example.com\nservices = own\n"
		l.WriteFile("config", "[default]\n"+own+"[profile work]\n"+own+"[services own]\niam =\n  endpoint_url = https://aws.example.com\n")
		l.Pass(rotate.Request{})
		l.Rotator.HTTP, l.Rotator.OnEvent = gate{Doer: l.Cloud, host: "iam.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}, nil
		l.WriteFile("credentials", "[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
		if r, err := l.Rotator.Resume(t.Context(), "default"); err != nil || len(l.Cloud.Keys(l.User)) != 1 {
			t.Errorf("%s: %s, %v; AWS has %v", r.State, r.Why, err, l.Cloud.Keys(l.User))
		}
	})
}

// TestRotationEndsWhenNewKeyIsGone: the person has put another key into the file and
// resumed the rotation. The new key, the only one that keyd could still sign with, is gone:
// it was deleted in the console, or by a pass that was killed before it could record that.
func TestRotationEndsWhenNewKeyIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{})
		time.Sleep(time.Minute)
		id, secret := awssim.New(awssim.Options{Seed: 9}).AddUser(lab.Account, "/", "other").AddKey(settings.Day)
		l.WriteFile("credentials", "[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
		if err := l.User.DeleteKey(loadRotation(t, l.Rotator).New.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			time.Sleep(3 * time.Hour)
			if _, err := l.Rotator.Pass(t.Context(), rotate.Request{}); err != nil {
				t.Fatal(err)
			}
		}
		if left, errs := l.Rotator.JournalDir().Load(t.Context()); len(left) > 0 || len(errs) > 0 {
			t.Errorf("the rotation never ends: %v %v", left, errs)
		}
	})
}
