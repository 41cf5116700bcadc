package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzReadObject compares the walker to the tokens of the standard library.
func FuzzReadObject(f *testing.F) {
	f.Add(sample(f, "order.json"))
	f.Add(sample(f, "alert.json"))
	seedMalformed(f)
	for _, body := range []string{
		` { "a" : -1.5e+3 , "b" : [ true , false , null , { } , [ ] , "x" ] , "c" : "" } `, `{"\u0041": "\"\\\/\b\f\n\r\t\u20ac\ud83d\ude00", "a\\": 1}`,
		`{"a":{"b":{"c":[{"d":1,"d":2}]}}}`, `{"a":0}`, `{"a":[1,2,3]}`, `{"a":{"b":1}}`, `{"}":"]","{":"[","\"":","}`, ` "text" `, ` 7 `, `null`, `{"a":"\\"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readObject(body)
		want, wantErr := readByTokens(body)
		if text(err) != text(wantErr) {
			t.Fatalf("error = %v, want %v", err, wantErr)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(nested{})); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}

// readByTokens is readObject as plainly as the standard library allows.
func readByTokens(body []byte) (object, error) {
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
