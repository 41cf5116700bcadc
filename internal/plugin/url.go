package plugin

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// urlView is what url prints.
type urlView struct {
	viewMeta `json:",inline"`

	Namespace string `json:"namespace"`
	Receiver  string `json:"receiver"`
	OrdersURL string `json:"ordersURL"`
	AlertsURL string `json:"alertsURL"`
}

func newURLCommand(env Environment, c *cluster, p *printer) *cobra.Command {
	var base string
	cmd := &cobra.Command{
		Use:   "url RECEIVER",
		Short: "The URLs to paste into Mobile Manager",
		Long: `url prints the URLs of a receiver, which hold its token. It reads its Secret, and so needs the right to get that.

Where it has no spec.externalURL, or you want to reach the ingress another way, give --base-url.`,
		Example: `  kubectl sim url acme -n sims`,
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.completeReceivers(cmd.Context())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return err
			}
			reader, namespace, err := c.connect()
			if err != nil {
				return err
			}
			receiver, err := getReceiver(cmd.Context(), reader, client.ObjectKey{Namespace: namespace, Name: args[0]})
			if err != nil {
				return err
			}
			urls, err := readHooks(cmd.Context(), reader, receiver, base)
			if err != nil {
				return err
			}
			view := urlView{
				viewMeta:  viewMeta{APIVersion: viewVersion, Kind: "ReceiverURLs"},
				Namespace: receiver.Namespace, Receiver: receiver.Name, OrdersURL: urls.orders, AlertsURL: urls.alerts,
			}
			write(env.Err, urlHints(receiver))
			return p.print(view, func(w io.Writer, _ style) { printURLs(w, view) })
		},
	}
	cmd.Flags().StringVar(&base, "base-url", "", "What the URLs begin with, in place of spec.externalURL.")
	return cmd
}

// urlHints are for the person and not for what reads the output.
func urlHints(receiver *v1alpha1.SimReceiver) string {
	hints := "Whoever has these URLs can deliver: treat them as passwords.\n"
	if ready := meta.FindStatusCondition(receiver.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Status != "True" {
		hints += fmt.Sprintf("Deliveries to them are refused now: %s: %s\n", ready.Reason, clean(ready.Message, maxReasonInText))
	}
	return hints
}

func printURLs(w io.Writer, v urlView) {
	write(w, "Settings, Orders Update Webhook:\n  "+v.OrdersURL+"\n"+
		"Alerts, Action Webhook, Action Data (of the On and of the Off action):\n  "+v.AlertsURL+"\n")
}
