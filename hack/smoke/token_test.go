package smoke

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/testenv"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/tracing/collector"
)

// fragment is how much of a token is enough to call it a leak. By chance it stands nowhere.
const fragment = 8

// leak looks for a piece of a token: as it is, in base64 as Secrets have it in JSON, and in hexadecimal. Pieces, for a
// dump of bytes breaks it into lines.
func leak(text, token string) string {
	lower := strings.ToLower(text) // once, for a log has megabytes
	for start := range len(token) - fragment {
		part := token[start : start+fragment]
		spellings := map[string]string{"as it is": part, "in hexadecimal": hex.EncodeToString([]byte(part)), "in a dump": dumped(part)}
		if encoded := base64.StdEncoding.EncodeToString([]byte(part)); start%3 == 0 {
			spellings["in base64"] = encoded[:len(encoded)-2]
		}
		for how, spelling := range spellings {
			if at := strings.Index(lower, strings.ToLower(spelling)); at >= 0 {
				return fmt.Sprintf("%s: ...%s...", how, lower[max(0, at-300):min(len(lower), at+60)])
			}
		}
	}
	return ""
}

// dumped is half a piece, as hex.Dump writes it.
func dumped(part string) string {
	return fmt.Sprintf("% x", part)
}

func TestALeakIsSeen(t *testing.T) {
	const token = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
	for name, text := range map[string]string{
		"in a URL":            "POST /hooks/" + token + "/orders",
		"a part":              "token=IjKlMnOpQrSt...",
		"in another case":     strings.ToUpper(token),
		"in a Secret as JSON": `"token":"` + base64.StdEncoding.EncodeToString([]byte(token)) + `"`,
		"in hexadecimal":      hex.EncodeToString([]byte(token)),
		"in a dump":           hex.Dump([]byte("....data..token.." + token)),
	} {
		if leak(text, token) == "" {
			t.Errorf("%s it is not seen", name)
		}
	}
	if found := leak("nothing of AbCdEfG in here", token); found != "" {
		t.Errorf("seen where it is not: %s", found)
	}
}

// A stranger's and a sender's requests, with the tokens that must not be seen anywhere.
type traffic struct {
	*user
	admin  client.Client
	tokens []string
	traces *collector.Collector
	mu     sync.Mutex
	heard  strings.Builder
}

func newTraffic(t *testing.T, args ...string) *traffic {
	t.Helper()
	u := newUser(t, args...)
	scheme := clientgoscheme.Scheme
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(u.cluster.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &traffic{user: u, admin: admin, tokens: []string{u.webhook.Token}}
}

// send returns the status of the answer, and keeps the answer.
func (f *traffic) send(ctx context.Context, method, token, kind, body string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, f.cluster.HooksURL(0)+"/hooks/"+token+"/"+kind, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintln(&f.heard, response.Header, string(answer))
	return response.StatusCode, err
}

// expect sends until the answer has the wanted status.
func (f *traffic) expect(t *testing.T, want int, method, token, kind, body string) {
	t.Helper()
	testenv.Eventually(t, func() error {
		got, err := f.send(t.Context(), method, token, kind, body)
		if err == nil && got != want {
			err = fmt.Errorf("%s %s %.20s is answered %d; want %d", method, kind, body, got, want)
		}
		return err
	})
}

// everything sends what is accepted and what is refused, with one token.
func (f *traffic) everything(t *testing.T, token string) {
	t.Helper()
	id := uuid.NewString()
	f.expect(t, http.StatusOK, http.MethodPost, token, "orders", fmt.Sprintf(`{"OrderId":%q,"State":1}`, id))
	f.expect(t, http.StatusOK, http.MethodPost, token, "alerts", strings.ReplaceAll(alertExample, none, id))
	f.expect(t, http.StatusBadRequest, http.MethodPost, token, "orders", `{`)
	f.expect(t, http.StatusUnprocessableEntity, http.MethodPost, token, "alerts", `{}`)
	f.expect(t, http.StatusRequestEntityTooLarge, http.MethodPost, token, "alerts", strings.Repeat(" ", 70000))
	f.expect(t, http.StatusMethodNotAllowed, http.MethodGet, token, "orders", "")
	for range 50 {
		if _, err := f.send(t.Context(), http.MethodPost, token+"x", "orders", `{}`); err != nil {
			t.Fatal(err)
		}
		if _, err := f.send(t.Context(), http.MethodPost, token, "sims", `{}`); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *traffic) receiver(t *testing.T, name string) *v1alpha1.SimReceiver {
	t.Helper()
	r := &v1alpha1.SimReceiver{}
	if err := f.admin.Get(t.Context(), client.ObjectKey{Namespace: "sims", Name: name}, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// hurry has the manager look at a receiver now, and not only when it is due.
func (f *traffic) hurry(t *testing.T, name string) {
	t.Helper()
	r := f.receiver(t, name)
	before := r.DeepCopy()
	r.Annotations = map[string]string{"look": uuid.NewString()}
	if err := f.admin.Patch(t.Context(), r, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// rotate puts tokens into the Secret of demo, waits until their hashes are published, and returns what Ready says.
func (f *traffic) rotate(t *testing.T, hashes int, data map[string]string) string {
	t.Helper()
	values := map[string][]byte{}
	for key, value := range data {
		values[key] = []byte(value)
	}
	secret := &corev1.Secret{}
	if err := f.admin.Get(t.Context(), client.ObjectKey{Namespace: "sims", Name: "demo-webhook"}, secret); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(secret.Data, func(key string, _ []byte) bool { return strings.Contains(strings.ToLower(key), "token") })
	maps.Copy(secret.Data, values)
	before := f.receiver(t, "demo").Status.TokenHashes // the manager may look at the Secret as soon as it is written
	if err := f.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	f.tokens = append(f.tokens, slices.Collect(maps.Values(data))...)
	f.hurry(t, "demo")
	reason := ""
	testenv.Eventually(t, func() error {
		status := f.receiver(t, "demo").Status
		if len(status.TokenHashes) != hashes || slices.Equal(status.TokenHashes, before) && hashes > 0 {
			return fmt.Errorf("the hashes are %v", status.TokenHashes)
		}
		for _, c := range status.Conditions {
			if c.Type == v1alpha1.ConditionReady {
				reason = c.Reason
			}
		}
		return nil
	})
	return reason
}

func token(name string) string {
	return name + "-" + strings.ReplaceAll(uuid.NewString(), "-", "")
}

// TestTheTokenIsNowhere runs both programs as talkative as their flags allow, does all that has to do with tokens, and
// then looks for them in everything that the programs print, serve and write.
func TestTheTokenIsNowhere(t *testing.T) {
	traces := collector.Start(t)
	f := newTraffic(t, "--zap-log-level=10", "--zap-devel=true", "--traces-endpoint="+traces.Endpoint())
	f.traces = traces
	first := f.webhook.Token
	f.everything(t, first)

	second, weak := token("second"), token("weak")[:30]
	f.rotate(t, 2, map[string]string{"token": second, "previousToken": first})
	f.everything(t, second)
	if reason := f.rotate(t, 1, map[string]string{"token": weak, "previousToken": second}); reason != v1alpha1.ReasonWeakToken {
		t.Errorf("a weak token is %s", reason)
	}
	f.rotate(t, 2, map[string]string{"token": token("third"), "previousToken": second})

	f.faults(t, second)
	f.secrets(t)
	f.lookEverywhere(t, "while they run")

	for _, name := range []string{localcluster.Manager, localcluster.Ingress} {
		restarts := f.cluster.Supervisor().Restarts(name)
		if err := f.cluster.Supervisor().Signal(name, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if _, err := f.cluster.Supervisor().WaitRestarted(t.Context(), name, restarts+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.cluster.WaitProgramsReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.everything(t, second)
	f.lookEverywhere(t, "after a restart")
}

// faults has receivers with a token that somebody else has, and with one that cannot stand in a URL, in Secrets of the
// user's own that cannot be written.
func (f *traffic) faults(t *testing.T, taken string) {
	t.Helper()
	for _, name := range []string{"twin", "odd"} {
		r := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: name}, Spec: v1alpha1.SimReceiverSpec{ExternalURL: "https://hooks.example.com"}}
		value := map[string]string{"twin": taken, "odd": token("odd") + "/ \n"}[name]
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: name + "-webhook"}, Immutable: new(true), Data: map[string][]byte{"token": []byte(value)}}
		f.tokens = append(f.tokens, value)
		if err := errors.Join(f.admin.Create(t.Context(), secret), f.admin.Create(t.Context(), r)); err != nil {
			t.Fatal(err)
		}
		f.shows(t, []string{"False"}, "get", "simreceiver", name)
	}
}

// secrets has a Secret that is made again, one whose URLs change, and a receiver that is suspended.
func (f *traffic) secrets(t *testing.T) {
	t.Helper()
	made := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: "made"}, Spec: v1alpha1.SimReceiverSpec{ExternalURL: "https://one.example.com"}}
	if err := f.admin.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	f.shows(t, []string{"True"}, "get", "simreceiver", "made")
	f.everything(t, f.tokenOf(t, "made"))
	if err := f.admin.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: "made-webhook"}}); err != nil {
		t.Fatal(err)
	}
	f.hurry(t, "made")
	testenv.Eventually(t, func() error {
		return f.admin.Get(t.Context(), client.ObjectKey{Namespace: "sims", Name: "made-webhook"}, &corev1.Secret{})
	})
	f.everything(t, f.tokenOf(t, "made"))
	made = f.receiver(t, "made")
	made.Spec.ExternalURL, made.Spec.Suspend = "https://two.example.com", true
	if err := f.admin.Update(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	f.expect(t, http.StatusServiceUnavailable, http.MethodPost, f.tokens[len(f.tokens)-1], "orders", "{}")
	testenv.Eventually(t, func() error {
		secret := &corev1.Secret{}
		err := f.admin.Get(t.Context(), client.ObjectKey{Namespace: "sims", Name: "made-webhook"}, secret)
		if err == nil && !strings.HasPrefix(string(secret.Data[v1alpha1.SecretKeyOrdersURL]), "https://two.") {
			err = errors.New("the URLs are still the old ones")
		}
		return err
	})
}

func (f *traffic) tokenOf(t *testing.T, receiver string) string {
	t.Helper()
	secret := &corev1.Secret{}
	if err := f.admin.Get(t.Context(), client.ObjectKey{Namespace: "sims", Name: receiver + "-webhook"}, secret); err != nil {
		t.Fatal(err)
	}
	value := string(secret.Data[v1alpha1.SecretKeyToken])
	f.tokens = append(f.tokens, value)
	return value
}

// addresses are all that a program says in its log that it listens on.
var addresses = regexp.MustCompile(`"(?:bindA|a)ddr(?:ess)?":\s*"(127[^"]+|\[::\][^"]+)"`)

func (f *traffic) lookEverywhere(t *testing.T, when string) {
	t.Helper()
	testenv.Eventually(t, func() error {
		for _, span := range []string{tracing.SpanReceive, tracing.SpanApply, tracing.SpanStatus} {
			if !strings.Contains(f.traces.Heard(), `"`+span+`"`) {
				return fmt.Errorf("the collector was sent no span %s", span)
			}
		}
		return nil
	})
	texts := map[string]string{"answers": f.heard.String(), "the traces": f.traces.Heard()}
	for _, name := range []string{localcluster.Manager, localcluster.Ingress} {
		log, err := os.ReadFile(f.cluster.Supervisor().LogFile(name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name+"'s log"] = string(log)
		served := f.serve(t, string(log))
		if !strings.Contains(served, "# HELP ") || !strings.Contains(served, "ok") {
			t.Errorf("%s served neither metrics nor probes: %.500s", name, served)
		}
		texts[name+"'s metrics and probes"] = served
	}
	// What they were told by their flags, or they would not be as talkative as they can be.
	if !strings.Contains(texts[localcluster.Manager+"'s log"], "DEBUG") {
		t.Error("the manager's log has no debug messages")
	}
	maps.Copy(texts, f.resources(t))
	maps.Copy(texts, f.spooled(t))
	for where, text := range texts {
		for i, token := range f.tokens {
			if found := leak(text, token); found != "" {
				t.Errorf("%s, token %d of %d stands in %s, %s", when, i+1, len(f.tokens), where, found)
				break
			}
		}
	}
}

// serve asks for all that a program may serve, wherever it listens.
func (f *traffic) serve(t *testing.T, log string) string {
	t.Helper()
	var served strings.Builder
	for _, match := range addresses.FindAllStringSubmatch(log, -1) {
		for _, path := range []string{"/metrics", "/healthz?verbose", "/readyz?verbose", "/", "/debug/pprof/goroutine?debug=2"} {
			response, err := http.Get("http://" + strings.Replace(match[1], "[::]", "127.0.0.1", 1) + path)
			if err != nil {
				continue
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintln(&served, response.Header, string(body))
		}
	}
	return served.String()
}

// resources are all that the cluster holds, but for Secrets, which is where tokens belong.
func (f *traffic) resources(t *testing.T) map[string]string {
	t.Helper()
	kinds, err := f.run(t.Context(), "api-resources", "--verbs=list", "-o", "name")
	if err != nil {
		t.Fatal(err)
	}
	wanted := slices.DeleteFunc(strings.Fields(kinds), func(kind string) bool { return kind == "secrets" })
	text, err := f.run(t.Context(), "get", strings.Join(wanted, ","), "-A", "--show-managed-fields", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []metav1.TypeMeta }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{v1alpha1.KindSimReceiver, v1alpha1.KindSimOrder, v1alpha1.KindSimAlert, "Event"} {
		if !slices.ContainsFunc(list.Items, func(item metav1.TypeMeta) bool { return item.Kind == kind }) {
			t.Errorf("no %s is seen", kind)
		}
	}
	return map[string]string{"the resources": text}
}

// spooled are the files beside the spool, and the spool itself.
func (f *traffic) spooled(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	dir := filepath.Join(filepath.Dir(f.cluster.Supervisor().LogFile(localcluster.Ingress)), "spool")
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		texts["the file "+filepath.Base(path)] = string(content)
		return err
	})
	if err != nil || len(texts) < 2 {
		t.Fatalf("%d files beside the spool, %v", len(texts), err)
	}
	return texts
}

// TestRotationLosesNothing changes the token under load, step by step as docs/receivers.md has it. Every delivery with a
// token that was valid when it was sent is answered 200, and becomes a resource.
func TestRotationLosesNothing(t *testing.T) {
	f := newTraffic(t)
	current := f.webhook.Token
	valid := newValid(current)
	accepted := make(chan int, 1)
	loadCtx, endLoad := context.WithCancel(t.Context())
	defer endLoad()
	go func() { accepted <- f.load(loadCtx, t, valid) }()

	for range 3 {
		next := token("next")
		f.rotate(t, 2, map[string]string{"token": next, "previousToken": current})
		// What a person sees in the status the ingress has seen too, or sees within moments.
		f.expect(t, http.StatusBadRequest, http.MethodPost, next, "orders", "{")
		valid.use(next)
		f.expect(t, http.StatusBadRequest, http.MethodPost, current, "orders", "{")
		valid.drain()
		f.rotate(t, 1, map[string]string{"token": next})
		testenv.Eventually(t, func() error {
			got, err := f.send(t.Context(), http.MethodPost, current, "orders", "{")
			if err == nil && got != http.StatusNotFound && got != http.StatusTooManyRequests {
				err = fmt.Errorf("the old token is answered %d", got)
			}
			return err
		})
		current = next
	}
	endLoad()
	want := <-accepted
	if want < 100 {
		t.Fatalf("only %d deliveries were sent, which shows nothing", want)
	}
	t.Logf("%d deliveries during three rotations", want)
	testenv.Eventually(t, func() error {
		var orders v1alpha1.SimOrderList
		if err := f.admin.List(t.Context(), &orders, client.InNamespace("sims")); err != nil {
			return err
		}
		if len(orders.Items) != want {
			return fmt.Errorf("there are %d orders; %d were accepted", len(orders.Items), want)
		}
		return nil
	})
}

// valid is the token that senders use. drain waits until no delivery with an older one is under way.
type valid struct {
	mu    sync.RWMutex
	token string
}

func newValid(token string) *valid { return &valid{token: token} }

func (v *valid) use(token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.token = token
}

func (v *valid) drain() {
	v.mu.Lock()
	defer v.mu.Unlock()
}

// pause is how long each sender waits between its deliveries: all have to become resources before the test ends.
const pause = 20 * time.Millisecond

// load delivers orders until ctx ends, and returns how many were accepted. Any other answer fails the test.
func (f *traffic) load(ctx context.Context, t *testing.T, v *valid) int {
	var callers sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 4 {
		callers.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for ; ctx.Err() == nil; <-ticker.C {
				v.mu.RLock()
				status, err := f.send(context.WithoutCancel(ctx), http.MethodPost, v.token, "orders", fmt.Sprintf(`{"OrderId":%q,"State":0}`, uuid.NewString()))
				v.mu.RUnlock()
				if err != nil || status != http.StatusOK {
					t.Errorf("a delivery is answered %d, %v", status, err)
					return
				}
				mu.Lock()
				accepted++
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return accepted
}
