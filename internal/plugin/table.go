package plugin

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// paint is a colour, as a terminal is told it.
type paint string

const (
	plain  paint = ""
	bold   paint = "1"
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
)

// style says how text looks.
type style struct {
	colours bool
}

func (s style) paint(text string, p paint) string {
	if !s.colours || p == plain || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// cell is one field of a table. Its colour has no width, which is why text/tabwriter does not do.
type cell struct {
	text  string
	paint paint
}

func cells(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i] = cell{text: text}
	}
	return row
}

// writeTable writes rows with their columns aligned, the first of them as the heading.
func writeTable(w io.Writer, s style, indent string, rows [][]cell) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var text strings.Builder
	for _, row := range rows {
		line := indent
		gap := 0
		for i, c := range row {
			if c.text != "" {
				line += strings.Repeat(" ", gap) + s.paint(c.text, c.paint)
				gap = 0
			}
			if widths[i] > 0 {
				gap += widths[i] - utf8.RuneCountInString(c.text) + columnGap
			}
		}
		text.WriteString(line + "\n")
	}
	write(w, text.String())
}

const columnGap = 3

// write writes to a person. One who is gone has nobody to tell.
func write(w io.Writer, text string) {
	_, _ = io.WriteString(w, text)
}

func decimal(n int64) string {
	return strconv.FormatInt(n, 10)
}
