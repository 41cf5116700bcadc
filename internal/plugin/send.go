package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// sendView is what send prints.
type sendView struct {
	viewMeta `json:",inline"`

	DeliveryID string `json:"deliveryID"`
	// The resource that the delivery is about.
	Resource  string `json:"resource"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// State is there with --wait.
	State   string `json:"state,omitempty"`
	Message string `json:"message,omitempty"`
}

// sendFlags are what a person says of a delivery.
type sendFlags struct {
	order orderFlags
	alert alertFlags

	data    string
	baseURL string
	fromEnv bool
	door    doorFlags
	wait    bool
	timeout time.Duration
}

// What is sent.
const (
	sendOrder = "order"
	sendAlert = "alert"
)

// flagsOf are the flags that make sense with one of the two alone.
func flagsOf() map[string][]string {
	return map[string][]string{
		sendOrder: {"order-id", "type", "state", "apn"},
		sendAlert: {"alert-id", "name", "trigger", "stat", "condition", "limit", "value"},
	}
}

func newSendCommand(env Environment, c *cluster, p *printer) *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send RECEIVER order|alert",
		Short: "Make a test delivery, as Mobile Manager would",
		Long: `send posts a delivery to the URL of a receiver. That makes a real resource, or a real report in one; without --order-id or
--alert-id a new one.

It reads the Secret of the receiver for its token. Who may not read it sets ORDERS_URL and ALERTS_URL in the environment, and
says --from-env. The ingress is reached at spec.externalURL, or at --base-url.`,
		Example: `  kubectl sim send acme order --state Failed --type Cease --wait
  kubectl sim send acme alert --sim 3f0c2b9a-1111-4222-8333-444455556666 --trigger Off
  kubectl sim send acme order --data @delivery.json`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return c.completeReceivers(cmd.Context())
			case 1:
				return []cobra.Completion{sendOrder, sendAlert}, cobra.ShellCompDirectiveNoFileComp
			default:
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(p.check(), checkSendFlags(cmd.Flags(), args[1])); err != nil {
				return err
			}
			view, err := send(cmd.Context(), env, c, args[0], args[1], &f)
			if view.DeliveryID != "" {
				err = errors.Join(p.print(view, func(w io.Writer, s style) { printSent(w, s, view) }), err)
			}
			return err
		},
	}
	f.bind(cmd)
	return cmd
}

func (f *sendFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.order.id, "order-id", "", "order: its id; by default a new one.")
	flags.StringVar(&f.order.kind, "type", string(v1alpha1.OrderTypeActivate), "order: its type, by name or code.")
	flags.StringVar(&f.order.state, "state", string(v1alpha1.OrderStateComplete), "order: its state, by name or code.")
	flags.StringVar(&f.order.apn, "apn", "", "order: the id of an APN.")
	flags.StringVar(&f.order.sim, "sim", "", "The id of a SIM; by default none for an order, and a new one for an alert.")
	flags.StringVar(&f.order.pool, "pool", "", "The id of a pool.")
	flags.StringVar(&f.alert.id, "alert-id", "", "alert: its id; by default a new one.")
	flags.StringVar(&f.alert.name, "name", "Test alert", "alert: its name.")
	flags.StringVar(&f.alert.trigger, "trigger", string(v1alpha1.AlertTriggerOn), "alert: On or Off.")
	flags.StringVar(&f.alert.stat, "stat", "SIM.%USED", "alert: the statistic that it watches.")
	flags.StringVar(&f.alert.condition, "condition", "GreaterThan", "alert: how the statistic is compared.")
	flags.StringVar(&f.alert.limit, "limit", "75", "alert: what the statistic is compared with.")
	flags.StringVar(&f.alert.value, "value", "85", "alert: the value of the statistic.")
	flags.StringVar(&f.data, "data", "", "The whole body, in place of all these: @FILE, or - for the standard input. It is sent as it is.")
	flags.StringVar(&f.baseURL, "base-url", "", "Where the ingress is, in place of spec.externalURL.")
	flags.BoolVar(&f.fromEnv, "from-env", false, "Take the URL from ORDERS_URL or ALERTS_URL in the environment, and read no Secret.")
	flags.StringVar(&f.door.caFile, "hook-ca-file", "", "The certificates that the ingress is trusted by, in place of the system's.")
	flags.BoolVar(&f.door.insecure, "hook-insecure-skip-tls-verify", false, "Do not check the certificate of the ingress.")
	flags.BoolVar(&f.wait, "wait", false, "Wait until the resource holds the delivery, and say what became of it.")
	flags.DurationVar(&f.timeout, "timeout", maxDuration, "How long --wait waits.")
	cmd.MarkFlagsMutuallyExclusive("base-url", "from-env")
	noFiles := cobra.ShellCompDirectiveNoFileComp
	must(cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(texts(v1alpha1.OrderTypes()), noFiles)))
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(texts(v1alpha1.OrderStates()), noFiles)))
	must(cmd.RegisterFlagCompletionFunc("trigger", cobra.FixedCompletions([]string{"On", "Off"}, noFiles)))
}

func texts[S ~string](values []S) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}

// checkSendFlags says which flags make no sense together, before anything is read or sent.
func checkSendFlags(flags *pflag.FlagSet, what string) error {
	own := flagsOf()
	if own[what] == nil {
		return fmt.Errorf("what is sent is an order or an alert, and not %q", what)
	}
	others := slices.Clone(own[sendAlert])
	if what == sendAlert {
		others = slices.Clone(own[sendOrder])
	}
	if flags.Changed("data") {
		others = append(append(others, own[what]...), "sim", "pool")
	}
	for _, name := range others {
		if flags.Changed(name) {
			return fmt.Errorf("--%s does not go with what is sent", name)
		}
	}
	return nil
}

// send makes a delivery, and waits for what becomes of it. An error comes with a view where the delivery was accepted.
func send(ctx context.Context, env Environment, c *cluster, receiver, what string, f *sendFlags) (sendView, error) {
	kind := map[string]string{sendOrder: webhook.KindOrders, sendAlert: webhook.KindAlerts}[what]
	body, about, err := f.body(env, kind)
	if err != nil {
		return sendView{}, err
	}
	reader, namespace, err := c.connect()
	if err != nil {
		return sendView{}, err
	}
	hook, err := f.hook(ctx, env, reader, client.ObjectKey{Namespace: namespace, Name: receiver}, kind)
	if err != nil {
		return sendView{}, err
	}
	poster, err := newHTTPClient(f.door)
	if err != nil {
		return sendView{}, err
	}
	defer poster.CloseIdleConnections()
	accepted, err := deliver(ctx, poster, hook, body)
	if err != nil {
		return sendView{}, err
	}
	view := sendView{
		viewMeta:   viewMeta{APIVersion: viewVersion, Kind: "Delivery"},
		DeliveryID: accepted.DeliveryID, Resource: about.kind, Namespace: namespace, Name: about.name,
	}
	if !f.wait {
		return view, nil
	}
	found, err := waitFor(ctx, reader, namespace, about, accepted.DeliveryID, f.timeout)
	view.State, view.Message = found.state, found.message()
	return view, err
}

// body is what is sent, and the resource that it is about. A body that a person wrote is sent even if the ingress will
// not be able to read it: that, too, is worth a test.
func (f *sendFlags) body(env Environment, kind string) ([]byte, resource, error) {
	body, err := f.write(env, kind)
	if err != nil {
		return nil, resource{}, err
	}
	about, err := resourceOf(kind, body)
	if err != nil && f.data == "" {
		return nil, resource{}, fmt.Errorf("the ingress would not accept this: %w", err)
	}
	return body, about, nil
}

func (f *sendFlags) write(env Environment, kind string) ([]byte, error) {
	switch {
	case f.data != "":
		return readData(env.In, f.data)
	case kind == webhook.KindOrders:
		return orderPayload(f.order, env.Random)
	default:
		alert := f.alert
		alert.sim, alert.pool = f.order.sim, f.order.pool
		return alertPayload(alert, env.Random)
	}
}

// readData reads what --data names.
func readData(in io.Reader, data string) ([]byte, error) {
	var body []byte
	var err error
	switch {
	case data == "-" || data == "@-":
		body, err = io.ReadAll(in)
	case data[0] == '@':
		body, err = os.ReadFile(data[1:])
	default:
		return nil, errors.New("--data is @FILE, or - for the standard input")
	}
	if err != nil {
		return nil, fmt.Errorf("read --data: %w", err)
	}
	return body, nil
}

// hook is the URL to deliver to.
func (f *sendFlags) hook(ctx context.Context, env Environment, reader client.Reader, key client.ObjectKey, kind string) (string, error) {
	if f.fromEnv {
		name := map[string]string{webhook.KindOrders: "ORDERS_URL", webhook.KindAlerts: "ALERTS_URL"}[kind]
		if value := env.Getenv(name); value != "" {
			return value, nil
		}
		return "", fmt.Errorf("%s is not set in the environment", name)
	}
	receiver, err := getReceiver(ctx, reader, key)
	if err != nil {
		return "", err
	}
	urls, err := readHooks(ctx, reader, receiver, f.baseURL)
	if err != nil {
		return "", err
	}
	if kind == webhook.KindOrders {
		return urls.orders, nil
	}
	return urls.alerts, nil
}
