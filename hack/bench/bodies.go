package main

import (
	"fmt"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// uuid makes the n-th id of a family: a random one in form, and the same each time.
func uuid(family, n int) string {
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", uint32(n)*2654435761, family, n) //nolint:gosec // spread over the bits, whatever is lost
}

// Families of ids.
const (
	orderIDs = iota + 1
	simIDs
	alertIDs
)

// alertKinds is how many alerts there are that SIMs are under.
const alertKinds = 20

// orderBody is the sender's example of an order, open, for the n-th order.
func orderBody(n int) []byte {
	return fmt.Appendf(nil, `{
                "OrderId": %q,
                "State": 0,
                "Type": 0,
                "SimId": %q,
                "PoolId": "00000000-0000-0000-0000-000000000000",
                "APNId": "00000000-0000-0000-0000-000000000000"
            }`, uuid(orderIDs, n), uuid(simIDs, n))
}

// alertBody is the sender's example of an alert, for the n-th SIM.
func alertBody(trigger v1alpha1.AlertTrigger, value int) func(n int) []byte {
	return func(n int) []byte {
		return fmt.Appendf(nil, `{
                "AlertName": "Alert Name %d",
                "AlertId": %q,
                "AlertTargetType": "SIM",
                "AlertTriggerType": %q,
                "AlertStatName": "SIM.%%USED",
                "AlertConditionalValue": "75",
                "AlertCondition": "GreaterThan",
                "AlertTriggerValue": "%d",
                "EntityId": %q
            }`, n%alertKinds+1, uuid(alertIDs, n%alertKinds), trigger, value, uuid(simIDs, n))
	}
}
