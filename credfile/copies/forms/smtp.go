package forms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// sesRegions lists the regions in which SES has an SMTP endpoint.
// Source: AWS General Reference, "Amazon Simple Email Service endpoints and quotas".
var sesRegions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
	"ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ca-central-1", "ca-west-1",
	"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3",
	"il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1",
}

// smtpPassword returns the password for the SMTP endpoint of SES in a region: version 4.
// Source: SES developer guide, "Obtaining Amazon SES SMTP credentials by converting
// existing AWS credentials", whose pseudocode is
//
//	date = "11111111"; service = "ses"; terminal = "aws4_request"; message = "SendRawEmail"; version = 0x04
//	kDate = HmacSha256(date, "AWS4" + key)
//	kRegion = HmacSha256(region, kDate)
//	kService = HmacSha256(service, kRegion)
//	kTerminal = HmacSha256(terminal, kService)
//	kMessage = HmacSha256(message, kTerminal)
//	smtpPassword = Base64(Concatenate(version, kMessage))
func smtpPassword(secret, region string) string {
	key := []byte("AWS4" + secret)
	for _, message := range []string{"11111111", region, "ses", "aws4_request", "SendRawEmail"} {
		key = sign(key, message)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{4}, key...))
}

// smtpPassword2 returns the password of version 2, which knows no region. Consoles gave it
// out until January 2019. It is recognised, and replaced by one of version 4: AWS
// publishes no other way to make one.
func smtpPassword2(secret string) string {
	return base64.StdEncoding.EncodeToString(append([]byte{2}, sign([]byte(secret), "SendRawEmail")...))
}

func sign(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}
