package plugin

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// viewVersion is the version of what -o json and -o yaml print. Fields may be added to it; none is renamed or removed.
const viewVersion = "cli.sim-operator.io/v1"

// viewMeta says what a printed document is.
type viewMeta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// Forms of output.
const (
	outputTable = "table"
	outputJSON  = "json"
	outputYAML  = "yaml"
)

// printer prints views as the flags say.
type printer struct {
	env     Environment
	output  string
	noColor bool
}

func (p *printer) bindFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVarP(&p.output, "output", "o", outputTable, "How to print: table, json or yaml.")
	flags.BoolVar(&p.noColor, "no-color", false, "Print no colours to a terminal either; so does NO_COLOR in the environment.")
	complete := cobra.FixedCompletions([]string{outputTable, outputJSON, outputYAML}, cobra.ShellCompDirectiveNoFileComp)
	must(root.RegisterFlagCompletionFunc("output", complete))
}

// must is for what can only fail by a mistake in this package, which every test would meet.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// colours says whether what is printed may have colours.
func (p *printer) colours() bool {
	return p.env.Terminal && !p.noColor && p.env.Getenv("NO_COLOR") == "" && p.env.Getenv("TERM") != "dumb"
}

// check says whether the form of output is one of ours, before anything is asked of a cluster.
func (p *printer) check() error {
	switch p.output {
	case outputTable, outputJSON, outputYAML:
		return nil
	default:
		return fmt.Errorf("--output is table, json or yaml, and not %q", p.output)
	}
}

// print prints a view: table writes it for a person.
func (p *printer) print(view any, table func(w io.Writer, style style)) error {
	var text []byte
	var err error
	switch p.output {
	case outputJSON:
		text, err = json.MarshalIndent(view, "", "  ")
		text = append(text, '\n')
	case outputYAML:
		text, err = yaml.Marshal(view)
	default:
		table(p.env.Out, style{colours: p.colours()})
		return nil
	}
	if err != nil {
		return fmt.Errorf("print as %s: %w", p.output, err)
	}
	_, err = p.env.Out.Write(text)
	return err
}
