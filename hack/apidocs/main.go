// Command apidocs writes docs/api.md to its standard output, from the CRDs and from the conditions of api/v1alpha1: make
// manifests keeps it in docs/.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	page, err := write(".")
	if err == nil {
		_, err = os.Stdout.Write(page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apidocs:", err)
		os.Exit(1)
	}
}

const head = `# API

Group ` + "`sim-operator.io`" + `, version ` + "`v1alpha1`" + `. Written by ` + "`make manifests`" + ` from the types in [api/v1alpha1](../api/v1alpha1); change it there.
What the words mean is in [concepts.md](concepts.md). The same is shown by ` + "`kubectl explain`" + `:

` + "```" + `sh
kubectl explain simreceiver.spec --recursive
` + "```" + `
`

// write makes the page for the repository at root.
func write(root string) ([]byte, error) {
	crds, err := readCRDs(filepath.Join(root, "config", "crd", "bases"))
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	page.WriteString(head)
	for i := range crds {
		if err := writeKind(&page, &crds[i]); err != nil {
			return nil, err
		}
	}
	err = writeConditions(&page, filepath.Join(root, "api", "v1alpha1", "conditions.go"))
	return page.Bytes(), err
}

func readCRDs(dir string) ([]apiextensionsv1.CustomResourceDefinition, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there are no CRDs in %s: %w", dir, err)
	}
	crds := make([]apiextensionsv1.CustomResourceDefinition, len(files))
	for i, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // one of the repository's own manifests
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(content, &crds[i]); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return crds, nil
}
