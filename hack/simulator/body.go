package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

const nilUUID = "00000000-0000-0000-0000-000000000000"

// member is one member of a JSON object, in the order in which it is written.
type member struct {
	key   string
	value any
}

func newUUID(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// orderBody writes a delivery of an order, in one of the ways in which it may come.
func orderBody(r *rand.Rand, l *line, s step, full bool) []byte {
	members := []member{{"OrderId", id(r, l.facts["orderID"])}, {"State", codeValue(r, s.says, orderStates)}}
	if full {
		members = append(members, member{"Type", codeValue(r, l.facts["type"], orderTypes)},
			member{"SimId", idOrNil(r, l.facts["simID"])}, member{"PoolId", idOrNil(r, l.facts["poolID"])}, member{"APNId", idOrNil(r, l.facts["apnID"])})
	}
	return write(r, members)
}

// alertBody writes a delivery of an alert.
func alertBody(r *rand.Rand, l *line, s step, full bool) []byte {
	members := []member{
		{"AlertId", id(r, l.facts["alertID"])},
		{"EntityId", id(r, l.facts["entityID"])},
		{"AlertTriggerType", anyCase(r, s.says)},
		{"AlertTriggerValue", s.value},
	}
	if full {
		members = append(members, member{"AlertName", l.facts["alertName"]}, member{"AlertTargetType", anyCase(r, l.facts["targetType"])},
			member{"AlertStatName", l.facts["statName"]}, member{"AlertCondition", l.facts["condition"]}, member{"AlertConditionalValue", l.facts["conditionalValue"]})
	}
	return write(r, members)
}

// codeValue is a code as a number, a numeric string, or a name in any case.
func codeValue(r *rand.Rand, name string, known []string) any {
	number := code(name, known)
	switch r.IntN(6) {
	case 0:
		return anyCase(r, name)
	case 1:
		return fmt.Sprint(number)
	default:
		return number
	}
}

func id(r *rand.Rand, id string) string {
	if chance(r, 0.1) {
		return strings.ToUpper(id)
	}
	return id
}

// idOrNil writes an id that the sender has none of as the nil UUID or null.
func idOrNil(r *rand.Rand, text string) any {
	switch {
	case text != "":
		return id(r, text)
	case chance(r, 0.2):
		return nil
	default:
		return nilUUID
	}
}

func anyCase(r *rand.Rand, text string) string {
	switch r.IntN(8) {
	case 0:
		return strings.ToUpper(text)
	case 1:
		return strings.ToLower(text)
	default:
		return text
	}
}

// write writes an object: its members in any order, its keys in any case, now and then with a byte order mark, or with
// members that nobody knows.
func write(r *rand.Rand, members []member) []byte {
	if chance(r, 0.1) {
		members = append(members, member{"Note", "née 0″ <&> \u2028"}, member{"Links", []any{map[string]any{"Rel": "self"}}})
	}
	if chance(r, 0.3) {
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	change := pick(r, strings.Clone, strings.Clone, strings.Clone, strings.ToLower, strings.ToUpper)
	var out bytes.Buffer
	if chance(r, 0.02) {
		out.WriteString("\ufeff")
	}
	separator := "{"
	for _, m := range members {
		out.WriteString(separator)
		write1(&out, change(m.key))
		out.WriteString(": ")
		write1(&out, m.value)
		separator = ", "
	}
	out.WriteString("}")
	return out.Bytes()
}

func write1(out *bytes.Buffer, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // only values of the package's own are written
	}
	out.Write(text)
}

// garbledBody writes what cannot be read. It is refused with 400 or 422, and kept in quarantine.
func garbledBody(r *rand.Rand, kind string) []byte {
	order, alert := newUUID(r), newUUID(r)
	bodies := []string{
		"", "null", "[]", "42", `"text"`, "{", "}", "<order/>", "OrderId=1&State=2", "\x00\x01\x02", "{\"OrderId\": \"\xff\xfe\"}",
		`{"OrderId": "` + order + `", "State": 1`,
		`{"OrderId": "` + order + `", "State": 1} trailing`,
		strings.Repeat("[", 1000),
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
	}
	if kind == Orders {
		bodies = append(bodies,
			`{"OrderId": "`+order+`", "State": 1, "orderid": "`+alert+`"}`,
			`{"OrderId": "`+order+`"}`,
			`{"OrderId": "`+order+`", "State": "Banana"}`,
			`{"OrderId": "`+order+`", "State": -1}`,
			`{"OrderId": "`+order+`", "State": 1.5}`,
			`{"OrderId": "not-a-uuid", "State": 1}`,
			`{"State": 1, "Type": 0}`,
		)
	} else {
		bodies = append(bodies,
			`{"AlertId": "`+alert+`", "EntityId": "`+order+`"}`,
			`{"AlertId": "`+alert+`", "EntityId": "`+order+`", "AlertTriggerType": "Maybe"}`,
			`{"AlertId": "`+alert+`", "AlertTriggerType": "On"}`,
			`{"AlertId": "", "EntityId": "`+order+`", "AlertTriggerType": "On"}`,
		)
	}
	return []byte(pick(r, bodies...))
}
