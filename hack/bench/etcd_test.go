package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// fakeEtcd answers as etcd's JSON gateway does: numbers of 64 bits are strings, and bytes are in base64.
func fakeEtcd(t *testing.T, questions map[string]map[string]any) etcd {
	t.Helper()
	answers := map[string]string{
		"/v3/kv/range":           `{"header":{"revision":"42"},"kvs":[{"key":"L2Ev","value":"YWJjZA=="},{"key":"L2I=","value":"YQ=="}],"count":"2"}`,
		"/v3/kv/compaction":      `{"header":{"revision":"42"}}`,
		"/v3/maintenance/status": `{"version":"3.7.3","dbSize":"20480","dbSizeInUse":"16384"}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			t.Error(err)
		}
		questions[r.URL.Path] = question
		_, _ = w.Write([]byte(answers[r.URL.Path]))
	}))
	t.Cleanup(server.Close)
	return etcd{url: server.URL, client: server.Client()}
}

func TestCompact(t *testing.T) {
	questions := map[string]map[string]any{}
	e := fakeEtcd(t, questions)
	sizes, err := e.compact(t.Context())
	if err != nil || sizes != (etcdSizes{InUse: 16384, File: 20480}) {
		t.Errorf("sizes = %+v, %v", sizes, err)
	}
	if question := questions["/v3/kv/compaction"]; question["revision"] != "42" || question["physical"] != true {
		t.Errorf("the compaction was asked for with %v", question)
	}
}

func TestMeanSize(t *testing.T) {
	questions := map[string]map[string]any{}
	e := fakeEtcd(t, questions)
	mean, err := e.meanSize(t.Context(), "/a/")
	if err != nil || mean != 5 {
		t.Errorf("mean size = %v, %v, want 5", mean, err)
	}
	// From /a/ up to, and without, /a0.
	if question := questions["/v3/kv/range"]; question["key"] != "L2Ev" || question["range_end"] != "L2Ew" {
		t.Errorf("the range was asked for with %v", question)
	}
}
