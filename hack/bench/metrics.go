package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A series is one line of a metrics page.
type series struct {
	name   string
	labels map[string]string
	value  float64
}

// scrape reads a metrics page.
func scrape(ctx context.Context, client *http.Client, url string) ([]series, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading metrics: the answer is %s", response.Status)
	}
	return parseMetrics(response.Body)
}

func parseMetrics(page io.Reader) ([]series, error) {
	var all []series
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("reading metrics: %w", err)
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(line[:max(end, 0)], "}"), "{")
		all = append(all, series{name: name, labels: parseLabels(labels), value: value})
	}
	return all, lines.Err()
}

// parseLabels reads a="b",c="d". Quotes within a value, which none of ours has, are left as they stand.
func parseLabels(text string) map[string]string {
	labels := map[string]string{}
	for text != "" {
		name, rest, found := strings.Cut(text, `="`)
		if !found {
			break
		}
		value, after, _ := strings.Cut(rest, `"`)
		labels[name] = value
		text = strings.TrimPrefix(after, ",")
	}
	return labels
}

// sum adds up the series of a name that match.
func sum(all []series, name string, matches func(labels map[string]string) bool) float64 {
	total := 0.0
	for _, s := range all {
		if s.name == name && (matches == nil || matches(s.labels)) {
			total += s.value
		}
	}
	return total
}
