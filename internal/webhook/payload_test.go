package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	anID      v1alpha1.UUID = "0b5e2f0a-7c1d-4c39-9a55-3f6f2a1f0001"
	anotherID v1alpha1.UUID = "6f1d0c3e-52a7-4f0b-8d11-aa90c0de0002"
)

// Members of the documents that tests change: key, value, key, value.
func orderMembers() []string {
	return []string{"OrderId", `"` + string(anID) + `"`, "State", "1"}
}

func alertMembers() []string {
	return []string{"AlertId", `"` + string(anID) + `"`, "EntityId", `"` + string(anotherID) + `"`, "AlertTriggerType", `"On"`}
}

// document writes members as JSON. A change replaces the value of its key, or is added; an empty value takes the member
// out.
func document(members []string, changes ...string) []byte {
	for i := 0; i < len(changes); i += 2 {
		members = change(members, changes[i], changes[i+1])
	}
	var texts []string
	for i := 0; i < len(members); i += 2 {
		if members[i+1] != "" {
			texts = append(texts, strconv.Quote(members[i])+": "+members[i+1])
		}
	}
	return []byte("{" + strings.Join(texts, ", ") + "}")
}

func change(members []string, key, value string) []string {
	for i := 0; i < len(members); i += 2 {
		if members[i] == key {
			members[i+1] = value
			return members
		}
	}
	return append(members, key, value)
}

func orderBody(changes ...string) []byte {
	return document(orderMembers(), changes...)
}

func alertBody(changes ...string) []byte {
	return document(alertMembers(), changes...)
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestTheSendersOwnExamples(t *testing.T) {
	order, err := ParseOrder(sample(t, "order.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Order{OrderID: nilUUID, State: v1alpha1.OrderStateOpen, Type: v1alpha1.OrderTypeActivate}, order); diff != "" {
		t.Errorf("unexpected order (-want +got):\n%s", diff)
	}
	if order.Name() != string(nilUUID) {
		t.Errorf("the order's name is %s", order.Name())
	}

	alert, err := ParseAlert(sample(t, "alert.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := Alert{
		AlertID: nilUUID, EntityID: nilUUID, Trigger: v1alpha1.AlertTriggerOn, AlertName: "Alert Name 1", TargetType: v1alpha1.AlertTargetSIM,
		StatName: "SIM.%USED", Condition: "GreaterThan", ConditionalValue: "75", TriggerValue: "85",
	}
	if diff := cmp.Diff(want, alert); diff != "" {
		t.Errorf("unexpected alert (-want +got):\n%s", diff)
	}
	if want := string(nilUUID) + "-" + string(nilUUID); alert.Name() != want {
		t.Errorf("the alert's name is %s, want %s", alert.Name(), want)
	}
}

// TestCodes holds the sender's two lists as they stand in its documentation, apart from the ones in the code.
func TestCodes(t *testing.T) {
	tests := map[string]struct {
		names []string
		read  func(Order) string
	}{
		"Type": {
			names: []string{
				"Activate", "Cease", "Bar", "BoltOn", "TariffChange", "SimSwap", "UnBar", "ConditionalBar", "CPE", "PoolRegrade",
				"PoolActivation", "PoolCease", "APNActivation", "APNChangeRequest", "FullBar",
			},
			read: func(o Order) string { return string(o.Type) },
		},
		"State": {
			names: []string{"Open", "Complete", "Failed", "Stalled", "Cancelled", "Pending"},
			read:  func(o Order) string { return string(o.State) },
		},
	}
	for field, test := range tests {
		for code, name := range test.names {
			for _, value := range []string{
				strconv.Itoa(code), fmt.Sprintf(`"%d"`, code), fmt.Sprintf(`"%03d"`, code), fmt.Sprintf(`" %d\n"`, code),
				fmt.Sprintf(`"%s"`, name), fmt.Sprintf(`"%s"`, strings.ToUpper(name)), fmt.Sprintf(`"%s"`, strings.ToLower(name)),
				fmt.Sprintf(`"\t%s "`, name), fmt.Sprintf(`"Code%d"`, code), fmt.Sprintf(`"CODE%d"`, code),
			} {
				t.Run(field+"="+value, func(t *testing.T) {
					order, err := ParseOrder(orderBody(field, value))
					if err != nil {
						t.Fatal(err)
					}
					if got := test.read(order); got != name {
						t.Errorf("%s is read as %s, want %s", value, got, name)
					}
				})
			}
		}
	}
}

func TestParseOrder(t *testing.T) {
	base := Order{OrderID: anID, State: v1alpha1.OrderStateComplete}
	with := func(change func(*Order)) Order {
		order := base
		change(&order)
		return order
	}
	state := func(state v1alpha1.OrderState) Order { return with(func(o *Order) { o.State = state }) }
	orderType := func(orderType v1alpha1.OrderType) Order { return with(func(o *Order) { o.Type = orderType }) }
	upper := strings.ToUpper(string(anotherID))

	tests := map[string]struct {
		body []byte
		want Order
	}{
		"an id and a state are enough": {body: orderBody(), want: base},
		"an id in upper case is the same id": {
			body: orderBody("OrderId", `"`+strings.ToUpper(string(anID))+`"`), want: base,
		},
		"SIM, pool and APN are kept, in lower case": {
			body: orderBody("SimId", `"`+upper+`"`, "PoolId", `"`+string(anID)+`"`, "APNId", `"`+upper+`"`),
			want: with(func(o *Order) { o.SimID, o.PoolID, o.APNID = anotherID, anID, anotherID }),
		},
		"the nil UUID is no SIM, pool or APN": {
			body: orderBody("SimId", `"`+string(nilUUID)+`"`, "PoolId", `"`+string(nilUUID)+`"`, "APNId", `"`+string(nilUUID)+`"`), want: base,
		},
		"but it is an order": {
			body: orderBody("OrderId", `"`+string(nilUUID)+`"`), want: with(func(o *Order) { o.OrderID = nilUUID }),
		},
		"null is no SIM, pool or APN":         {body: orderBody("SimId", `null`, "PoolId", `null`, "APNId", `null`), want: base},
		"an empty text is no SIM, pool, APN":  {body: orderBody("SimId", `""`, "PoolId", `""`, "APNId", `""`), want: base},
		"a type that is null is no type":      {body: orderBody("Type", `null`), want: base},
		"a type that is empty is no type":     {body: orderBody("Type", `""`), want: base},
		"a type of spaces is no type":         {body: orderBody("Type", `"  "`), want: base},
		"type 15 is kept":                     {body: orderBody("Type", `15`), want: orderType("Code15")},
		"type 15 as a text is kept":           {body: orderBody("Type", `"15"`), want: orderType("Code15")},
		"state 6 is kept":                     {body: orderBody("State", `6`), want: state("Code6")},
		"state 6 as a text is kept":           {body: orderBody("State", `"6"`), want: state("Code6")},
		"code7 is a state that we don't know": {body: orderBody("State", `"code7"`), want: state("Code7")},
		"code7 is a type that we know":        {body: orderBody("Type", `"code7"`), want: orderType(v1alpha1.OrderTypeConditionalBar)},
		"zeros in front do not matter":        {body: orderBody("State", `"CODE0000007"`), want: state("Code7")},
		"nine digits are kept":                {body: orderBody("State", `999999999`), want: state("Code999999999")},
		"keys in lower case": {
			body: fmt.Appendf(nil, `{"orderid": %q, "state": 1, "type": 1, "simid": %q, "poolid": %q, "apnid": %q}`, anID, anID, anID, anID),
			want: Order{anID, v1alpha1.OrderStateComplete, v1alpha1.OrderTypeCease, anID, anID, anID},
		},
		"keys in upper case": {
			body: fmt.Appendf(nil, `{"ORDERID": %q, "STATE": 1, "TYPE": 1, "SIMID": %q, "POOLID": %q, "APNID": %q}`, anID, anID, anID, anID),
			want: Order{anID, v1alpha1.OrderStateComplete, v1alpha1.OrderTypeCease, anID, anID, anID},
		},
		"keys with escapes":           {body: fmt.Appendf(nil, `{"\u004frderId": %q, "St\u0061te": 1}`, anID), want: base},
		"a byte order mark":           {body: append([]byte("\xef\xbb\xbf"), orderBody()...), want: base},
		"space around":                {body: append(append([]byte(" \t\r\n"), orderBody()...), " \t\r\n"...), want: base},
		"unknown keys of every sort":  {body: orderBody("A", `1`, "B", `"b"`, "C", `{"State": 2}`, "D", `[{"OrderId": 1}, []]`, "E", `null`, "", `true`), want: base},
		"an alert's keys are unknown": {body: orderBody("AlertId", `17`, "AlertTriggerType", `{}`), want: base},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseOrder(test.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected order (-want +got):\n%s", diff)
			}
		})
	}
}

// wrongCodes are values that are no code of any sort, by what is wrong with them.
func wrongCodes() map[string]string {
	return map[string]string{
		"an unknown name":         `"Finished"`,
		"a part of a name":        `"Com"`,
		"a name and more":         `"Open!"`,
		"two names":               `"Open Complete"`,
		"negative":                `-1`,
		"minus zero":              `-0`,
		"negative text":           `"-1"`,
		"a plus":                  `"+1"`,
		"a fraction":              `1.5`,
		"a whole fraction":        `1.0`,
		"an exponent":             `1e0`,
		"ten digits":              `1000000000`,
		"beyond 64 bits":          `18446744073709551616`,
		"huge":                    `1e400`,
		"hexadecimal":             `"0x1"`,
		"other digits":            `"١"`,
		"a code without a number": `"Code"`,
		"a negative code":         `"Code-1"`,
		"a spaced code":           `"Code 1"`,
		"true":                    `true`,
		"false":                   `false`,
		"an object":               `{}`,
		"an object with a code":   `{"Code": 1}`,
		"an array":                `[]`,
		"an array with a code":    `[1]`,
		"a zero byte":             `"1\u0000"`,
		"far too long":            `"` + strings.Repeat("1", MaxTextRunes+1) + `"`,
	}
}

// wrongIDs are values that are no UUID, by what is wrong with them. They are wrong even where an id may be left out.
func wrongIDs() map[string]string {
	return map[string]string{
		"a number":            `17`,
		"zero":                `0`,
		"true":                `true`,
		"false":               `false`,
		"an object":           `{}`,
		"an array":            `["` + string(anID) + `"]`,
		"a word":              `"none"`,
		"no dashes":           `"` + strings.ReplaceAll(string(anID), "-", "") + `"`,
		"braces":              `"{` + string(anID) + `}"`,
		"a URN":               `"urn:uuid:` + string(anID) + `"`,
		"space before":        `" ` + string(anID) + `"`,
		"a line end after":    `"` + string(anID) + `\n"`,
		"too short":           `"` + string(anID[:35]) + `"`,
		"too long":            `"` + string(anID) + `0"`,
		"not hexadecimal":     `"g` + string(anID[1:]) + `"`,
		"a dash out of place": `"0b5e2f0-a7c1d-4c39-9a55-3f6f2a1f0001"`,
		"a path":              `"../../../../../../../../../../../etc/pas"`,
		"a full-width digit":  `"０` + string(anID[1:]) + `"`,
		"a space":             `" "`,
	}
}

func TestFieldErrorsOfOrders(t *testing.T) {
	type fault struct{ field, value string }
	tests := map[string]fault{
		"OrderId missing":               {"OrderId", ""},
		"OrderId null":                  {"OrderId", `null`},
		"OrderId empty":                 {"OrderId", `""`},
		"State missing":                 {"State", ""},
		"State null":                    {"State", `null`},
		"State empty":                   {"State", `""`},
		"State of spaces":               {"State", `" \t"`},
		"State with the name of a type": {"State", `"Activate"`},
		"Type with the name of a state": {"Type", `"Open"`},
	}
	for name, value := range wrongCodes() {
		tests["State "+name], tests["Type "+name] = fault{"State", value}, fault{"Type", value}
	}
	for name, value := range wrongIDs() {
		for _, field := range []string{"OrderId", "SimId", "PoolId", "APNId"} {
			tests[field+" "+name] = fault{field, value}
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			order, err := ParseOrder(orderBody(test.field, test.value))
			wantFieldError(t, err, test.field)
			if order != (Order{}) {
				t.Errorf("there is an order all the same: %+v", order)
			}
		})
	}
}

func TestParseAlert(t *testing.T) {
	base := Alert{AlertID: anID, EntityID: anotherID, Trigger: v1alpha1.AlertTriggerOn}
	with := func(change func(*Alert)) Alert {
		alert := base
		change(&alert)
		return alert
	}
	trigger := func(trigger v1alpha1.AlertTrigger) Alert { return with(func(a *Alert) { a.Trigger = trigger }) }
	target := func(target v1alpha1.AlertTarget) Alert { return with(func(a *Alert) { a.TargetType = target }) }
	value := func(text string) Alert { return with(func(a *Alert) { a.TriggerValue = text }) }
	const manyDigits = "12345678901234567890.12345678901234567890"
	long := func(runes int) string { return strings.Repeat("é", runes) }

	tests := map[string]struct {
		body []byte
		want Alert
	}{
		"two ids and a trigger are enough": {body: alertBody(), want: base},
		"ids in upper case are the same": {
			body: alertBody("AlertId", `"`+strings.ToUpper(string(anID))+`"`, "EntityId", `"`+strings.ToUpper(string(anotherID))+`"`), want: base,
		},
		"On in lower case":                  {body: alertBody("AlertTriggerType", `"on"`), want: base},
		"ON with space around":              {body: alertBody("AlertTriggerType", `" ON\n"`), want: base},
		"Off":                               {body: alertBody("AlertTriggerType", `"Off"`), want: trigger(v1alpha1.AlertTriggerOff)},
		"OFF":                               {body: alertBody("AlertTriggerType", `"OFF"`), want: trigger(v1alpha1.AlertTriggerOff)},
		"a SIM":                             {body: alertBody("AlertTargetType", `"SIM"`), want: target(v1alpha1.AlertTargetSIM)},
		"a SIM in other case":               {body: alertBody("AlertTargetType", `"Sim"`), want: target(v1alpha1.AlertTargetSIM)},
		"a pool in other case":              {body: alertBody("AlertTargetType", `"POOL"`), want: target(v1alpha1.AlertTargetPool)},
		"another target is kept as sent":    {body: alertBody("AlertTargetType", `"apn Group"`), want: target("apn Group")},
		"a target that is a number is kept": {body: alertBody("AlertTargetType", `2`), want: target("2")},
		"the longest target":                {body: alertBody("AlertTargetType", `"`+long(MaxTargetRunes)+`"`), want: target(v1alpha1.AlertTarget(long(MaxTargetRunes)))},
		"a value that is a number":          {body: alertBody("AlertTriggerValue", `85`), want: value("85")},
		"a fraction is kept as sent":        {body: alertBody("AlertTriggerValue", `85.10`), want: value("85.10")},
		"an exponent is kept as sent":       {body: alertBody("AlertTriggerValue", `-1E+400`), want: value("-1E+400")},
		"more digits than a float has":      {body: alertBody("AlertTriggerValue", manyDigits), want: value(manyDigits)},
		"true":                              {body: alertBody("AlertTriggerValue", `true`), want: value("true")},
		"false":                             {body: alertBody("AlertTriggerValue", `false`), want: value("false")},
		"null is nothing":                   {body: alertBody("AlertTriggerValue", `null`), want: base},
		"an empty text is nothing":          {body: alertBody("AlertTriggerValue", `""`), want: base},
		"texts keep their spaces":           {body: alertBody("AlertTriggerValue", `" 8 5 "`), want: value(" 8 5 ")},
		"texts keep what is escaped":        {body: alertBody("AlertTriggerValue", `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`), want: value("\"\\/\b\f\n\r\té😀")},
		"half a surrogate becomes a mark":   {body: alertBody("AlertTriggerValue", `"\ud83d!"`), want: value("\ufffd!")},
		"the longest value, in characters":  {body: alertBody("AlertTriggerValue", `"`+long(MaxTextRunes)+`"`), want: value(long(MaxTextRunes))},
		"the longest number, in digits":     {body: alertBody("AlertTriggerValue", strings.Repeat("9", MaxTextRunes)), want: value(strings.Repeat("9", MaxTextRunes))},
		"the longest name, in characters":   {body: alertBody("AlertName", `"`+long(MaxNameRunes)+`"`), want: with(func(a *Alert) { a.AlertName = long(MaxNameRunes) })},
		"a byte order mark":                 {body: append([]byte("\xef\xbb\xbf"), alertBody()...), want: base},
		"unknown keys of every sort":        {body: alertBody("A", `1`, "B", `{"AlertId": 1}`, "C", `[[]]`, "State", `"nonsense"`), want: base},
		"nil UUIDs are ids of an alert as well": {
			body: alertBody("AlertId", `"`+string(nilUUID)+`"`, "EntityId", `"`+string(nilUUID)+`"`),
			want: with(func(a *Alert) { a.AlertID, a.EntityID = nilUUID, nilUUID }),
		},
		"all in other case": {
			body: fmt.Appendf(nil, `{"alertid": %q, "ENTITYID": %q, "alertTriggerType": "On", "ALERTNAME": "n", "alerttargettype": "SIM",
				"alertStatName": "s", "alertCondition": "c", "alertConditionalValue": 1, "ALERTTRIGGERVALUE": 2}`, anID, anotherID),
			want: Alert{anID, anotherID, v1alpha1.AlertTriggerOn, "n", v1alpha1.AlertTargetSIM, "s", "c", "1", "2"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAlert(test.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected alert (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFieldErrorsOfAlerts(t *testing.T) {
	type fault struct{ field, value string }
	tests := map[string]fault{}
	for _, field := range []string{"AlertId", "EntityId"} {
		tests[field+" missing"], tests[field+" null"], tests[field+" empty"] = fault{field, ""}, fault{field, `null`}, fault{field, `""`}
		for name, value := range wrongIDs() {
			tests[field+" "+name] = fault{field, value}
		}
	}
	for name, value := range map[string]string{
		"missing":   "",
		"null":      `null`,
		"empty":     `""`,
		"of spaces": `"  "`,
		"unknown":   `"Maybe"`,
		"true":      `true`,
		"one":       `1`,
		"an object": `{}`,
		"an array":  `["On"]`,
		"more":      `"On!"`,
	} {
		tests["AlertTriggerType "+name] = fault{"AlertTriggerType", value}
	}
	for field, longest := range map[string]int{
		"AlertName": MaxNameRunes, "AlertTargetType": MaxTargetRunes, "AlertStatName": MaxTextRunes, "AlertCondition": MaxTextRunes,
		"AlertConditionalValue": MaxTextRunes, "AlertTriggerValue": MaxTextRunes,
	} {
		tests[field+" too long"] = fault{field, `"` + strings.Repeat("x", longest+1) + `"`}
		tests[field+" too long by its digits"] = fault{field, strings.Repeat("1", longest+1)}
		tests[field+" an object"], tests[field+" an array"] = fault{field, `{}`}, fault{field, `["x"]`}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			alert, err := ParseAlert(alertBody(test.field, test.value))
			wantFieldError(t, err, test.field)
			if alert != (Alert{}) {
				t.Errorf("there is an alert all the same: %+v", alert)
			}
		})
	}
}

func TestTheFirstFieldThatIsWrongIsNamed(t *testing.T) {
	_, err := ParseOrder([]byte(`{"Type": "x", "State": "x", "OrderId": "x"}`))
	wantFieldError(t, err, "OrderId")
	_, err = ParseAlert([]byte(`{"AlertTriggerType": "x", "EntityId": "x"}`))
	wantFieldError(t, err, "AlertId")
}

func wantFieldError(t *testing.T, err error, field string) {
	t.Helper()
	var got *FieldError
	if !errors.As(err, &got) {
		t.Fatalf("error = %v, want a FieldError of %s", err, field)
	}
	if got.Field != field || got.Detail == "" || !strings.HasPrefix(got.Error(), field+" ") || len(got.Error()) > 512 {
		t.Errorf("error = %q of %s, want one that names %s and is short", got.Error(), got.Field, field)
	}
}

func wantSyntaxError(t *testing.T, body []byte) {
	t.Helper()
	_, orderErr := ParseOrder(body)
	_, alertErr := ParseAlert(body)
	for _, err := range []error{orderErr, alertErr} {
		var got *SyntaxError
		if !errors.As(err, &got) {
			t.Fatalf("error = %v, want a SyntaxError", err)
		}
		if got.Error() == "" || len(got.Error()) > 512 {
			t.Errorf("error = %q, want a short one", got.Error())
		}
	}
}

// nesting wraps a value in so many arrays or objects.
func nesting(levels int, opening, value, closing string) string {
	return strings.Repeat(opening, levels) + value + strings.Repeat(closing, levels)
}

// TestWellFormedValues has values that a document may hold under any key, in the manner of the public JSON corpora.
func TestWellFormedValues(t *testing.T) {
	tests := map[string]string{
		"an empty array":                `[]`,
		"an empty object":               `{}`,
		"arrays in arrays":              `[[[]], []]`,
		"an array that ends with space": `[1 ]`,
		"an array with null":            `[null]`,
		"an array of all sorts":         `[null, 1, "1", {}, true]`,
		"an array with line ends":       "[1\n\t\r ,2]",
		"null":                          `null`,
		"true":                          `true`,
		"false":                         `false`,
		"zero":                          `0`,
		"minus zero":                    `-0`,
		"a negative number":             `-123`,
		"zero and an exponent":          `0e1`,
		"zero and E+":                   `0E+1`,
		"a fraction":                    `123.456789`,
		"a tiny fraction":               `-0.000000000000000000000000000000000000000000000000000000000000000000000000000001`,
		"e+":                            `1e+2`,
		"E-":                            `1E-2`,
		"a fraction with e":             `123.456e78`,
		"a number beyond a double":      `1e9999`,
		"a number beyond 64 bits":       `-123123123123123123123123123123`,
		"an empty text":                 `""`,
		"every short escape":            `"\"\\\/\b\f\n\r\t"`,
		"an escaped zero":               `"\u0000"`,
		"an escape with capitals":       `"\u00AF"`,
		"a pair of surrogates":          `"\uD801\udc37"`,
		"half a pair":                   `"\uDADA"`,
		"a pair the wrong way round":    `"\uDd1e\uD834"`,
		"an escaped noncharacter":       `"\uFFFF"`,
		"an escaped backslash before u": `"\\u0000"`,
		"delete":                        "\"\x7f\"",
		"a comment in a text":           `"a/*b*/c//d"`,
		"a line separator":              "\"\u2028\u2029\"",
		"four bytes of UTF-8":           `"𝄞"`,
		"a noncharacter":                "\"\U0010ffff\"",
		"a mark within a text":          "\"\ufeff\"",
		"an object with an empty key":   `{"": 0}`,
		"an object with an escaped key": `{"a\u0000b": 12}`,
		"a key of surrogates":           `{"\ud83d\ude00": 1}`,
		"an object with line ends":      "{\n\"a\"\r:\t1\n}",
		"an object with keys that differ by case": `{"a": 1, "A": 2}`,
		"one key in two objects":                  `[{"a": 1}, {"a": 1}]`,
		"one key on two levels":                   `{"a": {"a": {"a": 1}}}`,
		"63 arrays":                               nesting(63, `[`, ``, `]`),
		"63 objects":                              nesting(62, `{"a":`, `{}`, `}`),
		"many arrays side by side":                `[` + strings.Repeat(`[],`, 500) + `[]]`,
	}
	for name, value := range tests {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(value)) {
				t.Fatal("the case itself is wrong")
			}
			if _, err := ParseOrder(orderBody("Extra", value)); err != nil {
				t.Errorf("order: %v", err)
			}
			if _, err := ParseAlert(alertBody("Extra", value)); err != nil {
				t.Errorf("alert: %v", err)
			}
		})
	}
}

// TestMalformedValues has values that no document may hold, in the manner of the public JSON corpora.
func TestMalformedValues(t *testing.T) {
	tests := map[string]string{
		"a comma too many":                    `[1,]`,
		"two commas":                          `[1,,2]`,
		"a comma first":                       `[,1]`,
		"only a comma":                        `[,]`,
		"no comma":                            `[1 2]`,
		"no comma between arrays":             `[[] []]`,
		"a colon":                             `["": 1]`,
		"an array that stays open":            `[1`,
		"an array that is closed twice":       `[1]]`,
		"an array that a brace closes":        `[1}`,
		"an object that a bracket closes":     `{"a": 1]`,
		"only a minus":                        `[-]`,
		"a star":                              `[*]`,
		"an ampersand":                        `[&]`,
		"a bare word":                         `[a]`,
		"+1":                                  `+1`,
		"++1":                                 `++1`,
		"01":                                  `01`,
		"-01":                                 `-01`,
		"-012":                                `-012`,
		"00":                                  `00`,
		"1.":                                  `1.`,
		"-2.":                                 `-2.`,
		".5":                                  `.5`,
		"-.5":                                 `-.5`,
		"0.e1":                                `0.e1`,
		"1e":                                  `1e`,
		"1e+":                                 `1e+`,
		"1E-":                                 `1E-`,
		"1eE2":                                `1eE2`,
		"0.3e":                                `0.3e`,
		"1.2.3":                               `1.2.3`,
		"1 000":                               `1 000`,
		"1_000":                               `1_000`,
		"9.e+":                                `9.e+`,
		"--1":                                 `--1`,
		"- 1":                                 `- 1`,
		"NaN":                                 `NaN`,
		"-NaN":                                `-NaN`,
		"Infinity":                            `Infinity`,
		"-Infinity":                           `-Infinity`,
		"Inf":                                 `Inf`,
		"0x1":                                 `0x1`,
		"0b1":                                 `0b1`,
		"0o7":                                 `0o7`,
		"1a":                                  `1a`,
		"1e1.5":                               `1e1.5`,
		"full-width 1":                        `１`,
		"1L":                                  `1L`,
		"True":                                `True`,
		"TRUE":                                `TRUE`,
		"tru":                                 `tru`,
		"truee":                               `truee`,
		"fals":                                `fals`,
		"nul":                                 `nul`,
		"nulll":                               `nulll`,
		"None":                                `None`,
		"undefined":                           `undefined`,
		"nothing":                             ` `,
		"a text in single quotes":             `'a'`,
		"a text without quotes":               `abc`,
		"a text that stays open":              `"abc`,
		"a text that a backslash leaves open": `"abc\"`,
		"only a quote":                        `"`,
		"typographic quotes":                  `“a”`,
		"\\x":                                 `"\x00"`,
		"\\a":                                 `"\a"`,
		"\\'":                                 `"\'"`,
		"\\0":                                 `"\0"`,
		"\\U":                                 `"\U0001d11e"`,
		"\\u with too few digits":             `"\u00A"`,
		"\\u with others":                     `"\u00GG"`,
		"\\u with nothing":                    `"\u"`,
		"\\u with a brace":                    `"\u{1d11e}"`,
		"\\ before an emoji":                  `"\🌀"`,
		"half a pair and half an escape":      `"\ud800\u1"`,
		"a tab":                               "\"\t\"",
		"a line end":                          "\"a\nb\"",
		"a return":                            "\"a\rb\"",
		"a zero byte":                         "\"a\x00b\"",
		"an escape character":                 "\"\x1b\"",
		"a unit separator":                    "\"\x1f\"",
		"a key without quotes":                `{a: 1}`,
		"a key in single quotes":              `{'a': 1}`,
		"a key that is a number":              `{1: 1}`,
		"a key that is null":                  `{null: 1}`,
		"a key that is an array":              `{[]: 1}`,
		"a key alone":                         `{"a"}`,
		"no value":                            `{"a":}`,
		"no key":                              `{:1}`,
		"two colons":                          `{"a"::1}`,
		"a comma for a colon":                 `{"a",1}`,
		"an equals sign":                      `{"a"=1}`,
		"an object with a comma too many":     `{"a":1,}`,
		"an object with two commas":           `{"a":1,,"b":2}`,
		"an object with no comma":             `{"a":1 "b":2}`,
		"an object with a comma first":        `{,"a":1}`,
		"two values":                          `{"a":1 2}`,
		"an object that stays open":           `{"a":1`,
		"a comment":                           `1 /* one */`,
		"a comment to the end":                "1 // one\n",
		"a hash":                              "1 # one\n",
		"a semicolon":                         `1;`,
		"a vertical tab":                      "[\v1]",
		"a form feed":                         "[\f]",
		"a no-break space":                    "[\u00a0]",
		"a word joiner":                       "[\u2060]",
		"a mark before a value":               "\ufeff1",
		"an escape outside a text":            `[\n]`,
		"the start of a tag":                  `<1>`,
		"a call":                              `f(1)`,
		"a template":                          `{{1}}`,
		"a byte that is not UTF-8":            "\"\xff\"",
		"a lone continuation":                 "\"\x80\"",
		"an overlong slash":                   "\"\xc0\xaf\"",
		"a surrogate in UTF-8":                "\"\xed\xa0\x80\"",
		"beyond the last character":           "\"\xf4\x90\x80\x80\"",
		"UTF-8 that is cut off":               "\"\xe2\x82\"",
		"Latin-1":                             "\"\xe9\"",
		"a key that is not UTF-8":             "{\"\xff\": 1}",
		"one key twice":                       `{"a":1,"a":2}`,
		"one key twice with one value":        `{"a":1,"a":1}`,
		"one key twice, once escaped":         `{"a":1,"\u0061":1}`,
		"one key twice in an array":           `[{"b":{"a":1,"c":2,"a":3}}]`,
		"an empty key twice":                  `{"":1,"":1}`,
		"64 arrays":                           nesting(64, `[`, ``, `]`),
		"64 objects":                          nesting(63, `{"a":`, `{}`, `}`),
		"64 of both":                          nesting(32, `[{"a":`, `1`, `}]`),
		"64 behind others":                    `[[], ` + nesting(63, `[`, ``, `]`) + `]`,
		"30000 arrays":                        nesting(30000, `[`, ``, `]`),
		"30000 arrays that stay open":         strings.Repeat(`[`, 30000),
	}
	for name, value := range tests {
		t.Run(name, func(t *testing.T) {
			wantSyntaxError(t, orderBody("Extra", value))
			wantSyntaxError(t, alertBody("Extra", value))
		})
	}
}

func TestMalformedDocuments(t *testing.T) {
	tests := map[string]string{
		"an empty body":                      ``,
		"only space":                         " \t\r\n",
		"only a byte order mark":             "\ufeff",
		"a mark and space":                   "\ufeff ",
		"two marks":                          "\ufeff\ufeff" + string(orderBody()),
		"half a mark":                        "\xef\xbb" + string(orderBody()),
		"a mark after":                       string(orderBody()) + "\ufeff",
		"a zero byte":                        "\x00",
		"a zero byte after":                  string(orderBody()) + "\x00",
		"UTF-16":                             "\xff\xfe{\x00}\x00",
		"UTF-16 without a mark":              "{\x00}\x00",
		"an array":                           `[]`,
		"an array with the document":         `[` + string(orderBody()) + `]`,
		"a text":                             `"text"`,
		"the document as a text":             strconv.Quote(string(orderBody())),
		"a number":                           `17`,
		"null":                               `null`,
		"true":                               `true`,
		"a form":                             `OrderId=` + string(anID) + `&State=1`,
		"XML":                                `<Order><State>1</State></Order>`,
		"JSONP":                              `f(` + string(orderBody()) + `)`,
		"only an opening brace":              `{`,
		"only a closing brace":               `}`,
		"a document that ends early":         string(orderBody()[:len(orderBody())-1]),
		"a brace too many":                   string(orderBody()) + `}`,
		"two documents":                      string(orderBody()) + string(orderBody()),
		"two documents on two lines":         string(orderBody()) + "\n" + string(orderBody()),
		"a comma after":                      string(orderBody()) + `,`,
		"a word after":                       string(orderBody()) + `x`,
		"a comment after":                    string(orderBody()) + ` // x`,
		"a key twice":                        `{"OrderId": "x", "OrderId": "x"}`,
		"a key twice, in other case":         `{"OrderId": "x", "ORDERID": "x"}`,
		"an unknown key twice":               `{"x": 1, "y": 2, "x": 1}`,
		"an unknown key twice in other case": `{"x": 1, "y": 2, "X": 1}`,
		"a key twice, once escaped":          `{"State": 1, "\u0053tate": 1}`,
		"a key twice, once null":             `{"State": 1, "State": null}`,
		"a key twice, beyond ASCII":          `{"É": 1, "é": 1}`,
		"a long key twice":                   `{"` + strings.Repeat("x", 20000) + `": 1, "` + strings.Repeat("x", 20000) + `": 1}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) { wantSyntaxError(t, []byte(body)) })
	}
}

func TestParsingLeavesTheBodyAlone(t *testing.T) {
	body := append([]byte("\xef\xbb\xbf"), orderBody("SimId", `"`+strings.ToUpper(string(anID))+`"`, "X", `{"y": [1]}`)...)
	before := string(body)
	if _, err := ParseOrder(body); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseAlert(body); err == nil {
		t.Fatal("an order was read as an alert")
	}
	if string(body) != before {
		t.Errorf("the body is now %q", body)
	}
}
