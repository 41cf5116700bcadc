package plugin

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// defaultLimit is how many resources are named for each thing that needs attention.
const defaultLimit = 5

func newStatusCommand(env Environment, c *cluster, p *printer) *cobra.Command {
	var o statusOptions
	var all, exitCode bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "What needs attention, and how receivers, orders and alerts stand",
		Example: `  kubectl sim status -A
  kubectl sim status -n sims --since 24h --exit-code`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.limit < 0 || o.since < 0 {
				return errors.New("--limit and --since must not be negative")
			}
			if err := p.check(); err != nil {
				return err
			}
			reader, namespace, err := c.connect()
			if err != nil {
				return err
			}
			if !all {
				o.namespace = namespace
			}
			t := newTally(o, env.Clock.Now())
			if err := countAll(cmd.Context(), reader, t); err != nil {
				return err
			}
			view := t.view()
			if err := p.print(view, func(w io.Writer, s style) { printStatus(w, s, view) }); err != nil {
				return err
			}
			if exitCode && !view.Healthy {
				return errAttention
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&all, "all-namespaces", "A", false, "Look in all namespaces.")
	flags.IntVar(&o.limit, "limit", defaultLimit, "How many resources are named for each thing that needs attention.")
	flags.DurationVar(&o.since, "since", 0, "Leave out orders and alerts that have needed attention for longer, such as 24h; 0 leaves out none.")
	flags.BoolVar(&exitCode, "exit-code", false, "Exit with 2 if something needs attention.")
	return cmd
}

// countAll counts all that is in a namespace, or in all where the tally has none.
func countAll(ctx context.Context, reader client.Reader, t *tally) error {
	where := client.InNamespace(t.options.namespace)
	return errors.Join(
		eachPage(ctx, reader, func(list *v1alpha1.SimReceiverList) { each(list.Items, t.receiver) }, where),
		eachPage(ctx, reader, func(list *v1alpha1.SimOrderList) { each(list.Items, t.order) }, where),
		eachPage(ctx, reader, func(list *v1alpha1.SimAlertList) { each(list.Items, t.alert) }, where),
	)
}

func each[T any](items []T, visit func(*T)) {
	for i := range items {
		visit(&items[i])
	}
}
