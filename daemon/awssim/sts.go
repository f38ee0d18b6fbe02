package awssim

// getCallerIdentity needs no permission and no policy can deny it.
// Source: STS API reference.
func (x *exchange) getCallerIdentity() ([]node, *refusal) {
	u := x.caller.user
	return []node{leaf("Arn", u.ARN()), leaf("UserId", u.id), leaf("Account", u.account)}, nil
}

// getAccessKeyInfo tells the account of any key, whatever its status.
func (x *exchange) getAccessKeyInfo() ([]node, *refusal) {
	id := x.params.Get("AccessKeyId")
	if r := checkID(id); r != nil {
		return nil, r
	}
	account := accountOf(id)
	if account == "" {
		return nil, invalid("Value '%s' at 'accessKeyId' failed to satisfy constraint: Member must be an access key", id)
	}
	return []node{leaf("Account", account)}, nil
}
