package simulator

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Whether an attempt counts as kept decides what the ledger can prove.
func TestDeliverJudgesWhatItIsTold(t *testing.T) {
	readable := message{line: &line{}, resource: Resource{Orders, "1"}, kind: Orders}
	garbled := message{resource: Resource{Kind: Orders}, kind: Orders}
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	tests := map[string]struct {
		message    message
		server     http.HandlerFunc
		want       Outcome
		number     uint64
		unexpected bool
	}{
		"accepted":                       {readable, answer(200, `{"deliveryID": "spool-1-12"}`), Accepted, 12, false},
		"accepted without an id":         {readable, answer(200, `{}`), Accepted, 0, true},
		"into quarantine":                {garbled, answer(422, `{"deliveryID": "spool-1-13"}`), Accepted, 13, false},
		"a good one into quarantine":     {readable, answer(422, `{"deliveryID": "spool-1-13"}`), Refused, 0, true},
		"what cannot be read accepted":   {garbled, answer(200, `{"deliveryID": "spool-1-13"}`), Refused, 0, true},
		"full":                           {readable, answer(503, ``), Refused, 0, false},
		"too fast":                       {readable, answer(429, ``), Refused, 0, false},
		"unknown, though it was known":   {readable, answer(404, ``), Refused, 0, true},
		"a failure of which none knows":  {readable, answer(500, ``), Maybe, 0, true},
		"the connection broke":           {readable, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Maybe, 0, false},
		"no answer in time":              {readable, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, MaybeLate, 0, false},
		"nobody there: nothing was sent": {readable, nil, Refused, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.server)
			defer server.Close()
			if test.server == nil {
				server.Close()
			}
			patience := time.Minute
			if test.want == MaybeLate {
				patience = 200 * time.Millisecond
			}
			s := &Simulator{
				options: Options{Webhooks: []Webhook{{OrdersURL: server.URL}}},
				client:  &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: (&net.Dialer{}).DialContext}},
				ledger:  NewLedger(),
			}
			accepted := s.deliver(t.Context(), &test.message)
			got := s.ledger.Garbled
			if account := s.ledger.Accounts[test.message.resource]; account != nil {
				got = account.Attempts
			}
			if len(got) != 1 || got[0].Outcome != test.want || got[0].Number != test.number || accepted != (test.want == Accepted) {
				t.Errorf("attempts %+v, accepted %t; want outcome %d, number %d", got, accepted, test.want, test.number)
			}
			if unexpected := len(s.ledger.Unexpected) > 0; unexpected != test.unexpected {
				t.Errorf("unexpected: %v", s.ledger.Unexpected)
			}
		})
	}
}
