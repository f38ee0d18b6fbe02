package forms

import "testing"

// TestReplaceOtherShapes keeps a file with a key of another IAM than AWS's up to date.
func TestReplaceOtherShapes(t *testing.T) {
	old := Pair{"0023c2f6b3fbe960000000001", "K002abcDEFghi/JKLmnoPQRstu+VW0x"}
	next := Pair{"0023c2f6b3fbe960000000002", "K002zyxWVUtsr/QPOnmlKJIhgf+ED1c"}
	const text = "id: {ID}\nkey: \"{SECRET}\"\n"
	out, places, err := Replace("rclone.yml", []byte(fill(text, old, plain)), Form{}, old, next)
	if want := fill(text, next, plain); err != nil || string(out) != want || len(places) != 2 {
		t.Errorf("%v, %d places:\n%s", err, len(places), out)
	}
	if !Shows([]byte(fill(text, old, plain)), Form{}, old.ID) || Shows([]byte("a"+old.ID+"0"), Form{}, old.ID) {
		t.Error("the id is not found as a word")
	}
	for _, bad := range []Pair{
		{"3c2f6b3fbe9", old.Secret}, {"123456789e12", old.Secret}, {"0x1234567890", old.Secret}, {"000000000012", old.Secret},
		{old.ID, "short"}, {old.ID, "with a blank in it, and long"}, {"with_a_line_below", old.Secret}, {old.ID, "1234567890123456"},
	} {
		if _, _, err := Replace("rclone.yml", []byte(fill(text, old, plain)), Form{}, old, bad); err == nil {
			t.Errorf("%s was written", bad)
		}
	}
}
