package iam_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// TestEchoedTokenIsNotKept: some services explain a wrong signature with all that was signed,
// the token of a session among it. What a proxy does to a header leads to such an answer.
func TestEchoedTokenIsNotKept(t *testing.T) {
	token := strings.Repeat("FwoGZXIvYXdzEXAMPLE/", 10) + "=="
	echo := func(r *http.Request) (*http.Response, error) {
		said := "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:" + r.Header.Get("X-Amz-Security-Token") + "\n\nhost;x-amz-security-token'"
		return body(http.StatusForbidden, fmt.Sprintf("<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>%s</Message></Error></ErrorResponse>", said))(r)
	}
	client, err := iam.New(oldKey(), aws(), iam.Options{HTTP: answers(echo)})
	if err != nil {
		t.Fatal(err)
	}
	session := iam.Session{Key: credfile.Key{ID: "ASIAY34FZKBOKMUTVV7A", Secret: credfile.NewSecret(newSecret)}, Token: credfile.NewSecret(token), Expires: time.Now().Add(time.Hour)}
	_, err = client.WithSession(session).ListKeys(t.Context(), user)
	if iam.ClassOf(err) != iam.BadSecret || strings.Contains(fmt.Sprintf("%v %+v", err, err), token[:20]) {
		t.Errorf("the error is %v", err)
	}
}
