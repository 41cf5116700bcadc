package plugin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

const (
	idA = "3f0c2b9a-1111-4222-8333-444455556666"
	idB = "6b1c0f0e-8d5a-4f43-9c55-3a2c1d7e9f10"
	// madeID is what zeros make a random id.
	madeID = "00000000-0000-4000-8000-000000000000"
)

// zeros is a source of what is not random at all.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestOrderPayload(t *testing.T) {
	for name, test := range map[string]struct {
		flags orderFlags
		want  string
	}{
		"names become the sender's numbers": {
			orderFlags{id: idB, kind: "cease", state: "Failed", sim: idA},
			`{"OrderId":"` + idB + `","State":2,"Type":1,"SimId":"` + idA + `","PoolId":"` + nilID + `","APNId":"` + nilID + `"}`,
		},
		"an id is made, and other codes are sent as they are": {
			orderFlags{kind: "15", state: "Code6"},
			`{"OrderId":"` + madeID + `","State":"Code6","Type":"15","SimId":"` + nilID + `","PoolId":"` + nilID + `","APNId":"` + nilID + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := orderPayload(test.flags, zeros{})
			if err != nil || string(body) != test.want {
				t.Errorf("%s, %v; want %s", body, err, test.want)
			}
			if _, err := webhook.ParseOrder(body); err != nil {
				t.Errorf("the ingress cannot read it: %v", err)
			}
		})
	}
}

func TestAlertPayload(t *testing.T) {
	full := alertFlags{id: idB, name: "N", trigger: "On", stat: "SIM.%USED", condition: "GreaterThan", limit: "75", value: "85"}
	want := webhook.Alert{
		AlertID: idB, EntityID: idA, Trigger: "On", AlertName: "N", TargetType: "SIM", StatName: "SIM.%USED",
		Condition: "GreaterThan", ConditionalValue: "75", TriggerValue: "85",
	}
	for name, test := range map[string]struct {
		change func(*alertFlags, *webhook.Alert)
	}{
		"on a SIM":     {func(f *alertFlags, _ *webhook.Alert) { f.sim = idA }},
		"on a pool":    {func(f *alertFlags, w *webhook.Alert) { f.pool, w.TargetType = idA, v1alpha1.AlertTargetPool }},
		"on a new SIM": {func(_ *alertFlags, w *webhook.Alert) { w.EntityID = madeID }},
	} {
		t.Run(name, func(t *testing.T) {
			flags, want := full, want
			test.change(&flags, &want)
			body, err := alertPayload(flags, zeros{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := webhook.ParseAlert(body)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
	if _, err := alertPayload(alertFlags{sim: idA, pool: idB}, zeros{}); err == nil {
		t.Error("an alert on a SIM and a pool is taken")
	}
}

func TestAnswersOfTheDoor(t *testing.T) {
	for name, test := range map[string]struct {
		code   int
		header string
		body   string
		fault  string
	}{
		"accepted":          {code: 200, body: `{"deliveryID":"abc-7"}`},
		"not ours":          {code: 200, body: `<html>`, fault: "answered 200 OK, but no delivery id: that is not the ingress of sim-operator"},
		"unknown token":     {code: 404, body: `{"title":"Not Found","status":404}`, fault: "answered 404 Not Found: the ingress does not know this token, or does not take it from your address (spec.allowedSources)"},
		"in quarantine":     {code: 422, body: `{"title":"Unprocessable Entity","detail":"State is missing","deliveryID":"abc-8"}`, fault: "answered 422 Unprocessable Entity: State is missing; it is in quarantine as delivery abc-8"},
		"suspended":         {code: 503, header: "60", body: `{"title":"Service Unavailable","detail":"the receiver is suspended"}`, fault: "answered 503 Service Unavailable: the receiver is suspended; try again after 60 s"},
		"sent to elsewhere": {code: 302, body: ``, fault: "answered 302 Found"},
	} {
		t.Run(name, func(t *testing.T) {
			door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					t.Errorf("it came by %s", r.Method)
				}
				w.Header().Set("Location", "http://127.0.0.1:1/")
				if test.header != "" {
					w.Header().Set("Retry-After", test.header)
				}
				w.WriteHeader(test.code)
				_, _ = w.Write([]byte(test.body))
			}))
			defer door.Close()
			poster, err := newHTTPClient(doorFlags{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = deliver(t.Context(), poster, door.URL+"/hooks/secret/orders", []byte("{}"))
			fault := ""
			if err != nil {
				fault = err.Error()
			}
			if want := strings.TrimSpace(strings.TrimPrefix(door.URL, "http://") + " " + test.fault); test.fault != "" && fault != want || test.fault == "" && fault != "" {
				t.Errorf("%s\nwant %s", fault, test.fault)
			}
		})
	}
}

func TestNoErrorHoldsTheToken(t *testing.T) {
	for name, test := range map[string]struct {
		url   string
		ended bool
	}{
		"nobody listens": {url: "http://127.0.0.1:1/hooks/secret/orders"},
		"it was ended":   {url: "http://127.0.0.1:1/hooks/secret/orders", ended: true},
		"no URL":         {url: "http://[::1/hooks/secret/orders"},
		"no scheme":      {url: "hooks/secret/orders"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			if test.ended {
				end()
			}
			poster, err := newHTTPClient(doorFlags{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = deliver(ctx, poster, test.url, nil); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestHooksOfAReceiver(t *testing.T) {
	const external, other = "https://hooks.example.com/sims/", "http://127.0.0.1:8080"
	owned := map[string][]byte{"token": []byte("t"), "ordersURL": []byte("https://o"), "alertsURL": []byte("https://a")}
	for name, test := range map[string]struct {
		external, base string
		secret         map[string][]byte
		want           hooks
		fault          string
	}{
		"the manager put them into its Secret": {external: external, secret: owned, want: hooks{"https://o", "https://a"}},
		"the Secret is the user's own": {
			external: external, secret: map[string][]byte{"token": []byte("t")},
			want: hooks{"https://hooks.example.com/sims/hooks/t/orders", "https://hooks.example.com/sims/hooks/t/alerts"},
		},
		"another base":          {external: external, base: other, secret: owned, want: hooks{other + "/hooks/t/orders", other + "/hooks/t/alerts"}},
		"no externalURL":        {secret: map[string][]byte{"token": []byte("t")}, fault: "spec.externalURL"},
		"no token":              {base: other, secret: nil, fault: "has nothing under the key token"},
		"a base that is no URL": {base: "hooks.example.com", secret: owned, fault: "must be like https://"},
	} {
		t.Run(name, func(t *testing.T) {
			r := receiver("demo", v1alpha1.SimReceiverStatus{})
			r.Spec.ExternalURL = test.external
			got, err := hooksOf(r, test.secret, test.base)
			if got != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestAResourceHoldsADelivery(t *testing.T) {
	runs := []v1alpha1.AppliedDeliveries{{Spool: "ab-c", First: 3, Last: 5}, {Spool: "z", First: 1, Last: 1}}
	for id, want := range map[string]bool{"ab-c-3": true, "ab-c-5": true, "ab-c-6": false, "ab-c-2": false, "z-1": true, "y-1": false} {
		spool, number, err := splitDeliveryID(id)
		if err != nil || holds(runs, spool, number) != want {
			t.Errorf("%s: %v, %v", id, !want, err)
		}
	}
	for _, id := range []string{"", "abc", "abc-x"} {
		if _, _, err := splitDeliveryID(id); err == nil {
			t.Errorf("%q is taken for a delivery id", id)
		}
	}
}
