// Package docs tests that the documents tell the truth where a machine can tell.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = ".."

// TestSecurityNamesTestsThatExist looks for each test that docs/security.md calls a proof.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	walk(t, "_test.go", func(_, text string) {
		for _, match := range declaration.FindAllStringSubmatch(text, -1) {
			declared[match[1]] = true
		}
	})
	text, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) == 0 {
		t.Fatal("security.md names no test")
	}
	for _, match := range named {
		if !declared[match[1]] {
			t.Errorf("security.md names %s, which there is not", match[1])
		}
	}
}

// TestLinksLeadSomewhere follows each relative link of the documents.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
	// Between backticks a bracket is a bracket.
	code := regexp.MustCompile("`[^`\n]*`")
	links := 0
	walk(t, ".md", func(path, text string) {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, match[1], err)
			}
		}
	})
	if links == 0 {
		t.Error("there are no links")
	}
}

// TestAnchorsExist follows the part of a link behind the # to a heading, whose anchor is made as GitHub does.
func TestAnchorsExist(t *testing.T) {
	headings := map[string]map[string]bool{}
	texts := map[string]string{}
	heading := regexp.MustCompile(`(?m)^#+ +(.+)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	walk(t, ".md", func(path, text string) {
		texts[path], headings[path] = text, map[string]bool{}
		for _, match := range heading.FindAllStringSubmatch(text, -1) {
			slug := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")
			headings[path][slug] = true
		}
	})
	link := regexp.MustCompile(`\]\(([^)#:]*)#([^)]+)\)`)
	anchors := 0
	for path, text := range texts {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target := path
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(path), match[1])
			}
			anchors++
			if !headings[target][match[2]] {
				t.Errorf("%s links to %s, which has no heading #%s", path, target, match[2])
			}
		}
	}
	if anchors == 0 {
		t.Error("there are no anchors")
	}
}

// walk gives every file of the repository whose name ends so, but for what is built and what runs.
func walk(t *testing.T, suffix string, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, suffix) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
