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
	// Decoder.Token lets some malformed documents pass that the scanner behind Valid refuses, so Valid decides.
	if !json.Valid(body) {
		return nil, &SyntaxError{syntaxDetail(body)}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	first, err := decoder.Token()
	if err != nil {
		return nil, &SyntaxError{err.Error()}
	}
	if first != json.Delim('{') {
		return nil, &SyntaxError{"the body is not a JSON object"}
	}
	members := object{}
	for decoder.More() {
		key, err := readKey(decoder)
		if err != nil {
			return nil, err
		}
		folded := strings.ToLower(key)
		if _, twice := members[folded]; twice {
			return nil, duplicateKey(key)
		}
		if members[folded], err = readValue(decoder, 2); err != nil {
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

func readKey(decoder *json.Decoder) (string, error) {
	token, err := decoder.Token()
	if err != nil {
		return "", &SyntaxError{err.Error()}
	}
	key, ok := token.(string)
	if !ok {
		return "", &SyntaxError{"a key is not a string"}
	}
	return key, nil
}

// readValue reads a value that, if it is an object or an array, is the depth-th level of nesting.
func readValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, &SyntaxError{err.Error()}
	}
	opening, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth > MaxDepth {
		return nil, &SyntaxError{fmt.Sprintf("the body nests more than %d levels deep", MaxDepth)}
	}
	if err := skipNested(decoder, opening == '{', depth); err != nil {
		return nil, err
	}
	return nested{}, nil
}

func skipNested(decoder *json.Decoder, isObject bool, depth int) error {
	keys := map[string]bool{}
	for decoder.More() {
		if isObject {
			key, err := readKey(decoder)
			if err != nil {
				return err
			}
			if keys[key] {
				return duplicateKey(key)
			}
			keys[key] = true
		}
		if _, err := readValue(decoder, depth+1); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return &SyntaxError{err.Error()}
	}
	return nil
}
