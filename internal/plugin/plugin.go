package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/version"
)

// Exit codes.
const (
	exitOK        = 0
	exitError     = 1
	exitAttention = 2
)

// errAttention ends status --exit-code where something needs attention. It has been printed by then.
var errAttention = errors.New("something needs attention")

// Environment is all that the plugin takes from the process that it runs in.
type Environment struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal says whether Out is a terminal, and so whether it gets colours.
	Terminal bool
	Getenv   func(key string) string
	Clock    clock.PassiveClock
	Random   io.Reader
}

// Run carries out a command line, the program's name left out, and returns the exit code.
func Run(ctx context.Context, env Environment, args []string) int {
	root := newRoot(env) //nolint:contextcheck // the commands have it from cobra, by ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errAttention):
		return exitAttention
	default:
		_, _ = fmt.Fprintln(env.Err, "error:", clean(err.Error(), maxErrorInText)) // nobody is left to tell
		return exitError
	}
}

func newRoot(env Environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-sim",
		Short: "Look after the SIMs that sim-operator keeps in this cluster",
		Long: `kubectl sim shows what Mobile Manager reported of orders and alerts, and what needs attention.

Exit codes: 0 it went well, 1 it did not, 2 something needs attention (only with status --exit-code).`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl sim"},
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetVersionTemplate("kubectl-sim {{.Version}}\n")
	c := newCluster()
	c.bindFlags(root.PersistentFlags())
	p := &printer{env: env}
	p.bindFlags(root)
	root.AddCommand(
		newStatusCommand(env, c, p),
		newTimelineCommand(env, c, p),
		newURLCommand(env, c, p),
		newSendCommand(env, c, p),
	)
	return root
}
