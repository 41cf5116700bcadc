package webhook

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
)

// FuzzHandler sends whatever a stranger or a sender may send. No answer is a failure of ours, what is answered 200 is
// kept verbatim for its resource, what a known caller sent that cannot be read is in quarantine, and nothing else is kept.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "/hooks/"+demoToken+"/orders", []byte(`{"OrderId":"0f8fad5b-d9cb-469f-a165-70867728950e","State":1}`))
	f.Add("POST", "/hooks/"+demoToken+"/alerts", []byte(`{"AlertId":"0f8fad5b-d9cb-469f-a165-70867728950e","AlertTriggerType":"On"}`))
	f.Add("POST", "/hooks/"+demoToken+"/orders", []byte(`[`))
	f.Add("GET", "/hooks/../"+demoToken, []byte(nil))
	f.Add("PUT", "//hooks/"+noToken+"/orders/", []byte("{}"))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Method, r.URL, r.RemoteAddr = method, &url.URL{Path: path}, "192.0.2.1:1234"
		d := newDoor(demo())
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("answered %d: %s", w.Code, w.Body)
		}
		quarantined := slices.Contains([]int{http.StatusBadRequest, http.StatusUnprocessableEntity}, w.Code)
		if want := w.Code == http.StatusOK || quarantined; (len(d.spool.kept) == 1) != want {
			t.Fatalf("answered %d, and kept %d", w.Code, len(d.spool.kept))
		}
		if len(d.spool.kept) == 0 {
			return
		}
		k := d.spool.kept[0]
		if !bytes.Equal(k.Body, body) || (k.Reason.Code != "") != quarantined || (k.Key == "") != quarantined {
			t.Errorf("answered %d, and kept %+v", w.Code, k)
		}
	})
}
