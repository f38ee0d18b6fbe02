package awssim_test

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// clause is one observable property of IAM or STS. holds returns an error that says
// what it saw instead. Afterwards clean deletes every key but the first.
type clause struct {
	name  string
	holds func(*world) error
}

const (
	invalidToken = "The security token included in the request is invalid."
	badSignature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	noKey        = "AKIAIOSFODNN7EXAMPLE" // of AWS's documentation
)

// clauses returns the contract. KEYD_CONTRACT_EXCEPT takes their names.
func clauses() []clause {
	return slices.Concat(keyClauses(), changeClauses(), stateClauses(), requestClauses(), signatureClauses(), formClauses(), userClauses())
}

func keyClauses() []clause {
	return []clause{
		{"create gives a whole pair", func(w *world) error {
			k := w.call("CreateAccessKey").Key
			return all(w.matches(`^AKIA[A-Z2-7]{16}$`, k.AccessKeyId), w.matches(`^[A-Za-z0-9+/]{40}$`, k.SecretAccessKey),
				w.matches(`^Active$`, k.Status), w.matches("^"+regexp.QuoteMeta(w.name)+"$", k.UserName), w.matches(`^20\d\d-.*Z$`, k.CreateDate))
		}},
		{"key ids carry the account", func(w *world) error {
			b, err := base32.StdEncoding.DecodeString(w.call("CreateAccessKey").Key.AccessKeyId[4:])
			if err != nil {
				return err
			}
			n := binary.BigEndian.Uint64(b[:8]) >> 16 & 0x7fffffffff80 >> 7
			return w.matches("^"+w.call("GetCallerIdentity").Identity.Account+"$", fmt.Sprintf("%012d", n))
		}},
		{"list shows what was created", func(w *world) error {
			k := w.second()
			r := w.call("ListAccessKeys", "UserName", w.name)
			if len(r.Keys) != 2 || !slices.ContainsFunc(r.Keys, func(l listedKey) bool { return l.AccessKeyId == k.id && l.Status == "Active" }) {
				return fmt.Errorf("listed %+v", r.Keys)
			}
			return nil
		}},
		{"list says that it is not truncated", func(w *world) error {
			return w.matches("^false$", w.call("ListAccessKeys").Truncated)
		}},
		{"list gives pages", func(w *world) error {
			w.second()
			one := w.call("ListAccessKeys", "MaxItems", "1")
			two := w.call("ListAccessKeys", "MaxItems", "1", "Marker", one.Marker)
			if len(one.Keys) != 1 || one.Truncated != "true" || len(two.Keys) != 1 || two.Truncated != "false" || one.Keys[0] == two.Keys[0] {
				return fmt.Errorf("pages %+v %s, %+v %s", one.Keys, one.Truncated, two.Keys, two.Truncated)
			}
			return nil
		}},
		{"list refuses a page size of zero", func(w *world) error {
			return refused(w.call("ListAccessKeys", "MaxItems", "0"), 400, "ValidationError", "")
		}},
		{"dates are whole seconds", func(w *world) error {
			return all(w.matches(`T\d\d:\d\d:\d\dZ$`, w.call("CreateAccessKey").Key.CreateDate),
				w.matches(`T\d\d:\d\d:\d\dZ$`, w.call("ListAccessKeys").Keys[0].CreateDate))
		}},
		{"a third key is over the quota", func(w *world) error {
			w.second()
			return refused(w.call("CreateAccessKey"), 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
		}},
		{"inactive keys count in the quota", func(w *world) error {
			w.call("UpdateAccessKey", "AccessKeyId", w.second().id, "Status", "Inactive")
			return refused(w.call("CreateAccessKey"), 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
		}},
	}
}

func changeClauses() []clause {
	return []clause{
		{"update and delete return nothing", func(w *world) error {
			k := w.second()
			for _, r := range []reply{w.call("UpdateAccessKey", "AccessKeyId", k.id, "Status", "Inactive"), w.call("DeleteAccessKey", "AccessKeyId", k.id)} {
				if r.status != 200 || strings.Contains(r.body, "Result>") || !strings.Contains(r.body, "RequestId>") {
					return fmt.Errorf("answer %d %s", r.status, r.body)
				}
			}
			return nil
		}},
		{"a second delete finds nothing", func(w *world) error {
			k := w.second()
			w.call("DeleteAccessKey", "AccessKeyId", k.id)
			return refused(w.call("DeleteAccessKey", "AccessKeyId", k.id), 404, "NoSuchEntity", "The Access Key with id "+k.id+" cannot be found.")
		}},
		{"update finds no unknown key", func(w *world) error {
			return refused(w.call("UpdateAccessKey", "AccessKeyId", noKey, "Status", "Active"), 404, "NoSuchEntity", "The Access Key with id "+noKey+" cannot be found.")
		}},
		{"another user's key cannot be updated", func(w *world) error {
			return refused(w.call("UpdateAccessKey", "AccessKeyId", w.other, "Status", "Active"), 404, "NoSuchEntity", "The Access Key with id "+w.other+" cannot be found.")
		}},
		{"another user's key cannot be deleted", func(w *world) error {
			// The call names its own user. An endpoint that finds another user's
			// key by id alone would otherwise delete it, and the following
			// clauses need it.
			return refused(w.call("DeleteAccessKey", "UserName", w.name, "AccessKeyId", w.other), 404, "NoSuchEntity", "The Access Key with id "+w.other+" cannot be found.")
		}},
	}
}

func stateClauses() []clause {
	return []clause{
		{"sts refuses an inactive key", func(w *world) error {
			k := w.second()
			w.call("UpdateAccessKey", "AccessKeyId", k.id, "Status", "Inactive")
			return w.soon(func() error {
				return refused(w.with(k, "GetCallerIdentity"), 403, "InvalidClientTokenId", invalidToken)
			})
		}},
		{"iam refuses an inactive key", func(w *world) error {
			k := w.second()
			w.call("UpdateAccessKey", "AccessKeyId", k.id, "Status", "Inactive")
			return w.soon(func() error { return refused(w.with(k, "ListAccessKeys"), 403, "InvalidClientTokenId", invalidToken) })
		}},
		{"an inactive key cannot revive itself", func(w *world) error {
			k := w.second()
			w.call("UpdateAccessKey", "AccessKeyId", k.id, "Status", "Inactive")
			return w.soon(func() error {
				return refused(w.with(k, "UpdateAccessKey", "AccessKeyId", k.id, "Status", "Active"), 403, "InvalidClientTokenId", invalidToken)
			})
		}},
		{"a revived key works", func(w *world) error {
			k := w.second()
			w.call("UpdateAccessKey", "AccessKeyId", k.id, "Status", "Inactive")
			w.call("UpdateAccessKey", "AccessKeyId", k.id, "Status", "Active")
			return w.soon(func() error { return accepted(w.with(k, "GetCallerIdentity")) })
		}},
		{"a key may be set to the status it has", func(w *world) error {
			return accepted(w.call("UpdateAccessKey", "AccessKeyId", w.key.id, "Status", "Active"))
		}},
		{"a key may delete itself", func(w *world) error {
			k := w.second()
			if err := accepted(w.with(k, "DeleteAccessKey", "AccessKeyId", k.id)); err != nil {
				return err
			}
			return w.soon(func() error {
				return refused(w.with(k, "GetCallerIdentity"), 403, "InvalidClientTokenId", invalidToken)
			})
		}},
		{"sts refuses a deleted key", func(w *world) error {
			k := w.second()
			w.call("DeleteAccessKey", "AccessKeyId", k.id)
			return w.soon(func() error {
				return refused(w.with(k, "GetCallerIdentity"), 403, "InvalidClientTokenId", invalidToken)
			})
		}},
		{"an unused key has no date of use", func(w *world) error {
			k := w.call("CreateAccessKey").Key
			u := w.call("GetAccessKeyLastUsed", "AccessKeyId", k.AccessKeyId).Used
			if u.Date != nil || u.Service != "N/A" || u.Region != "N/A" || u.UserName != w.name {
				return fmt.Errorf("used %+v", u)
			}
			return nil
		}},
		{"last used of an unknown key is denied", func(w *world) error {
			return refused(w.call("GetAccessKeyLastUsed", "AccessKeyId", noKey), 403, "AccessDenied",
				"User: "+w.call("GetCallerIdentity").Identity.Arn+" is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key "+noKey)
		}},
	}
}

func requestClauses() []clause {
	return []clause{
		{"an unknown status is refused", func(w *world) error {
			return refused(w.call("UpdateAccessKey", "AccessKeyId", w.key.id, "Status", "Dormant"), 400, "ValidationError", "")
		}},
		{"the status Expired is refused", func(w *world) error {
			return refused(w.call("UpdateAccessKey", "AccessKeyId", w.second().id, "Status", "Expired"), 400, "ValidationError", "")
		}},
		{"a key id is required", func(w *world) error {
			return refused(w.call("DeleteAccessKey"), 400, "ValidationError", "")
		}},
		{"a short key id is refused", func(w *world) error {
			return refused(w.call("DeleteAccessKey", "AccessKeyId", "AKIA"), 400, "ValidationError", "")
		}},
		{"an unknown user is not found", func(w *world) error {
			return refused(w.call("ListAccessKeys", "UserName", "keyd-nobody"), 404, "NoSuchEntity", "The user with name keyd-nobody cannot be found.")
		}},
		{"an unknown action is refused", func(w *world) error {
			return refused(w.call("Nope"), 400, "InvalidAction", "Could not find operation Nope for version 2010-05-08")
		}},
		{"a presigned GET is accepted", func(w *world) error {
			c := w.key
			c.presign = true
			return accepted(w.with(c, "GetCallerIdentity"))
		}},
	}
}

func signatureClauses() []clause {
	shifted := func(w *world, d time.Duration) reply {
		c := w.key
		c.now = func() time.Time { return time.Now().Add(d) }
		return w.with(c, "GetCallerIdentity")
	}
	edited := func(w *world, edit func(*http.Request)) reply {
		c := w.key
		c.edit = edit
		return w.with(c, "GetCallerIdentity")
	}
	return []clause{
		{"a wrong secret does not match", func(w *world) error {
			return refused(w.with(w.key.with(w.key.id, strings.Repeat("x", 40)), "GetCallerIdentity"), 403, "SignatureDoesNotMatch", badSignature)
		}},
		{"an unknown key is invalid", func(w *world) error {
			return refused(w.with(w.key.with(noKey, w.key.secret), "GetCallerIdentity"), 403, "InvalidClientTokenId", invalidToken)
		}},
		{"an unsigned request is refused", func(w *world) error {
			return refused(w.with(w.key.with("", ""), "GetCallerIdentity"), 403, "MissingAuthenticationToken", "")
		}},
		{"a token with a long-term key is invalid", func(w *world) error {
			c := w.key
			c.token = "FwoGZXIvYXdzEXAMPLE"
			return refused(w.with(c, "GetCallerIdentity"), 403, "InvalidClientTokenId", invalidToken)
		}},
		{"a date ten minutes off is accepted", func(w *world) error {
			return all(accepted(shifted(w, -10*time.Minute)), accepted(shifted(w, 10*time.Minute)))
		}},
		{"an old signature is expired", func(w *world) error {
			r := shifted(w, -20*time.Minute)
			return all(refused(r, 403, "SignatureDoesNotMatch", ""),
				w.matches(`^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)$`, r.Message))
		}},
		{"a signature of the future is not yet current", func(w *world) error {
			r := shifted(w, 20*time.Minute)
			return all(refused(r, 403, "SignatureDoesNotMatch", ""),
				w.matches(`^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)$`, r.Message))
		}},
		{"iam has one region", func(w *world) error {
			return refused(w.with(w.key.in("eu-west-1"), "ListAccessKeys"), 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
		}},
		{"the scope names the service", func(w *world) error {
			c := w.key
			c.service = "sts"
			return refused(w.with(c, "ListAccessKeys"), 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'iam'.")
		}},
		{"a changed header does not match", func(w *world) error {
			return refused(edited(w, func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }), 403, "SignatureDoesNotMatch", badSignature)
		}},
		{"half a credential is incomplete", func(w *world) error {
			return refused(edited(w, func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/aws4_request", "", 1))
			}), 400, "IncompleteSignature", "")
		}},
		{"a missing signature is incomplete", func(w *world) error {
			return refused(edited(w, func(r *http.Request) {
				h, _, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
				r.Header.Set("Authorization", h)
			}), 400, "IncompleteSignature", "")
		}},
	}
}

func formClauses() []clause {
	const uuid = `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`
	return []clause{
		{"an error has AWS's envelope", func(w *world) error {
			r := w.call("DeleteAccessKey", "AccessKeyId", noKey)
			return all(w.matches(`^(<\?xml[^>]*>)?\s*<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`, r.body),
				w.matches("^Sender$", r.Type), w.matches(uuid, r.RequestID))
		}},
		{"a success has AWS's envelope", func(w *world) error {
			return w.matches(`^(<\?xml[^>]*>)?\s*<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\s*<GetCallerIdentityResult>`,
				w.call("GetCallerIdentity").body)
		}},
		{"an answer has a date and a request id", func(w *world) error {
			r := w.call("GetCallerIdentity")
			at, err := http.ParseTime(r.header.Get("Date"))
			if err != nil || time.Since(at).Abs() > 5*time.Minute {
				return fmt.Errorf("date %q: %w", r.header.Get("Date"), err)
			}
			return all(w.matches(uuid, r.header.Get("X-Amzn-RequestId")), w.matches(`^text/xml`, r.header.Get("Content-Type")))
		}},
	}
}

func userClauses() []clause {
	return []clause{
		{"the identity is the user", func(w *world) error {
			i := w.call("GetCallerIdentity").Identity
			return all(w.matches(`^arn:aws[a-z-]*:iam::\d{12}:user/.*`+regexp.QuoteMeta(w.name)+"$", i.Arn),
				w.matches(`^\d{12}$`, i.Account), w.matches(`^AIDA[A-Z2-7]{16,17}$`, i.UserId))
		}},
		{"get user gives the same identity", func(w *world) error {
			arn := w.call("GetCallerIdentity").Identity.Arn
			return w.matches("<Arn>"+regexp.QuoteMeta(arn)+"</Arn>", w.call("GetUser").body)
		}},
		{"tags can be set and removed", func(w *world) error {
			set := w.call("TagUser", "UserName", w.name, "Tags.member.1.Key", "keyd-contract", "Tags.member.1.Value", "a laptop")
			shown := w.call("ListUserTags", "UserName", w.name).body
			unset := w.call("UntagUser", "UserName", w.name, "TagKeys.member.1", "keyd-contract")
			gone := w.call("ListUserTags", "UserName", w.name).body
			if strings.Contains(gone, "keyd-contract") {
				return fmt.Errorf("the tag is still there: %s", gone)
			}
			return all(accepted(set), accepted(unset), w.matches("<Value>a laptop</Value>", shown))
		}},
		{"tagging needs a user's name", func(w *world) error {
			return refused(w.call("TagUser", "Tags.member.1.Key", "keyd-contract", "Tags.member.1.Value", "x"), 400, "ValidationError", "")
		}},
		{"iam refuses a session without mfa", func(w *world) error {
			s := w.call("GetSessionToken", "DurationSeconds", "900").Session
			c := w.key.with(s.AccessKeyId, s.SecretAccessKey)
			c.token = s.SessionToken
			return all(w.matches("^ASIA", s.AccessKeyId), accepted(w.with(c, "GetCallerIdentity")),
				refused(w.with(c, "ListAccessKeys"), 403, "InvalidClientTokenId", invalidToken))
		}},
		{"a session has a minimum duration", func(w *world) error {
			return refused(w.call("GetSessionToken", "DurationSeconds", "899"), 400, "ValidationError", "")
		}},
	}
}

// accepted returns an error unless the status is 200.
func accepted(r reply) error {
	if r.status != 200 {
		return fmt.Errorf("answer %d %s: %s", r.status, r.Code, r.Message)
	}
	return nil
}

// refused returns an error unless r is this refusal. An empty message allows any.
func refused(r reply, status int, code, message string) error {
	if r.status != status || r.Code != code || message != "" && r.Message != message {
		return fmt.Errorf("answer %d %s: %q, want %d %s: %q", r.status, r.Code, r.Message, status, code, message)
	}
	return nil
}

// all returns the first error.
func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
