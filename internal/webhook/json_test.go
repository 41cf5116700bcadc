package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
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
	many := ""
	for i := range 2 * usualMembers {
		many += fmt.Sprintf(`"Key%d": %d, `, i, i)
	}
	f.Add([]byte("{" + many + `"last": 0}`))
	for _, twice := range []string{"key0", fmt.Sprintf("kEy%d", usualMembers), fmt.Sprintf("KEY%d", 2*usualMembers-1)} {
		f.Add([]byte("{" + many + `"` + twice + `": 0}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readObject(body, nil)
		want, wantErr := readByTokens(body)
		if text(err) != text(wantErr) {
			t.Fatalf("error = %v, want %v", err, wantErr)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(member{}, value{})); diff != "" {
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
	members, folded := object(nil), map[string]bool{}
	for decoder.More() {
		key, err := readKey(decoder)
		if err != nil {
			return nil, err
		}
		if folded[strings.ToLower(key)] {
			return nil, duplicateKey(key)
		}
		value, err := readValue(decoder, 2)
		if err != nil {
			return nil, err
		}
		members, folded[strings.ToLower(key)] = append(members, member{key, value}), true
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
func readValue(decoder *json.Decoder, depth int) (value, error) {
	token, err := decoder.Token()
	if err != nil {
		return value{}, &SyntaxError{err.Error()}
	}
	opening, ok := token.(json.Delim)
	if !ok {
		return scalar(token), nil
	}
	if depth > MaxDepth {
		return value{}, &SyntaxError{fmt.Sprintf("the body nests more than %d levels deep", MaxDepth)}
	}
	if err := skipNested(decoder, opening == '{', depth); err != nil {
		return value{}, err
	}
	return value{kind: kindNested}, nil
}

func scalar(token json.Token) value {
	switch token := token.(type) {
	case string:
		return value{kindString, token}
	case json.Number:
		return value{kindNumber, token.String()}
	case bool:
		return value{kindBoolean, strconv.FormatBool(token)}
	default:
		return value{}
	}
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
