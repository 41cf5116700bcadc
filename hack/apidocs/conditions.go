package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// writeConditions writes the constants of a file: those of a group in which all have a comment as a table, and others as a list.
func writeConditions(page *bytes.Buffer, file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	page.WriteString("\n## Conditions, reasons and Events\n")
	for _, declaration := range parsed.Decls {
		group, is := declaration.(*ast.GenDecl)
		if !is || group.Tok != token.CONST {
			continue
		}
		writeComment(page, group.Doc.Text())
		if err := writeConstants(page, group); err != nil {
			return err
		}
	}
	return nil
}

// writeComment writes paragraphs as they are, and what is set off by a tab as text.
func writeComment(page *bytes.Buffer, text string) {
	fenced := false
	fence := func(on bool) {
		if fenced != on {
			fenced = on
			page.WriteString("```")
			if on {
				page.WriteString("text")
			}
			page.WriteString("\n")
		}
	}
	page.WriteString("\n")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		set, is := strings.CutPrefix(line, "\t")
		blankInside := line == "" && fenced && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t")
		fence(is || blankInside)
		page.WriteString(strings.TrimRight(set, " ") + "\n")
	}
	fence(false)
}

func writeConstants(page *bytes.Buffer, group *ast.GenDecl) error {
	var names []string
	explained := 0
	var rows bytes.Buffer
	for _, spec := range group.Specs {
		value, is := spec.(*ast.ValueSpec)
		if !is || len(value.Values) != 1 {
			return fmt.Errorf("a constant without a value")
		}
		literal, is := value.Values[0].(*ast.BasicLit)
		if !is {
			return fmt.Errorf("%s is not a literal", value.Names[0].Name)
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return err
		}
		comment, is := strings.CutPrefix(prose(value.Doc.Text()), value.Names[0].Name+" ")
		if is {
			explained++
		}
		names = append(names, text)
		fmt.Fprintf(&rows, "| `%s` | %s |\n", text, cell(comment))
	}
	if explained == len(names) {
		page.WriteString("\n| | |\n|---|---|\n" + rows.String())
	} else {
		page.WriteString("\n" + list(names) + ".\n")
	}
	return nil
}
