package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// printer tells the user what goes on.
type printer struct {
	dir    string
	assets string

	mu  sync.Mutex
	out io.Writer
}

func newPrinter(out io.Writer, dir string) *printer {
	return &printer{out: out, dir: dir}
}

// line prints one line with the time of day.
func (p *printer) line(format string, args ...any) {
	p.print(time.Now().Format(time.TimeOnly) + "  " + fmt.Sprintf(format, args...) + "\n")
}

// notice prints what happened to a process.
func (p *printer) notice(n localcluster.Notice) {
	switch {
	case n.Pid == 0 && n.Delay == 0:
		p.line("%s died (%v); starting it again", n.Name, n.Err)
	case n.Pid == 0:
		p.line("%s died again (%v); starting it in %s; its log is %s", n.Name, n.Err, n.Delay, p.file(n.Name+".log"))
	case n.Restarts > 0:
		p.line("%s runs again, with pid %d", n.Name, n.Pid)
	default:
		p.line("  %-15s pid %-7d log %s", n.Name, n.Pid, p.file(n.Name+".log"))
	}
}

// waiting prints why it takes so long.
func (p *printer) waiting(name string, err error) {
	p.line("waiting for %s: %v", name, err)
}

// instructions say what to do now, to somebody who has not read anything.
func (p *printer) instructions(c *localcluster.Cluster, w localcluster.Webhook) {
	kubectl := p.kubectl() + " --kubeconfig " + p.file("kubeconfig") + " -n " + receiverNamespace
	p.print(strings.NewReplacer(
		"{orders}", w.OrdersURL(0),
		"{alerts}", w.AlertsURL(0),
		"{hooks}", c.HooksURL(0),
		"{env}", p.file("webhook.env"),
		"{logs}", p.file("<name>.log"),
		"{pids}", p.file("<name>.pid"),
		"{kubectl}", kubectl,
	).Replace(instructions))
}

// The two ids of the SIM are the same, so that the order and the alert are one SIM's story.
const instructions = `
sim-operator is up and takes webhooks at {hooks}. Paste this into another terminal, in this directory.

Play Mobile Manager: an order is complete, and a SIM has used 85% of its data.

  curl -sS '{orders}' \
    -d '{"OrderId": "6b1c0f0e-8d5a-4f43-9c55-3a2c1d7e9f10", "State": 1, "Type": 0, "SimId": "3f0c2b9a-1111-4222-8333-444455556666"}'

  curl -sS '{alerts}' \
    -d '{"AlertName": "Alert Name 1", "AlertId": "a1e27000-0000-4000-8000-000000000001", "AlertTargetType": "SIM", "AlertTriggerType": "On", "AlertStatName": "SIM.%USED", "AlertConditionalValue": "75", "AlertCondition": "GreaterThan", "AlertTriggerValue": "85", "EntityId": "3f0c2b9a-1111-4222-8333-444455556666"}'

See what became of it.

  {kubectl} get sim
  {kubectl} events
  {kubectl} describe simalerts

The two URLs are also in {env} (ORDERS_URL, ALERTS_URL), the logs in {logs}, the pids in {pids}.
Ctrl-C stops everything; the next make run goes on with the same data.

`

// kubectl is how to call it from here.
func (p *printer) kubectl() string {
	path := filepath.Join(p.assets, "kubectl")
	if here, err := filepath.Abs("."); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
	}
	return path
}

func (p *printer) file(name string) string {
	return filepath.Join(p.dir, name)
}

func (p *printer) print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.out, text) // a terminal that is gone has nobody to tell
}
