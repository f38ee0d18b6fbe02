package credfile

// IsSpoiled reports whether k has the id of the whole pair, and a secret that is not its own.
// The secret of a key never changes, so k is of no use to anyone.
func (k Key) IsSpoiled(whole Key) bool {
	return k.ID != "" && k.ID == whole.ID && !whole.Secret.IsZero() && !k.Secret.Equal(whole.Secret)
}

// findSpoiled returns the places that show next with a secret that is not its own.
func (f *File) findSpoiled(next Key) []pairPlace {
	return f.findUseless(next, next, func(k Key) bool { return k.IsSpoiled(next) })
}
