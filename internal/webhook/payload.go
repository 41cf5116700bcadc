package webhook

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// nilUUID is what the sender writes where there is no SIM, pool or APN.
const nilUUID v1alpha1.UUID = "00000000-0000-0000-0000-000000000000"

// A FieldError says what a well-formed document lacks, or what of it cannot be read.
type FieldError struct {
	Field  string
	Detail string
}

func (e *FieldError) Error() string {
	return e.Field + " " + e.Detail
}

// Order is one delivery of the Orders Update webhook. Type and the ids of SIM, pool and APN are empty where the sender
// named none.
type Order struct {
	OrderID v1alpha1.UUID
	State   v1alpha1.OrderState
	Type    v1alpha1.OrderType
	SimID   v1alpha1.UUID
	PoolID  v1alpha1.UUID
	APNID   v1alpha1.UUID
}

// Name is the name of the SimOrder that the delivery is about.
func (o Order) Name() string {
	return string(o.OrderID)
}

// Alert is one delivery of an Alert webhook. What the sender left out is empty.
type Alert struct {
	AlertID          v1alpha1.UUID
	EntityID         v1alpha1.UUID
	Trigger          v1alpha1.AlertTrigger
	AlertName        string
	TargetType       v1alpha1.AlertTarget
	StatName         string
	Condition        string
	ConditionalValue string
	TriggerValue     string
}

// Name is the name of the SimAlert that the delivery is about.
func (a Alert) Name() string {
	return string(a.AlertID) + "-" + string(a.EntityID)
}

// ParseOrder reads the body of an Orders Update delivery. The error is a *SyntaxError where it is no JSON object, and a
// *FieldError where it is one that says too little or what we cannot read.
func ParseOrder(body []byte) (Order, error) {
	members, err := readObject(body, make(object, 0, usualMembers))
	if err != nil {
		return Order{}, err
	}
	f := fields{members: members, err: &err}
	order := Order{
		OrderID: f.requiredUUID("OrderId"),
		State:   requiredCode(&f, "State", v1alpha1.OrderStates()),
		Type:    code(&f, "Type", v1alpha1.OrderTypes()),
		SimID:   f.uuid("SimId"),
		PoolID:  f.uuid("PoolId"),
		APNID:   f.uuid("APNId"),
	}
	if err != nil {
		return Order{}, err
	}
	return order, nil
}

// ParseAlert reads the body of an Alert delivery, with the errors of ParseOrder.
func ParseAlert(body []byte) (Alert, error) {
	members, err := readObject(body, make(object, 0, usualMembers))
	if err != nil {
		return Alert{}, err
	}
	f := fields{members: members, err: &err}
	alert := Alert{
		AlertID:          f.requiredUUID("AlertId"),
		EntityID:         f.requiredUUID("EntityId"),
		Trigger:          f.trigger("AlertTriggerType"),
		AlertName:        f.text("AlertName", MaxNameRunes),
		TargetType:       f.target("AlertTargetType"),
		StatName:         f.text("AlertStatName", MaxTextRunes),
		Condition:        f.text("AlertCondition", MaxTextRunes),
		ConditionalValue: f.text("AlertConditionalValue", MaxTextRunes),
		TriggerValue:     f.text("AlertTriggerValue", MaxTextRunes),
	}
	if err != nil {
		return Alert{}, err
	}
	return alert, nil
}

// fields reads members of a document and keeps the first error, so that a parser reads as a list of its fields.
type fields struct {
	members object
	err     *error // not here, or the compiler would take members to outlive the parser, and put them on the heap
}

func (f *fields) fail(field, format string, args ...any) {
	if *f.err == nil {
		*f.err = &FieldError{Field: field, Detail: fmt.Sprintf(format, args...)}
	}
}

// text reads a string, a number or a boolean as it was sent; null and a missing member are empty.
func (f *fields) text(field string, maxRunes int) string {
	sent := f.members.value(field)
	text := sent.text
	if sent.kind == kindNested {
		f.fail(field, "must be a string or a number")
	}
	if utf8.RuneCountInString(text) > maxRunes {
		f.fail(field, "is longer than %d characters", maxRunes)
		return ""
	}
	return text
}

// isUUID says whether a text is a UUID in lower case, as the schema has it. A regular expression takes ten times as long.
func isUUID(text string) bool {
	if len(text) != len(nilUUID) {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if nilUUID[i] == '-' {
			if c != '-' {
				return false
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (f *fields) requiredUUID(field string) v1alpha1.UUID {
	id := f.members.value(field).asString()
	if isUUID(id) {
		return v1alpha1.UUID(id)
	}
	if id = strings.ToLower(id); !isUUID(id) {
		f.fail(field, "must be a UUID")
	}
	return v1alpha1.UUID(id)
}

// uuid reads an id that may be missing, null, empty or the nil UUID, all of which mean that there is none.
func (f *fields) uuid(field string) v1alpha1.UUID {
	if sent := f.members.value(field); sent.text == "" && sent.kind != kindNested {
		return ""
	}
	if id := f.requiredUUID(field); id != nilUUID {
		return id
	}
	return ""
}

func requiredCode[C ~string](f *fields, field string, known []C) C {
	read := code(f, field, known)
	if read == "" {
		f.fail(field, "is missing")
	}
	return read
}

// code reads a code by its number, its numeric string, or its name in any case. The index in known is the number; a
// number beyond it is kept as Code<N>, for the sender announces that there will be more.
func code[C ~string](f *fields, field string, known []C) C {
	text := strings.TrimSpace(f.text(field, MaxTextRunes))
	if text == "" {
		return ""
	}
	if number, ok := codeNumber(text); ok {
		if number < len(known) {
			return known[number]
		}
		return C("Code" + strconv.Itoa(number))
	}
	for _, name := range known {
		if strings.EqualFold(text, string(name)) {
			return name
		}
	}
	f.fail(field, "must be a code from 0, or one of %s", join(known))
	return ""
}

func join[C ~string](codes []C) string {
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = string(code)
	}
	return strings.Join(texts, ", ")
}

// codeNumber reads 17 and Code17, up to nine digits.
func codeNumber(text string) (number int, ok bool) {
	const prefix, maxDigits = "code", 9
	if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		text = text[len(prefix):]
	}
	if text == "" || len(text) > maxDigits {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		number = 10*number + int(text[i]-'0')
	}
	return number, true
}

func (f *fields) trigger(field string) v1alpha1.AlertTrigger {
	text := strings.TrimSpace(f.members.value(field).asString())
	for _, trigger := range []v1alpha1.AlertTrigger{v1alpha1.AlertTriggerOn, v1alpha1.AlertTriggerOff} {
		if strings.EqualFold(text, string(trigger)) {
			return trigger
		}
	}
	f.fail(field, "must be On or Off")
	return ""
}

// target reads SIM or Pool in any case, and keeps another target as it was sent.
func (f *fields) target(field string) v1alpha1.AlertTarget {
	text := f.text(field, MaxTargetRunes)
	for _, target := range []v1alpha1.AlertTarget{v1alpha1.AlertTargetSIM, v1alpha1.AlertTargetPool} {
		if strings.EqualFold(text, string(target)) {
			return target
		}
	}
	return v1alpha1.AlertTarget(text)
}
