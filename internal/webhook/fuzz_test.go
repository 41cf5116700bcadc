package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The patterns of the CRDs, with their longest texts.
const (
	uuidPattern  = `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`
	statePattern = `^(Open|Complete|Failed|Stalled|Cancelled|Pending|Code[0-9]{1,9})$`
	typePattern  = `^(Activate|Cease|Bar|BoltOn|TariffChange|SimSwap|UnBar|ConditionalBar|CPE|PoolRegrade|PoolActivation|PoolCease|` +
		`APNActivation|APNChangeRequest|FullBar|Code[0-9]{1,9})$`
)

func FuzzParseOrder(f *testing.F) {
	f.Add(sample(f, "order.json"))
	f.Add(orderBody("Type", `"code15"`, "SimId", `"`+string(anotherID)+`"`, "X", `{"a": [1, {"b": null}]}`))
	f.Add(orderBody("State", `1e0`))
	seedMalformed(f)
	id, state, orderType := regexp.MustCompile(uuidPattern), regexp.MustCompile(statePattern), regexp.MustCompile(typePattern)
	f.Fuzz(func(t *testing.T, body []byte) {
		order, err := ParseOrder(body)
		checkOutcome(t, body, order, err, ParseOrder)
		if err != nil {
			return
		}
		if !id.MatchString(string(order.OrderID)) || !state.MatchString(string(order.State)) {
			t.Errorf("order %q has state %q", order.OrderID, order.State)
		}
		if order.Type != "" && !orderType.MatchString(string(order.Type)) {
			t.Errorf("type = %q", order.Type)
		}
		for _, optional := range []string{string(order.SimID), string(order.PoolID), string(order.APNID)} {
			if optional != "" && (!id.MatchString(optional) || optional == string(nilUUID)) {
				t.Errorf("id = %q", optional)
			}
		}
	})
}

func FuzzParseAlert(f *testing.F) {
	f.Add(sample(f, "alert.json"))
	f.Add(alertBody("AlertTriggerValue", `-85.50e1`, "AlertTargetType", `"POOL"`, "AlertName", `"\ud83d\ude00"`))
	f.Add(alertBody("AlertTriggerType", `true`))
	seedMalformed(f)
	id := regexp.MustCompile(uuidPattern)
	f.Fuzz(func(t *testing.T, body []byte) {
		alert, err := ParseAlert(body)
		checkOutcome(t, body, alert, err, ParseAlert)
		if err != nil {
			return
		}
		if !id.MatchString(string(alert.AlertID)) || !id.MatchString(string(alert.EntityID)) {
			t.Errorf("alert %q is on %q", alert.AlertID, alert.EntityID)
		}
		if alert.Trigger != "On" && alert.Trigger != "Off" {
			t.Errorf("trigger = %q", alert.Trigger)
		}
		for _, bounded := range []struct {
			text    string
			longest int
		}{
			{alert.AlertName, 1024},
			{string(alert.TargetType), 63},
			{alert.StatName, 256},
			{alert.Condition, 256},
			{alert.ConditionalValue, 256},
			{alert.TriggerValue, 256},
		} {
			if !utf8.ValidString(bounded.text) || utf8.RuneCountInString(bounded.text) > bounded.longest {
				t.Errorf("a text of at most %d characters is %q", bounded.longest, bounded.text)
			}
		}
	})
}

func seedMalformed(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[]`, "\ufeff{}", `{"OrderId":`, `{"a": 1, "A": 2}`, `{"a": {"b": 1, "b": 2}}`, `{"a": "\ud800"}`, "{\"a\": \"\xff\"}", `{} {}`,
		`{"a":` + nesting(63, `[`, ``, `]`) + `}`, `{"a":` + nesting(64, `[`, ``, `]`) + `}`, `{"K": 1, "k": 2, "İ": 3}`,
	} {
		f.Add([]byte(body))
	}
}

// checkOutcome checks what holds for every body: errors are of the two types, nothing malformed is accepted, and the
// case of keys does not matter.
func checkOutcome[D comparable](t *testing.T, body []byte, document D, err error, parse func([]byte) (D, error)) {
	t.Helper()
	var malformed *SyntaxError
	var wrong *FieldError
	if err != nil && !errors.As(err, &malformed) && !errors.As(err, &wrong) {
		t.Fatalf("error = %v, which is of neither type", err)
	}
	plain := bytes.TrimPrefix(body, []byte("\ufeff"))
	if !json.Valid(plain) && malformed == nil {
		t.Fatalf("error = %v for what is not JSON", err)
	}
	if malformed != nil {
		return
	}
	again, errAgain := parse(swapKeyCase(t, plain))
	if diff := cmp.Diff(document, again); diff != "" {
		t.Errorf("with keys in other case another document is read (-before +after):\n%s", diff)
	}
	if text(err) != text(errAgain) {
		t.Errorf("error = %v, and %v with keys in other case", err, errAgain)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func swapKeyCase(t *testing.T, body []byte) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("what was read is no object: %v", err)
	}
	swapped := make(map[string]json.RawMessage, len(members))
	for key, value := range members {
		swapped[strings.Map(swapCase, key)] = value
	}
	again, err := json.Marshal(swapped)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// swapCase leaves what is not ASCII alone: there, upper and lower case are not each other's inverse.
func swapCase(r rune) rune {
	if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
		return r ^ 0x20
	}
	return r
}
