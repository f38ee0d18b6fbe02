package awssim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// EC2 stands for the services that learn of a new key later than IAM and STS do: its
// replicas have views of their own, as late as Lag.EC2 says. It answers DescribeRegions,
// to any user.

// describeRegions returns the region that was asked.
func (x *exchange) describeRegions() ([]node, *refusal) {
	region := x.cred.region
	return []node{branch("regionInfo", branch("item",
		leaf("regionName", region), leaf("regionEndpoint", "ec2."+region+".amazonaws.com"), leaf("optInStatus", "opt-in-not-required")))}, nil
}

// saidBy returns a refusal of a signature as the service words it. EC2 has one answer for
// every key that it does not know.
// Source: EC2 API reference, "Error codes", AuthFailure.
func (r *refusal) saidBy(service string) *refusal {
	if service == "ec2" && r.code == "InvalidClientTokenId" {
		return newRefusal(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	return r
}

// AskEC2 does what a program does that works with a pair: it sends a signed
// DescribeRegions to EC2 in a region, in process. The error is EC2's refusal, or the
// network's.
func (c *Cloud) AskEC2(id, secret, region string) error {
	const body = "Action=DescribeRegions&Version=" + versionEC2
	r, err := http.NewRequest(http.MethodPost, "https://ec2."+region+".amazonaws.com/", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("User-Agent", "aws-cli/2.31.0")
	stamp := c.opt.Now().Add(c.skew).UTC().Format(stampShape)
	r.Header.Set("X-Amz-Date", stamp)
	cred := credential{keyID: id, stamp: stamp, date: stamp[:8], region: region, service: "ec2", term: "aws4_request", headers: []string{"host", "x-amz-date"}}
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", algorithm, id,
		strings.Join([]string{cred.date, region, cred.service, cred.term}, "/"), strings.Join(cred.headers, ";"), hex.EncodeToString(cred.sign(secret, r, []byte(body)))))
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("awssim: EC2 in %s answers %s to %s", region, resp.Status, id)
	}
	return nil
}

// sign returns the signature of the request.
func (c credential) sign(secret string, r *http.Request, body []byte) []byte {
	text := algorithm + "\n" + c.stamp + "\n" + strings.Join([]string{c.date, c.region, c.service, c.term}, "/") +
		"\n" + hexHash([]byte(c.canonicalRequest(r, body)))
	k := []byte("AWS4" + secret)
	for _, part := range []string{c.date, c.region, c.service, c.term, text} {
		m := hmac.New(sha256.New, k)
		m.Write([]byte(part))
		k = m.Sum(nil)
	}
	return k
}
