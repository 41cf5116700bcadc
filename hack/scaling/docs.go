package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// replaceSection puts text between the two comments of a name in a document.
func replaceSection(document, name, text string) (string, error) {
	begin, end := fmt.Sprintf("<!-- begin %s: written by make bench-docs -->\n", name), fmt.Sprintf("<!-- end %s -->\n", name)
	before, rest, found := strings.Cut(document, begin)
	if !found {
		return "", fmt.Errorf("there is no line %q", strings.TrimSpace(begin))
	}
	_, after, found := strings.Cut(rest, end)
	if !found {
		return "", fmt.Errorf("there is no line %q", strings.TrimSpace(end))
	}
	return before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after, nil
}

// writeDocs writes all sections of the two documents.
func writeDocs(dir string, r record.Record) error {
	if err := rewrite(filepath.Join(dir, "benchmarks.md"), map[string]string{"record": benchmarks(r)}); err != nil {
		return err
	}
	sections, err := scalingSections(r)
	if err != nil {
		return err
	}
	return rewrite(filepath.Join(dir, "scaling.md"), sections)
}

func rewrite(path string, sections map[string]string) error {
	content, err := os.ReadFile(path) //nolint:gosec // a document of the repository
	if err != nil {
		return err
	}
	document := string(content)
	for name, text := range sections {
		if document, err = replaceSection(document, name, text); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return os.WriteFile(path, []byte(document), 0o644) //nolint:gosec // a document is for all to read
}

// benchmarks is the whole record.
func benchmarks(r record.Record) string {
	var out bytes.Buffer
	for _, run := range r.Runs {
		fmt.Fprintf(&out, "`make bench BENCH_ARGS=%q`, %s, commit %s; %s; load average before %s, after %s; took %s.\n\n",
			run.Arguments, run.Began.Format("2006-01-02 15:04 UTC"), run.Commit, run.Machine, run.LoadBefore, run.LoadAfter, run.Took)
	}
	out.WriteString(caveats(r))
	record.Print(&out, r.Rows)
	return out.String()
}

// Below these a record is of the machine that the numbers of the design are for.
const (
	designSize = 100_000
	quietLoad  = 2
)

// caveats say what the numbers of a record are not.
func caveats(r record.Record) string {
	text := ""
	if _, _, large, err := points(r); err != nil || large.size < designSize {
		text += fmt.Sprintf("**Not at the sizes of the design**, which are of %d resources.\n", designSize)
	}
	for _, run := range r.Runs {
		var load float64
		if _, err := fmt.Sscan(run.LoadBefore, &load); err != nil || load > quietLoad {
			text += "**Not on a quiet machine**: rates and times are those of a machine that was busy with other work, and ratios are noisy.\n"
			break
		}
	}
	if text != "" {
		text += "\n"
	}
	return text
}

func scalingSections(r record.Record) (map[string]string, error) {
	small, middle, large, err := points(r)
	if err != nil {
		return nil, err
	}
	c, err := coefficientsOf(r, small, middle)
	if err != nil {
		return nil, err
	}
	var from, coefficients, predictions, plan, levers bytes.Buffer
	for _, run := range r.Runs {
		fmt.Fprintf(&from, "Commit %s, %s; load average %s before, %s after. ", run.Commit, run.Machine, run.LoadBefore, run.LoadAfter)
	}
	fmt.Fprintf(&from, "\n\n%sFitted at %d and %d alerts, held against %d.", caveats(r), small.size, middle.size, large.size)
	printCoefficients(&coefficients, &c)
	printPredictions(&predictions, predict(c, large))
	printPlan(&plan, &c, defaultAssumptions(), defaultLimits(), scales())
	printLevers(&levers, &c, defaultAssumptions(), defaultLimits(), scales()[2:])
	return map[string]string{
		"from": from.String(), "coefficients": coefficients.String(), "predictions": predictions.String(), "plan": plan.String(), "levers": levers.String(),
	}, nil
}
