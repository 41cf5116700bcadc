// Command dashboard writes the Grafana dashboard to its standard output: make manifests keeps it in config/grafana.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(layOut(rows())); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}
