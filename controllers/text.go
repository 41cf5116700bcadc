package controllers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds, in bytes, of what stands in a sentence for a person.
const (
	maxNameInText  = 256
	maxValueInText = 96
	// maxNote is the most that the API server takes as the note of an Event.
	maxNote = 1024
)

// clean makes a string from outside fit for a sentence: one line, printable, valid UTF-8, at most size bytes.
func clean(text string, size int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	return cut(text, size)
}

// cut shortens a text to size bytes, between characters, and shows that it did.
func cut(text string, size int) string {
	const more = "..."
	if len(text) <= size {
		return text
	}
	end := size - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
