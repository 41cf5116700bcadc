package receivers

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-logr/logr"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// Watcher keeps a Directory and the file beside the spool up to date with the SimReceivers of the cluster.
type Watcher struct {
	cache     cache.Cache
	directory *Directory
	dir       string
	log       logr.Logger

	changed chan struct{}
	saved   []Receiver
}

// NewWatcher makes a Watcher over a cache that its owner starts. The file is kept in dir.
func NewWatcher(c cache.Cache, directory *Directory, dir string, log logr.Logger) *Watcher {
	return &Watcher{cache: c, directory: directory, dir: dir, log: log, changed: make(chan struct{}, 1)}
}

// Run follows the SimReceivers until ctx ends. While the API server cannot be reached it waits, and the directory keeps
// what was known before.
func (w *Watcher) Run(ctx context.Context) error {
	informer, err := w.cache.GetInformer(ctx, &v1alpha1.SimReceiver{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch SimReceivers: %w", err)
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { w.wake() },
		UpdateFunc: func(any, any) { w.wake() },
		DeleteFunc: func(any) { w.wake() },
	})
	if err != nil {
		return fmt.Errorf("watch SimReceivers: %w", err)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return nil
	}
	w.wake()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
			if err := w.refresh(ctx); err != nil {
				return err
			}
		}
	}
}

func (w *Watcher) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *Watcher) refresh(ctx context.Context) error {
	var list v1alpha1.SimReceiverList
	if err := w.cache.List(ctx, &list); err != nil {
		return fmt.Errorf("list SimReceivers from the cache: %w", err)
	}
	all := make([]Receiver, len(list.Items))
	for i := range list.Items {
		all[i] = FromResource(&list.Items[i])
	}
	slices.SortFunc(all, func(a, b Receiver) int { return cmp.Compare(a.Key(), b.Key()) })
	w.directory.Replace(all, true)
	if reflect.DeepEqual(all, w.saved) {
		return nil
	}
	// The file only matters to a later start; a disk that fails now must not stop the door from knowing its callers.
	if err := Save(w.dir, all); err != nil {
		w.log.Error(err, "The receivers are known, but not saved for a start without the API server")
		return nil
	}
	w.saved = all
	return nil
}
