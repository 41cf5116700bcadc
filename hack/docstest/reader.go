package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// index is the document that says what a reader has to do in a terminal before the commands of the others.
const index = "docs/README.md"

// reader does what the documents say.
type reader struct {
	place    *place
	patience time.Duration
	only     *regexp.Regexp

	prepared *shell
	jobs     []*job

	documents, blocks, outputs, resources int
	notRun                                []block
	failures                              []*failure
}

func (r *reader) readAll(ctx context.Context, documents []document) {
	for i, d := range documents {
		if i > 1 && !r.only.MatchString(d.file) {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		begun, blocks, outputs := time.Now(), r.blocks, r.outputs
		failed := r.read(ctx, d)
		r.documents++
		fmt.Printf("%-26s %3d blocks run, %3d outputs compared  %6.1fs\n", d.file, r.blocks-blocks, r.outputs-outputs, time.Since(begun).Seconds())
		if failed == nil {
			continue
		}
		fmt.Println(failed)
		r.failures = append(r.failures, failed)
		if i < 2 { // nothing runs then
			return
		}
	}
}

// read does what one document says, up to the first failure: what follows relies on what comes before.
func (r *reader) read(ctx context.Context, d document) *failure {
	s, err := newShell(r.place, d.file, r.prepared)
	if err != nil {
		return &failure{step: step{file: d.file}, why: err.Error()}
	}
	for _, b := range d.blocks {
		if failed := r.block(ctx, s, b); failed != nil {
			return failed
		}
	}
	if d.file == index {
		r.prepared = s
	}
	return nil
}

func (r *reader) block(ctx context.Context, s *shell, b block) *failure {
	switch b.language {
	case languageYAML:
		return r.resource(ctx, s, b)
	case languageShell, languageConsole:
	default:
		return nil
	}
	steps, err := b.steps()
	if err != nil {
		return &failure{step: step{file: b.file}, line: b.line, why: err.Error()}
	}
	if b.notRun != "" {
		r.notRun = append(r.notRun, b)
	} else {
		r.blocks++
	}
	for _, st := range steps {
		if failed := r.step(ctx, s, b, st); failed != nil {
			return failed
		}
	}
	return nil
}

func (r *reader) step(ctx context.Context, s *shell, b block, st step) *failure {
	if b.notRun != "" {
		if failed := s.check(ctx, st); failed != nil {
			return failed
		}
		return r.place.checkFlags(ctx, st)
	}
	if st.background != "" {
		j, failed := s.start(ctx, st)
		if j != nil {
			r.jobs = append(r.jobs, j)
		}
		return failed
	}
	if st.compared {
		r.outputs++
	}
	return s.run(ctx, st, r.patience)
}

var ours = regexp.MustCompile(`(?m)^apiVersion: sim-operator\.io/`)

// resource has the API server look at a resource of ours, which must not have a field that there is not.
func (r *reader) resource(ctx context.Context, s *shell, b block) *failure {
	text := strings.Join(b.lines, "\n")
	if !ours.MatchString(text) {
		return nil
	}
	r.resources++
	script := "kubectl apply --server-side --force-conflicts --dry-run=server --validate=strict -f - <<'END'\n" + text + "\nEND"
	_, failed := s.once(ctx, step{file: b.file, line: b.line, script: strings.Split(script, "\n")})
	return failed
}

// stop gives Ctrl-C to what still runs, the last first.
func (r *reader) stop() {
	for i := len(r.jobs) - 1; i >= 0; i-- {
		r.jobs[i].stop()
	}
}

func (r *reader) summary() error {
	fmt.Printf("\n%d documents: %d blocks of commands run, %d outputs compared, %d resources shown to the API server, %d blocks not run:\n",
		r.documents, r.blocks, r.outputs, r.resources, len(r.notRun))
	for _, b := range r.notRun {
		fmt.Printf("  %s:%d: %s\n", b.file, b.line, b.notRun)
	}
	if len(r.failures) > 0 {
		return fmt.Errorf("%d documents are wrong", len(r.failures))
	}
	return nil
}
