package plugin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// nilID is what the sender writes where there is none.
const nilID = "00000000-0000-0000-0000-000000000000"

// orderFlags are what a person says of an order.
type orderFlags struct {
	id, kind, state, sim, pool, apn string
}

// alertFlags are what a person says of an alert.
type alertFlags struct {
	id, name, trigger, stat, condition, limit, value string
	sim, pool                                        string
}

// orderPayload writes an Orders Update delivery as Mobile Manager does, types and states as their numbers.
func orderPayload(f orderFlags, random io.Reader) ([]byte, error) {
	id, err := idOr(f.id, random)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		OrderID string `json:"OrderId"`
		State   any
		Type    any
		SimID   string `json:"SimId"`
		PoolID  string `json:"PoolId"`
		APNID   string `json:"APNId"`
	}{
		OrderID: id,
		State:   codeOf(f.state, v1alpha1.OrderStates()),
		Type:    codeOf(f.kind, v1alpha1.OrderTypes()),
		SimID:   cmp.Or(f.sim, nilID), PoolID: cmp.Or(f.pool, nilID), APNID: cmp.Or(f.apn, nilID),
	})
}

// codeOf is the number of a name; what is no name of ours is for the ingress to judge.
func codeOf[S ~string](name string, known []S) any {
	if i := slices.IndexFunc(known, func(k S) bool { return strings.EqualFold(string(k), name) }); i >= 0 {
		return i
	}
	return name
}

// alertPayload writes an Alert delivery as Mobile Manager does.
func alertPayload(f alertFlags, random io.Reader) ([]byte, error) {
	if f.sim != "" && f.pool != "" {
		return nil, errors.New("an alert is on a SIM or on a pool: give one of --sim and --pool")
	}
	id, err := idOr(f.id, random)
	if err != nil {
		return nil, err
	}
	target := v1alpha1.AlertTargetSIM
	if f.pool != "" {
		target = v1alpha1.AlertTargetPool
	}
	entity, err := idOr(f.sim+f.pool, random)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		AlertName             string
		AlertID               string `json:"AlertId"`
		AlertTargetType       v1alpha1.AlertTarget
		AlertTriggerType      string
		AlertStatName         string
		AlertConditionalValue string
		AlertCondition        string
		AlertTriggerValue     string
		EntityID              string `json:"EntityId"`
	}{f.name, id, target, f.trigger, f.stat, f.limit, f.condition, f.value, entity})
}

// idOr is the id that was given, or a new one.
func idOr(given string, random io.Reader) (string, error) {
	if given != "" {
		return given, nil
	}
	id, err := uuid.NewRandomFromReader(random)
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

// resource is what a delivery is about.
type resource struct {
	kind, name string
}

// resourceOf reads a body as the ingress would.
func resourceOf(kind string, body []byte) (resource, error) {
	if kind == webhook.KindOrders {
		order, err := webhook.ParseOrder(body)
		return resource{v1alpha1.KindSimOrder, order.Name()}, err
	}
	alert, err := webhook.ParseAlert(body)
	return resource{v1alpha1.KindSimAlert, alert.Name()}, err
}
