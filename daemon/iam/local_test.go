package iam

import (
	"testing"

	"keyd/daemon/iam/remote"
)

func TestOnThisMachine(t *testing.T) {
	const here, there = "http://localhost:4566", "https://aws.example.com"
	for e, want := range map[[2]string]bool{
		{here, here}: true, {"", "http://[::1]:5000"}: true, {here, "https://sts.amazonaws.com"}: true,
		{"", ""}: false, {there, there}: false, {here, there}: false, {"https://iam.amazonaws.com", ""}: false, {"https://localhost.example.com", ""}: false,
	} {
		if got := OnThisMachine(remote.Endpoints{IAMURL: e[0], STSURL: e[1]}); got != want {
			t.Errorf("%v: %t", e, got)
		}
	}
}
