package rotate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
)

// lies are the fates in which an endpoint says what is not true, from some effect on.
var lies = []fate{
	{name: "lies: other user", kinds: []kind{query}, lie: lieOtherUser, lasts: true, rank: inSingles},
	{name: "lies: no key", kinds: []kind{query}, lie: lieNoKey, lasts: true, rank: inSingles},
	{name: "lies: other account", kinds: []kind{query}, lie: lieOtherAccount, lasts: true, rank: inSingles},
	{name: "lies: pair of another", kinds: []kind{order}, lie: lieOtherPair, lasts: true, rank: inSingles},
}

// strangeEndpoints are commands in a shell whose AWS_ENDPOINT_URL names somebody's own
// server, which says that every key is eve's, and hands out her pair.
var strangeEndpoints = []fate{
	{name: "keyd rotate, strange endpoint", command: atStrangeEndpoint(decide.Options{Manual: true}), rank: inSingles},
	{name: "keyd rotate --force, strange endpoint", command: atStrangeEndpoint(decide.Options{Manual: true, Force: true}), rank: inSingles},
	{name: "keyd rotate --delete-now, strange endpoint", command: atStrangeEndpoint(decide.Options{Manual: true, RetireNow: true, DeleteNow: true}), rank: inSingles},
}

// otherAccount is an account of somebody else.
const otherAccount = "210987654321"

// lieEve lets eve's server answer every call.
var lieEve = &fate{name: "lies: eve", kinds: []kind{query, order}, lie: func(r *take, action string, resp *http.Response) *http.Response {
	if action == "CreateAccessKey" {
		return lieOtherPair(r, action, resp)
	}
	return lieOtherUser(r, action, resp)
}, lasts: true}

// atStrangeEndpoint returns a command that runs a pass at eve's server.
func atStrangeEndpoint(a decide.Options) command {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		r.standing = append(r.standing, lieEve)
		r.d.Getenv = func(name string) string {
			if name == "AWS_ENDPOINT_URL" {
				return "https://eve.example"
			}
			return ""
		}
		return r.runPass(ctx, rotate.Request{Options: a})
	}
}

var (
	userIDs    = regexp.MustCompile(`AIDA[A-Z0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	listedKeys = regexp.MustCompile(`(?s)<member>.*</member>`)
	keyIDs     = regexp.MustCompile(`AKIA[A-Z0-9]{16}|Q7[A-Z0-9]{18}`) // of AWS, and of Ceph in the simulator
)

// lieOtherUser says that the key is eve's, who has one key of her own.
func lieOtherUser(r *take, _ string, resp *http.Response) *http.Response {
	id, _ := r.evesPair()
	return changeBody(resp, func(text string) string {
		text = keyIDs.ReplaceAllString(userIDs.ReplaceAllString(text, "AIDAEVEEVEEVEEVEEVE23"), id)
		return strings.NewReplacer("alice", "eve", "bob", "eve").Replace(text)
	})
}

// lieNoKey says that the user has no key.
func lieNoKey(_ *take, action string, resp *http.Response) *http.Response {
	if action != "ListAccessKeys" {
		return resp
	}
	return changeBody(resp, func(text string) string { return listedKeys.ReplaceAllString(text, "") })
}

// lieOtherAccount says that the key is one of another account.
func lieOtherAccount(_ *take, _ string, resp *http.Response) *http.Response {
	return changeBody(resp, func(text string) string { return strings.ReplaceAll(text, lab.Account, otherAccount) })
}

// lieOtherPair hands out eve's pair in place of a new one.
func lieOtherPair(r *take, action string, resp *http.Response) *http.Response {
	if action != "CreateAccessKey" {
		return resp
	}
	id, secret := r.evesPair()
	return changeBody(resp, func(string) string {
		return `<CreateAccessKeyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateAccessKeyResult><AccessKey><UserName>` + r.user().Name() +
			`</UserName><AccessKeyId>` + id + `</AccessKeyId><Status>Active</Status><SecretAccessKey>` + secret + `</SecretAccessKey><CreateDate>` +
			r.cloud.LastCall().At.UTC().Format("2006-01-02T15:04:05Z") + `</CreateDate></AccessKey></CreateAccessKeyResult><ResponseMetadata><RequestId>5c9d0a7e-0000-0000-0000-000000000000</RequestId></ResponseMetadata></CreateAccessKeyResponse>`
	})
}

// evesPair returns eve's only pair.
func (w *scene) evesPair() (id, secret string) {
	if eve := w.cloud.FindUser(lab.Account, "eve"); eve != nil {
		id := w.cloud.Keys(eve)[0].ID
		return id, w.cloud.Secrets()[id]
	}
	return w.addStranger()
}

// changeBody returns the answer with another body, and the status 200.
func changeBody(resp *http.Response, change func(string) string) *http.Response {
	body, _ := io.ReadAll(resp.Body)
	text := change(string(body))
	changed := *resp
	changed.StatusCode, changed.Status = 200, "200 OK"
	changed.Header = resp.Header.Clone()
	changed.Header.Set("Content-Length", strconv.Itoa(len(text)))
	changed.ContentLength, changed.Body = int64(len(text)), io.NopCloser(strings.NewReader(text))
	return &changed
}

// tellLie carries out a call of which an endpoint lies. CreateAccessKey is not passed on
// to AWS.
func (r *take) tellLie(f *fate, action string, q *http.Request) (*http.Response, error) {
	asked := q
	if action == "CreateAccessKey" { // any answer of AWS's will do as the form of the lie
		asked = q.Clone(q.Context())
		asked.Body = io.NopCloser(strings.NewReader("Action=GetUser&Version=2010-05-08"))
		asked.ContentLength = -1
	}
	resp, err := r.cloud.Do(asked)
	if err != nil {
		return resp, err
	}
	before, _ := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(before))
	told := f.lie(r, action, resp)
	after, _ := io.ReadAll(told.Body)
	told.Body = io.NopCloser(bytes.NewReader(after))
	if user := r.userOf(r.cloud.LastCall().KeyID); user >= 0 && !bytes.Equal(before, after) {
		r.lied[user] = true
	}
	return told, nil
}

// isForged reports whether the journal of a user's rotation belongs to another user of
// the machine.
func (r *take) isForged(user int) bool {
	return slices.ContainsFunc(r.journalsOf(user), func(path string) bool { return r.owners[path] == stranger })
}

// checkLie checks that keyd retires nothing of a user after an endpoint has contradicted
// what the partition had said: neither the key in a file, nor the old one.
func (r *take) checkLie() {
	call := r.cloud.LastCall()
	retires := call.Effect && (call.Action == "DeleteAccessKey" || call.Action == "UpdateAccessKey" && call.Asked == "Inactive")
	user := r.userOf(call.Target)
	if !retires || user < 0 || !r.lied[user] && !r.isForged(user) {
		return
	}
	if shown, _ := r.shownKey(placeOf(user)); call.Target == shown || call.Target == r.ghost.of[user].firstKey.ID {
		r.reportViolation("lie", "%s of %s after a lie", call.Action, call.Target)
	}
}

// forgeJournals lets another user of the machine put eve's pair into each journal. Its
// checksum is right, since anyone can compute it, and the file belongs to that user.
func (w *scene) forgeJournals() {
	id, secret := w.evesPair()
	for _, path := range w.journalPaths() {
		data := string(w.disk.Data(path))
		next := jsonField([]byte(data), "new_id")
		if next == "" {
			continue
		}
		w.ghost.closedKeys += next // its secret may be lost with the journal
		data = strings.NewReplacer(next, id, w.cloud.Secrets()[next], secret).Replace(data)
		if sum := jsonField([]byte(data), "sum"); sum != "" {
			data = strings.Replace(data, sum, strings.Repeat("0", 2*sha256.Size), 1)
			right := sha256.Sum256([]byte(data))
			data = strings.Replace(data, strings.Repeat("0", 2*sha256.Size), hex.EncodeToString(right[:]), 1)
		}
		w.disk.Put(path, []byte(data), true)
		w.ghost.forged, w.ghost.beyondRepair = true, true
		w.owners[path] = stranger
	}
}

// forged are the fates of the state folder.
var forged = []fate{{name: "journal forged", kinds: []kind{gap}, act: (*scene).forgeJournals, rank: inSingles}}

// sys returns the disk. Once a journal was forged, or may be in this take, its files have
// owners.
func (r *take) sys() atomicfile.Sys {
	if r.owners == nil {
		return r.disk
	}
	return &atomicfiletest.Owned{Sys: r.disk, Me: 1000, Owners: r.owners}
}

// setOwners decides whether files have owners in this take. A forged journal that keyd
// has not removed still belongs to another user.
func (r *take) setOwners() {
	may := slices.ContainsFunc(r.faults, func(f fault) bool { return f.fate.name == forged[0].name })
	if !may && !r.ghost.forged {
		return
	}
	r.owners = map[string]atomicfiletest.Owner{}
	_, secret := r.evesPair()
	for _, path := range r.journalPaths() {
		if bytes.Contains(r.disk.Data(path), []byte(secret)) {
			r.owners[path] = stranger
		}
	}
}

// stranger is another user of the machine.
var stranger = atomicfiletest.Owner{UID: 4000, GID: 4000}

// checkForgedTold checks that a person is told of each journal that another user may have
// written: by the state of its key, or by a note in the status.
func (r *take) checkForgedTold() {
	if len(r.faults) > 0 || r.err != nil {
		return
	}
	status := string(r.disk.Data(filepath.Join(stateFolder, "status.json")))
	for path := range r.owners {
		if !strings.Contains(status, filepath.Base(path)) {
			r.reportViolation("lie", "nobody is told that %s belongs to another user", path)
		}
	}
}
