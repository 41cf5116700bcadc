package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// An etcd is asked through its JSON gateway, so that nothing needs its client library.
type etcd struct {
	url    string
	client *http.Client
}

// etcdSizes are those of the database: what is in use of its file, and the file.
type etcdSizes struct {
	InUse int64 `json:"dbSizeInUse,string"`
	File  int64 `json:"dbSize,string"`
}

// compact forgets all that is no longer the state of a key, and returns the sizes then.
func (e *etcd) compact(ctx context.Context) (etcdSizes, error) {
	var answer struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	if err := e.ask(ctx, "/v3/kv/range", map[string]any{"key": []byte("/")}, &answer); err != nil {
		return etcdSizes{}, err
	}
	if err := e.ask(ctx, "/v3/kv/compaction", map[string]any{"revision": answer.Header.Revision, "physical": true}, nil); err != nil {
		return etcdSizes{}, err
	}
	time.Sleep(time.Second) // pages become free with the next commits
	var sizes etcdSizes
	return sizes, e.ask(ctx, "/v3/maintenance/status", map[string]any{}, &sizes)
}

// meanSize is that of the first keys under a prefix and their values, together.
func (e *etcd) meanSize(ctx context.Context, prefix string) (float64, error) {
	const sample = 500
	var answer struct {
		KVs []struct{ Key, Value []byte } `json:"kvs"`
	}
	// The key after all that start with a prefix that ends in a slash ends in the character after the slash.
	end := []byte(prefix[:len(prefix)-1] + "0")
	if err := e.ask(ctx, "/v3/kv/range", map[string]any{"key": []byte(prefix), "range_end": end, "limit": sample}, &answer); err != nil {
		return 0, err
	}
	size := 0
	for _, kv := range answer.KVs {
		size += len(kv.Key) + len(kv.Value)
	}
	return float64(size) / float64(max(len(answer.KVs), 1)), nil
}

func (e *etcd) ask(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking etcd for %s: the answer is %s", path, response.Status)
	}
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading etcd's answer: %w", err)
	}
	return nil
}
