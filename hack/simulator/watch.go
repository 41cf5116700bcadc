package simulator

import (
	"context"
	"fmt"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// rewatch is how long to wait before a broken watch is begun again.
const rewatch = 200 * time.Millisecond

// An eventWatch collects Events as they come, since the API server forgets them after an hour.
type eventWatch struct {
	reader *reader

	mu   sync.Mutex
	seen map[string]Event // by uid
}

// watchEvents lists the Events that there are and then watches until ctx ends.
func watchEvents(ctx context.Context, r *reader) (*eventWatch, error) {
	w := &eventWatch{reader: r, seen: map[string]Event{}}
	version, err := w.list(ctx)
	if err != nil {
		return nil, err
	}
	go w.run(ctx, version)
	return w, nil
}

// run watches from a version on, and goes on where a watch broke off. Where the server no longer knows that version it
// lists again.
func (w *eventWatch) run(ctx context.Context, version string) {
	for ctx.Err() == nil {
		next, err := w.follow(ctx, version)
		version = next
		if isTooOld(err) {
			if fresh, err := w.list(ctx); err == nil {
				version = fresh
				continue
			}
		}
		sleep(rewatch, ctx.Done())
	}
}

func isTooOld(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

// list takes in all Events that there are, and returns the version to watch from.
func (w *eventWatch) list(ctx context.Context) (version string, err error) {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		list, err := w.reader.events.List(ctx, options)
		if err != nil {
			return "", fmt.Errorf("listing Events: %w", err)
		}
		for i := range list.Items {
			w.add(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return list.ResourceVersion, nil
		}
	}
}

// follow takes Events in until the watch breaks off, and returns the version up to which it came.
func (w *eventWatch) follow(ctx context.Context, version string) (string, error) {
	stream, err := w.reader.events.Watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
	if err != nil {
		return version, fmt.Errorf("watching Events: %w", err)
	}
	defer stream.Stop()
	for item := range stream.ResultChan() {
		event, ok := item.Object.(*eventsv1.Event)
		if !ok {
			return version, apierrors.FromObject(item.Object)
		}
		version = event.ResourceVersion
		if item.Type == watch.Added || item.Type == watch.Modified {
			w.add(event)
		}
	}
	return version, nil
}

func (w *eventWatch) add(e *eventsv1.Event) {
	kind := map[string]string{v1alpha1.KindSimOrder: Orders, v1alpha1.KindSimAlert: Alerts}[e.Regarding.Kind]
	if kind == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[string(e.UID)] = Event{
		Name: e.Name, UID: string(e.UID), Reason: e.Reason, Time: e.EventTime.UTC(), Regarding: Resource{kind, e.Regarding.Name},
	}
}

func (w *eventWatch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// all returns every Event that was there at some time.
func (w *eventWatch) all() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := make([]Event, 0, len(w.seen))
	for _, e := range w.seen {
		events = append(events, e)
	}
	return events
}
