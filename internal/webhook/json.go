package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A SyntaxError says why a body is not one well-formed JSON object.
type SyntaxError struct {
	Detail string
}

func (e *SyntaxError) Error() string {
	return e.Detail
}

// A member is one of an object: a key as it was sent, and what stands there.
type member struct {
	key   string
	value value
}

// A value is a string, number or boolean, with its text. Of an object or an array nothing is kept but that it is one.
type value struct {
	kind kind
	text string
}

type kind int

const (
	kindNull kind = iota // null, or no member at all
	kindString
	kindNumber
	kindBoolean
	kindNested // an object or an array, neither of which the sender's documents have
)

// asString is the text of a string, and empty for all else.
func (v value) asString() string {
	if v.kind != kindString {
		return ""
	}
	return v.text
}

// object holds the members of a JSON object, in their order. The sender's keys may come in any case.
type object []member

// value is what stands at a key, in whatever case.
func (o object) value(key string) value {
	for i := range o {
		if sameKey(o[i].key, key) {
			return o[i].value
		}
	}
	return value{}
}

// has says whether something stands at a key, in whatever case. folded is nil, or has all the keys.
func (o object) has(key string, folded map[string]bool) bool {
	if folded != nil {
		return folded[strings.ToLower(key)]
	}
	return slices.ContainsFunc(o, func(m member) bool { return sameKey(m.key, key) })
}

// folded has the keys in lower case.
func (o object) folded() map[string]bool {
	keys := make(map[string]bool, 2*len(o))
	for _, m := range o {
		keys[strings.ToLower(m.key)] = true
	}
	return keys
}

// sameKey says whether two keys are the same in lower case, without making either.
func sameKey(a, b string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] >= utf8.RuneSelf || b[i] >= utf8.RuneSelf {
			restOfA, restOfB := strings.ToLower(a[i:]), strings.ToLower(b[i:])
			return restOfA == restOfB // strings.EqualFold takes more for the same
		}
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// usualMembers is more than the sender sends. Where there are more, looking through all of them for each takes too long.
const usualMembers = 12

// readObject reads one JSON object strictly: UTF-8, no duplicate keys, nothing after it, at most MaxDepth levels.
// It skips a byte order mark. The members go into the room that is given, as far as it reaches. Every error is a
// *SyntaxError.
func readObject(body []byte, room object) (object, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return nil, &SyntaxError{"the body is not UTF-8"}
	}
	if !json.Valid(body) {
		return nil, &SyntaxError{syntaxDetail(body)}
	}
	w := walker{rest: string(body)}
	if w.peek() != '{' {
		return nil, &SyntaxError{"the body is not a JSON object"}
	}
	w.skip(1)
	return w.members(room)
}

func syntaxDetail(body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "the body is empty"
	}
	var ignored json.RawMessage
	if err := json.Unmarshal(body, &ignored); err != nil {
		return "the body is not JSON: " + err.Error()
	}
	return "the body is not JSON"
}

func duplicateKey(key string) error {
	return &SyntaxError{fmt.Sprintf("the key %.64q stands twice in one object", key)}
}

// A walker goes over a document that json.Valid has passed, so that it need not look at the syntax again. It is several
// times as fast as the tokens of a json.Decoder, which are most of what the door costs.
type walker struct {
	rest string
}

// members reads those of the outermost object, up to its end.
func (w *walker) members(members object) (object, error) {
	var folded map[string]bool
	for w.peek() != '}' {
		key := w.text()
		if len(members) == usualMembers {
			folded = members.folded()
		}
		if members.has(key, folded) {
			return nil, duplicateKey(key)
		}
		value, err := w.value(2)
		if err != nil {
			return nil, err
		}
		members = append(members, member{key, value})
		if folded != nil {
			folded[strings.ToLower(key)] = true
		}
	}
	return members, nil
}

// peek is the first byte of the next key, value or end. What stands between them says nothing in a valid document.
func (w *walker) peek() byte {
	for {
		switch w.rest[0] {
		case ' ', '\t', '\r', '\n', ',', ':':
			w.rest = w.rest[1:]
		default:
			return w.rest[0]
		}
	}
}

func (w *walker) skip(n int) { w.rest = w.rest[n:] }

// value reads a value that, if it is an object or an array, is the depth-th level of nesting.
func (w *walker) value(depth int) (value, error) {
	switch w.peek() {
	case '{', '[':
		if depth > MaxDepth {
			return value{}, &SyntaxError{fmt.Sprintf("the body nests more than %d levels deep", MaxDepth)}
		}
		return value{kind: kindNested}, w.skipNested(depth)
	case '"':
		return value{kindString, w.text()}, nil
	case 't':
		return value{kindBoolean, w.word("true")}, nil
	case 'f':
		return value{kindBoolean, w.word("false")}, nil
	case 'n':
		w.word("null")
		return value{}, nil
	default:
		return value{kindNumber, w.number()}, nil
	}
}

// text reads a string, of which a valid document has each end.
func (w *walker) text() string {
	w.peek()
	end, escaped := 1, false
	for w.rest[end] != '"' {
		if w.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	quoted := w.rest[:end+1]
	w.skip(end + 1)
	if !escaped {
		return quoted[1:end]
	}
	var text string
	_ = json.Unmarshal([]byte(quoted), &text) // a valid string never fails
	return text
}

func (w *walker) number() string {
	number := w.rest[:strings.IndexAny(w.rest, " \t\r\n,]}")]
	w.skip(len(number))
	return number
}

// word goes over one that stands there, and returns it.
func (w *walker) word(word string) string {
	w.skip(len(word))
	return word
}

// skipNested goes over an object or an array, whose keys must not stand twice either.
func (w *walker) skipNested(depth int) error {
	var keys map[string]bool
	if w.rest[0] == '{' {
		keys = map[string]bool{}
	}
	w.skip(1)
	for next := w.peek(); next != '}' && next != ']'; next = w.peek() {
		if keys != nil {
			key := w.text()
			if keys[key] {
				return duplicateKey(key)
			}
			keys[key] = true
		}
		if _, err := w.value(depth + 1); err != nil {
			return err
		}
	}
	w.skip(1)
	return nil
}
