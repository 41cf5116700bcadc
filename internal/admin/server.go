// Package admin lets a person look into the spool of a running ingress and act on it: the quarantine, and the replay of
// what was applied. One process has a spool's file at a time, so the ingress itself answers, on a socket beside the spool
// that only its own user can open.
package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// maxSocketPath is the most that every system takes as the path of a socket.
const maxSocketPath = 100

// SocketPath is where the ingress with this spool directory answers: beside the spool, or, where that is too long a path
// for a socket, in the directory for temporary files under a name that follows from it.
func SocketPath(spoolDir string) string {
	path := filepath.Join(spoolDir, "admin.sock")
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if len(path) <= maxSocketPath {
		return path
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(os.TempDir(), "sim-operator-"+hex.EncodeToString(sum[:8])+".sock")
}

// Listen opens the socket. The lock on the spool makes sure that a socket that is there already is nobody's.
func Listen(ctx context.Context, spoolDir string) (net.Listener, error) {
	path := SocketPath(spoolDir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the admin socket of before: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the admin socket: %w", err), listener.Close())
	}
	return listener, nil
}

// An Item is a delivery in quarantine as people see it.
type Item struct {
	ID         string    `json:"id"`
	Receiver   string    `json:"receiver"`
	Kind       string    `json:"kind"`
	ReceivedAt time.Time `json:"receivedAt"`
	Since      time.Time `json:"since"`
	Reason     string    `json:"reason"`
	Message    string    `json:"message"`
	Bytes      int       `json:"bytes"`
	// Body is what the sender sent, byte for byte; only show gives it.
	Body []byte `json:"body,omitempty"`
}

// A selection says which deliveries in quarantine are meant.
type selection struct {
	IDs      []string `json:"ids,omitempty"`
	Receiver string   `json:"receiver,omitempty"`
	All      bool     `json:"all,omitempty"`
	Bodies   bool     `json:"bodies,omitempty"`
}

// An outcome says how many deliveries were moved or removed, and what went wrong with others.
type outcome struct {
	Count int    `json:"count"`
	Error string `json:"error,omitempty"`
}

// A Spool is what the server acts on.
type Spool interface {
	ID() string
	Quarantined(f spool.Filter) ([]spool.Quarantined, error)
	Drop(ctx context.Context, numbers ...uint64) (int, error)
	Replay(ctx context.Context, key func(spool.Delivery) (string, error), numbers ...uint64) (int, error)
	ReplayApplied(ctx context.Context, since time.Time) (int, error)
}

type server struct {
	spool Spool
}

// NewHandler answers on the admin socket.
func NewHandler(s Spool) http.Handler {
	a := &server{spool: s}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /quarantine/list", answer(a.list))
	mux.HandleFunc("POST /quarantine/replay", answer(a.replay))
	mux.HandleFunc("POST /quarantine/drop", answer(a.drop))
	mux.HandleFunc("POST /replay", answer(a.replayApplied))
	return mux
}

// answer makes a handler of a function from one JSON document to another.
func answer[Q, A any](f func(ctx context.Context, question Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var question Q
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		found, err := f(r.Context(), question)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(found) // the person hung up
	}
}

func (a *server) list(_ context.Context, s selection) ([]Item, error) {
	items := []Item{}
	err := a.each(s, func(q spool.Quarantined) {
		item := Item{
			ID: webhook.DeliveryID(a.spool.ID(), q.Number), Receiver: q.Receiver, Kind: q.Kind, ReceivedAt: q.ReceivedAt, Since: q.Since,
			Reason: q.Reason.Code, Message: q.Reason.Message, Bytes: len(q.Body),
		}
		if s.Bodies {
			item.Body = q.Body
		}
		items = append(items, item)
	})
	return items, err
}

// each calls f for each delivery that is selected: those named, or all, or all of a receiver.
func (a *server) each(s selection, f func(spool.Quarantined)) error {
	filter := spool.Filter{Receiver: s.Receiver}
	if !s.All {
		numbers, err := a.numbers(s.IDs)
		if err != nil {
			return err
		}
		if filter.Numbers = numbers; len(numbers) == 0 {
			return errors.New("name deliveries, or all")
		}
	}
	for {
		page, err := a.spool.Quarantined(filter)
		if err != nil {
			return fmt.Errorf("read the quarantine: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, q := range page {
			f(q)
		}
		filter.After = page[len(page)-1].Number
	}
}

// numbers takes the ids of deliveries apart. An id of another spool names nothing here.
func (a *server) numbers(ids []string) ([]uint64, error) {
	numbers := make([]uint64, len(ids))
	for i, id := range ids {
		text, ours := strings.CutPrefix(id, a.spool.ID()+"-")
		number, err := strconv.ParseUint(text, 10, 64)
		if !ours || err != nil {
			return nil, fmt.Errorf("%q is no delivery of this ingress, whose ids begin with %s-", id, a.spool.ID())
		}
		numbers[i] = number
	}
	return numbers, nil
}

func (a *server) replay(ctx context.Context, s selection) (outcome, error) {
	return a.act(s, func(numbers []uint64) (int, error) { return a.spool.Replay(ctx, webhook.KeyOf, numbers...) })
}

func (a *server) drop(ctx context.Context, s selection) (outcome, error) {
	return a.act(s, func(numbers []uint64) (int, error) { return a.spool.Drop(ctx, numbers...) })
}

func (a *server) act(s selection, do func(numbers []uint64) (int, error)) (outcome, error) {
	var numbers []uint64
	if err := a.each(s, func(q spool.Quarantined) { numbers = append(numbers, q.Number) }); err != nil {
		return outcome{}, err
	}
	if missing := len(s.IDs) - len(numbers); !s.All && missing > 0 {
		return outcome{}, fmt.Errorf("%d of the %d deliveries are not in quarantine", missing, len(s.IDs))
	}
	count, err := do(numbers)
	result := outcome{Count: count}
	if err != nil {
		result.Error = err.Error()
	}
	return result, nil
}

type replayQuestion struct {
	Since time.Time `json:"since"`
}

func (a *server) replayApplied(ctx context.Context, q replayQuestion) (outcome, error) {
	count, err := a.spool.ReplayApplied(ctx, q.Since)
	if err != nil {
		return outcome{}, fmt.Errorf("replay what was applied (%d deliveries were handed out): %w", count, err)
	}
	return outcome{Count: count}, nil
}
