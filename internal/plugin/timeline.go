package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	// lengthOfID is that of a whole UUID.
	lengthOfID = 36
	// minPrefix is how much of an id has to be given.
	minPrefix = 4
	// maxCandidates is how many ids with the same beginning are named.
	maxCandidates = 10
)

func newTimelineCommand(env Environment, c *cluster, p *printer) *cobra.Command {
	var pool, all bool
	var o timelineOptions
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "timeline ID",
		Short: "What was reported of one SIM, or one pool, in the order of time",
		Long: `timeline prints each report of the orders and alerts of a SIM (with --pool, of a pool): what Mobile Manager said, and
when it came in, in UTC. Reports stay for as long as their resource, and so longer than Events do.

The beginning of an id will do, if no other SIM has the same.`,
		Example: `  kubectl sim timeline 3f0c2b9a-1111-4222-8333-444455556666 -n sims
  kubectl sim timeline 3f0c -A --since 24h --reverse`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if since < 0 {
				return errors.New("--since must not be negative")
			}
			if err := p.check(); err != nil {
				return err
			}
			reader, namespace, err := c.connect()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			label, target := v1alpha1.LabelSimID, &o.simID
			if pool {
				label, target = v1alpha1.LabelPoolID, &o.poolID
			}
			if *target, err = findID(cmd.Context(), reader, namespace, label, args[0]); err != nil {
				return err
			}
			if since > 0 {
				o.after = env.Clock.Now().Add(-since)
			}
			view, err := readTimeline(cmd.Context(), reader, namespace, client.MatchingLabels{label: *target}, o)
			if err != nil {
				return err
			}
			return p.print(view, func(w io.Writer, s style) { printTimeline(w, s, view, !all) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&pool, "pool", false, "ID is that of a pool.")
	flags.BoolVarP(&all, "all-namespaces", "A", false, "Look in all namespaces.")
	flags.DurationVar(&since, "since", 0, "Leave out what was last said longer ago, such as 24h; 0 leaves out nothing.")
	flags.BoolVar(&o.reverse, "reverse", false, "The newest first.")
	return cmd
}

// readTimeline reads all that has the label. One SIM's story fits into memory.
func readTimeline(ctx context.Context, reader client.Reader, namespace string, labels client.MatchingLabels, o timelineOptions) (timelineView, error) {
	var orders []v1alpha1.SimOrder
	var alerts []v1alpha1.SimAlert
	err := errors.Join(
		eachPage(ctx, reader, func(list *v1alpha1.SimOrderList) { orders = append(orders, list.Items...) }, client.InNamespace(namespace), labels),
		eachPage(ctx, reader, func(list *v1alpha1.SimAlertList) { alerts = append(alerts, list.Items...) }, client.InNamespace(namespace), labels),
	)
	if err != nil {
		return timelineView{}, err
	}
	if len(orders)+len(alerts) == 0 {
		return timelineView{}, nothingOf(o.simID+o.poolID, namespace)
	}
	return newTimeline(orders, alerts, o), nil
}

func nothingOf(id, namespace string) error {
	return fmt.Errorf("there is no order and no alert of %s %s.%s", clean(id, maxNameInText), place(namespace), elsewhere(namespace))
}

// findID returns the whole id of which a person gave the beginning.
func findID(ctx context.Context, reader client.Reader, namespace, label, given string) (string, error) {
	given = strings.ToLower(strings.TrimSpace(given))
	if len(given) == lengthOfID {
		return given, nil
	}
	if len(given) < minPrefix || len(given) > lengthOfID {
		return "", fmt.Errorf("an id has %d characters; give at least the first %d", lengthOfID, minPrefix)
	}
	found := candidates{prefix: given}
	has := client.HasLabels{label}
	err := errors.Join(
		eachPage(ctx, reader, func(list *v1alpha1.SimOrderList) {
			each(list.Items, func(o *v1alpha1.SimOrder) { found.add(o.Labels[label]) })
		}, client.InNamespace(namespace), has),
		eachPage(ctx, reader, func(list *v1alpha1.SimAlertList) {
			each(list.Items, func(a *v1alpha1.SimAlert) { found.add(a.Labels[label]) })
		}, client.InNamespace(namespace), has),
	)
	if err != nil {
		return "", err
	}
	return found.only(namespace)
}

// candidates are the ids that begin as a person says.
type candidates struct {
	prefix string
	ids    []string
	more   bool
}

func (c *candidates) add(id string) {
	if !strings.HasPrefix(id, c.prefix) || slices.Contains(c.ids, id) {
		return
	}
	if len(c.ids) == maxCandidates {
		c.more = true
		return
	}
	c.ids = append(c.ids, id)
}

// only returns the one id that there is.
func (c *candidates) only(namespace string) (string, error) {
	switch len(c.ids) {
	case 0:
		return "", nothingOf(c.prefix, namespace)
	case 1:
		return c.ids[0], nil
	}
	slices.Sort(c.ids)
	names := strings.Join(c.ids, ", ")
	if c.more {
		names += ", ..."
	}
	return "", fmt.Errorf("more than one id begins with %s: %s", c.prefix, names)
}
