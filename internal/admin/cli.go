package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"k8s.io/utils/clock"
)

// Usage is what a person sees who asks for help, or for what there is not.
const Usage = `commands, on the machine or in the pod of a running ingress:
  ingress quarantine list   [--receiver NAMESPACE/NAME] [-o table|json]
  ingress quarantine show   ID... [-o table|json]
  ingress quarantine replay ID... | --all [--receiver NAMESPACE/NAME]
  ingress quarantine drop   ID... | --all [--receiver NAMESPACE/NAME]
  ingress replay --since DURATION|RFC3339
each with [--spool-dir DIR] where the ingress has another one than its default`

// ErrUsage is a command line that says nothing that is understood.
var ErrUsage = errors.New(Usage)

// A CLI carries out the admin commands of a person.
type CLI struct {
	Out   io.Writer
	Clock clock.PassiveClock
	// SpoolDir is where the spool is unless --spool-dir says otherwise.
	SpoolDir string
}

// Commands are the first words of the command lines that Run understands.
func Commands() []string {
	return []string{"quarantine", "replay"}
}

type arguments struct {
	selection
	spoolDir string
	output   string
	since    string
}

// Run carries out a command line, the program's name left out.
func (c CLI) Run(ctx context.Context, words []string) error {
	verb := words[0]
	words = words[1:]
	if verb == "quarantine" {
		if len(words) == 0 {
			return ErrUsage
		}
		verb, words = verb+" "+words[0], words[1:]
	}
	args, err := c.parse(verb, words)
	if err != nil {
		return err
	}
	switch verb {
	case "quarantine list":
		args.All = true
		return c.list(ctx, args, c.writeTable)
	case "quarantine show":
		args.Bodies = true
		return c.list(ctx, args, c.writeWhole)
	case "quarantine replay":
		return c.act(ctx, args, "/quarantine/replay", "moved out of quarantine, to be applied")
	case "quarantine drop":
		return c.act(ctx, args, "/quarantine/drop", "dropped for good")
	case "replay":
		return c.replay(ctx, args)
	}
	return ErrUsage
}

// parse reads flags and ids, in any order.
func (c CLI) parse(verb string, words []string) (arguments, error) {
	args := arguments{}
	flags := flag.NewFlagSet("ingress "+verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&args.Receiver, "receiver", "", "")
	flags.BoolVar(&args.All, "all", false, "")
	flags.StringVar(&args.output, "o", "table", "")
	flags.StringVar(&args.since, "since", "", "")
	flags.StringVar(&args.spoolDir, "spool-dir", c.SpoolDir, "")
	for {
		if err := flags.Parse(words); err != nil {
			return args, fmt.Errorf("%w\n%w", err, ErrUsage)
		}
		if flags.NArg() == 0 {
			break
		}
		args.IDs, words = append(args.IDs, flags.Arg(0)), flags.Args()[1:]
	}
	if args.output != "table" && args.output != "json" {
		return args, fmt.Errorf("-o is table or json\n%w", ErrUsage)
	}
	return args, nil
}

func (c CLI) list(ctx context.Context, args arguments, write func([]Item) error) error {
	var items []Item
	if err := ask(ctx, args.spoolDir, "/quarantine/list", args.selection, &items); err != nil {
		return err
	}
	if args.output == "json" {
		encoder := json.NewEncoder(c.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(items)
	}
	return write(items)
}

func (c CLI) writeTable(items []Item) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(c.Out, "Nothing is in quarantine.")
		return err
	}
	table := tabwriter.NewWriter(c.Out, 0, 8, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tRECEIVER\tKIND\tREASON\tAGE\tBYTES\tMESSAGE")
	for _, item := range items {
		age := c.Clock.Since(item.ReceivedAt).Round(time.Second)
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", item.ID, item.Receiver, item.Kind, item.Reason, age, item.Bytes, oneLine(item.Message))
	}
	return table.Flush()
}

func (c CLI) writeWhole(items []Item) error {
	for _, item := range items {
		_, err := fmt.Fprintf(c.Out, "ID:       %s\nReceiver: %s\nKind:     %s\nReceived: %s\nReason:   %s\nMessage:  %s\nBody:\n%s\n",
			item.ID, item.Receiver, item.Kind, item.ReceivedAt.Format(time.RFC3339Nano), item.Reason, oneLine(item.Message), printable(item.Body))
		if err != nil {
			return err
		}
	}
	return nil
}

// oneLine keeps what strangers sent from steering a terminal.
func oneLine(text string) string {
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// printable gives a body as it is if it is plain text, and quoted if it is not.
func printable(body []byte) string {
	plain := utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool { return r != '\n' && r != '\t' && !strconv.IsPrint(r) })
	if plain {
		return string(body)
	}
	return strconv.Quote(string(body))
}

func (c CLI) act(ctx context.Context, args arguments, path, done string) error {
	if args.All == (len(args.IDs) > 0) {
		return fmt.Errorf("name deliveries, or say --all\n%w", ErrUsage)
	}
	var result outcome
	if err := ask(ctx, args.spoolDir, path, args.selection, &result); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.Out, "%s %s.\n", deliveries(result.Count), done); err != nil {
		return err
	}
	if result.Error != "" {
		return errors.New(result.Error)
	}
	return nil
}

func (c CLI) replay(ctx context.Context, args arguments) error {
	since, err := c.parseSince(args.since)
	if err != nil {
		return err
	}
	var result outcome
	if err := ask(ctx, args.spoolDir, "/replay", replayQuestion{Since: since}, &result); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Out, "To be applied again: %s since %s. What the cluster still knows does not change.\n",
		deliveries(result.Count), since.Format(time.RFC3339))
	return err
}

func deliveries(count int) string {
	if count == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", count)
}

func (c CLI) parseSince(text string) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return c.Clock.Now().Add(-ago), nil
	}
	since, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return since, fmt.Errorf("--since is a duration such as 2h, or a time such as 2026-01-31T12:00:00Z\n%w", ErrUsage)
	}
	return since, nil
}

// ask puts a question to the ingress that has the spool.
func ask(ctx context.Context, spoolDir, path string, question, result any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode the question: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://ingress"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("build the question: %w", err)
	}
	dialer := net.Dialer{}
	caller := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", SocketPath(spoolDir))
		},
	}}
	response, err := caller.Do(request)
	if err != nil {
		return fmt.Errorf("no ingress answers on %s; is it running, and is that its --spool-dir? %w", SocketPath(spoolDir), err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(response.Body).Decode(result); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
