package copies

// digits has the value of each base64 digit, and noDigit for every other byte. The two
// alphabets differ in the last two values.
var digits = func() (values [256]byte) {
	for i := range values {
		values[i] = noDigit
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		values[c] = byte(i)
	}
	values['-'], values['_'] = 62, 63
	return values
}()

const noDigit = 0xFF

// maxBreak is how many bytes may stand between two digits of one text: the end of a line,
// and what the next one begins with, such as an indentation.
const maxBreak = 100

// verifyBase64 decides whether the digits that surround the window at start are f.text, in
// all the bits that belong to the id. The window begins at f.text[windowAt].
func (f *form) verifyBase64(data []byte, start, windowAt int) (at int, ok bool) {
	at = start
	for i := windowAt; i > f.first; i-- {
		if at = previousDigit(data, at); at < 0 || !f.agrees(i-1, data[at]) {
			return 0, false
		}
	}
	end := start
	for i := windowAt; i < len(f.text); i++ {
		if i > windowAt {
			end = nextDigit(data, end)
		}
		if end < 0 || !f.agrees(i, data[end]) {
			return 0, false
		}
	}
	return at, f.encoding != Base64 || f.isWholeInside(data, at, end)
}

// agrees reports whether the i-th digit of the form may be c.
func (f *form) agrees(i int, c byte) bool {
	mask := byte(0x3F)
	if i == f.first {
		mask = f.firstMask
	}
	if i == len(f.text)-1 {
		mask &= f.lastMask
	}
	v := digits[c]
	return v != noDigit && v&mask == digits[f.text[i]]&mask
}

// isWholeInside reports whether the encoded text has no letter or digit right before or
// behind the id, as far as the same line shows it.
func (f *form) isWholeInside(data []byte, first, last int) bool {
	return !f.hasAlnumBefore(data, first) && !f.hasAlnumBehind(data, last)
}

// hasAlnumBefore decodes the byte in front of the id; first is where the first digit that
// depends on the id stands.
func (f *form) hasAlnumBefore(data []byte, first int) bool {
	if first < 2 || data[first-2] == '\\' { // the digit before is a part of the \n that breaks the line
		return false
	}
	var text [9]byte // what stands before the id, as far as the same line shows it
	group := first - f.first
	for i := range text {
		text[i] = ' '
		bit := 8*f.skip - 8*(len(text)-i)
		from := group + 4*floorDiv(bit, 24)
		if from < 0 {
			continue
		}
		if c, ok := decodeAt(data[from:], bit-24*floorDiv(bit, 24)); ok {
			text[i] = c
		}
	}
	return isAlnum(text[len(text)-1]) && !endsEscape(text[:])
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// hasAlnumBehind decodes the byte behind the id; last is where the last digit that depends
// on the id stands.
func (f *form) hasAlnumBehind(data []byte, last int) bool {
	group := last - (len(f.text)-1)%4
	if group < 0 {
		return false
	}
	end := f.skip + f.size()
	from, bit := group, 8*(end%3)
	if end%3 == 0 {
		from = group + 4
	}
	if from >= len(data) {
		return false
	}
	c, ok := decodeAt(data[from:], bit)
	return ok && isAlnum(c)
}

// size returns how many bytes the id has before it is encoded.
func (f *form) size() int {
	if f.encoding == Base64UTF16 {
		return 2 * len(f.id)
	}
	return len(f.id)
}

// decodeAt decodes the byte that begins at a bit of the base64 text, if the digits for it
// are there.
func decodeAt(text []byte, bit int) (byte, bool) {
	i := bit / 6
	if i+2 > len(text) || digits[text[i]] == noDigit || digits[text[i+1]] == noDigit {
		return 0, false
	}
	both := uint(digits[text[i]])<<6 | uint(digits[text[i+1]])
	return byte(both >> (4 - bit%6)), true
}

// nextDigit returns where the next digit behind i stands, -1 if there is none so close that
// it belongs to the same text. Between them may be the end of a line and whatever is no
// digit, such as an indentation or the quotation marks of a string that continues.
func nextDigit(data []byte, i int) int {
	for j := i + 1; j < len(data) && j <= i+maxBreak; j++ {
		switch {
		case data[j] == '\\' && j+1 < len(data) && (data[j+1] == 'n' || data[j+1] == 'r'):
			j++
		case isJoint(data, j):
		case digits[data[j]] != noDigit:
			return j
		}
	}
	return -1
}

// previousDigit is nextDigit in the other direction.
func previousDigit(data []byte, i int) int {
	for j := i - 1; j >= 0 && j >= i-maxBreak; j-- {
		switch {
		case j > 0 && data[j-1] == '\\' && (data[j] == 'n' || data[j] == 'r'):
			j--
		case isJoint(data, j):
		case digits[data[j]] != noDigit:
			return j
		}
	}
	return -1
}

// isJoint reports whether a digit that is no letter stands alone, as the + between two
// strings does.
func isJoint(data []byte, i int) bool {
	return !isAlnum(data[i]) && digits[data[i]] != noDigit &&
		(i == 0 || digits[data[i-1]] == noDigit) && (i+1 == len(data) || digits[data[i+1]] == noDigit)
}
