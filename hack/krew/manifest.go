package main

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// pluginManifest is what krew reads of a plugin.
type pluginManifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string     `json:"version"`
		Homepage         string     `json:"homepage"`
		ShortDescription string     `json:"shortDescription"`
		Description      string     `json:"description"`
		Caveats          string     `json:"caveats"`
		Platforms        []platform `json:"platforms"`
	} `json:"spec"`
}

type platform struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
	Bin    string `json:"bin"`
}

func readManifest(text []byte) (pluginManifest, error) {
	var plugin pluginManifest
	if err := yaml.UnmarshalStrict(text, &plugin); err != nil {
		return plugin, fmt.Errorf("read the manifest: %w", err)
	}
	return plugin, nil
}

var versionForm = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func isVersion(version string) bool {
	return versionForm.MatchString(version)
}

// fill puts a version and the sums of archives in the place of those of the template, and leaves the rest as it reads.
func fill(text, old, version string, sums map[string]string) (string, error) {
	lines := strings.Split(text, "\n")
	name, filled := "", 0
	for i, line := range lines {
		key, value, _ := strings.Cut(strings.TrimLeft(line, " -"), ": ")
		indent := line[:len(line)-len(strings.TrimLeft(line, " -"))]
		switch key {
		case "version":
			lines[i] = indent + "version: " + version
		case "uri":
			name = path.Base(value)
			lines[i] = strings.Replace(line, "/"+old+"/", "/"+version+"/", 1)
		case "sha256":
			if sums[name] == "" {
				return "", fmt.Errorf("there is no archive %s", name)
			}
			lines[i] = indent + `sha256: "` + sums[name] + `"`
			filled++
		}
	}
	if filled != len(sums) {
		return "", fmt.Errorf("the manifest names %d archives; want %d", filled, len(sums))
	}
	return strings.Join(lines, "\n"), nil
}
