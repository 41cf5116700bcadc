package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// object holds the members of a JSON object by their key in lower case, since the sender's keys may come in any case.
// A member is a string, a json.Number, a bool, nil, or nested for an object or an array, whose content is not kept.
type object map[string]any

// nested stands for an object or an array, none of which the sender's documents have.
type nested struct{}

// readObject reads one JSON object strictly: UTF-8, no duplicate keys, nothing after it, at most MaxDepth levels.
// It skips a byte order mark. Every error is a *SyntaxError.
func readObject(body []byte) (object, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		return nil, &SyntaxError{"the body is not UTF-8"}
	}
	if !json.Valid(body) {
		return nil, &SyntaxError{syntaxDetail(body)}
	}
	w := walker{rest: body}
	if w.peek() != '{' {
		return nil, &SyntaxError{"the body is not a JSON object"}
	}
	w.skip(1)
	members := object{}
	for w.peek() != '}' {
		key := w.text()
		folded := strings.ToLower(key)
		if _, twice := members[folded]; twice {
			return nil, duplicateKey(key)
		}
		var err error
		if members[folded], err = w.value(2); err != nil {
			return nil, err
		}
	}
	return members, nil
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
	rest []byte
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
func (w *walker) value(depth int) (any, error) {
	switch w.peek() {
	case '{', '[':
		if depth > MaxDepth {
			return nil, &SyntaxError{fmt.Sprintf("the body nests more than %d levels deep", MaxDepth)}
		}
		return nested{}, w.skipNested(depth)
	case '"':
		return w.text(), nil
	case 't':
		w.skip(len("true"))
		return true, nil
	case 'f':
		w.skip(len("false"))
		return false, nil
	case 'n':
		w.skip(len("null"))
		return nil, nil
	default:
		return w.number(), nil
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
		return string(quoted[1:end])
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // a valid string never fails
	return text
}

func (w *walker) number() json.Number {
	end := bytes.IndexAny(w.rest, " \t\r\n,]}")
	number := json.Number(w.rest[:end])
	w.skip(end)
	return number
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
