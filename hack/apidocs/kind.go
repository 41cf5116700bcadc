package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// writeKind writes what there is to know of one kind.
func writeKind(page *bytes.Buffer, crd *apiextensionsv1.CustomResourceDefinition) error {
	if len(crd.Spec.Versions) != 1 || crd.Spec.Versions[0].Schema == nil {
		return fmt.Errorf("%s does not have one version with a schema", crd.Name)
	}
	version := crd.Spec.Versions[0]
	schema := version.Schema.OpenAPIV3Schema
	fmt.Fprintf(page, "\n## %s\n\n%s\n", crd.Spec.Names.Kind, prose(schema.Description))
	fmt.Fprintf(page, "\nNamespaced; `%s`, short name %s, category %s.\n", crd.Spec.Names.Plural, list(crd.Spec.Names.ShortNames), list(crd.Spec.Names.Categories))
	writeColumns(page, version.AdditionalPrinterColumns)
	var selectable []string
	for _, field := range version.SelectableFields {
		selectable = append(selectable, strings.TrimPrefix(field.JSONPath, "."))
	}
	if len(selectable) > 0 {
		fmt.Fprintf(page, "Field selectors: %s.\n", list(selectable))
	}
	for _, rule := range schema.XValidations {
		fmt.Fprintf(page, "Rule: %s.\n", ruleText(rule))
	}
	for _, part := range []string{"spec", "status"} {
		property, there := schema.Properties[part]
		if !there {
			return fmt.Errorf("%s has no %s", crd.Name, part)
		}
		fmt.Fprintf(page, "\n### %s.%s\n\n| field | type | |\n|---|---|---|\n", crd.Spec.Names.Kind, part)
		writeField(page, part, property, slices.Contains(schema.Required, part))
	}
	return nil
}

func writeColumns(page *bytes.Buffer, columns []apiextensionsv1.CustomResourceColumnDefinition) {
	var always, wide []string
	for _, c := range columns {
		if c.Priority > 0 {
			wide = append(wide, strings.ToUpper(c.Name))
		} else {
			always = append(always, strings.ToUpper(c.Name))
		}
	}
	fmt.Fprintf(page, "Columns: %s", strings.Join(always, ", "))
	if len(wide) > 0 {
		fmt.Fprintf(page, "; with `-o wide` also %s", strings.Join(wide, ", "))
	}
	page.WriteString(".\n")
}

// writeField writes a row for a field, and one for each that is in it.
func writeField(page *bytes.Buffer, path string, schema apiextensionsv1.JSONSchemaProps, required bool) {
	text := strings.TrimPrefix(prose(schema.Description), path[strings.LastIndexAny(path, ".")+1:]+" ")
	fmt.Fprintf(page, "| `%s` | %s | %s |\n", path, typeOf(&schema), cell(strings.TrimSpace(text+" "+bounds(&schema, required))))
	inner, prefix := &schema, path+"."
	if schema.Items != nil {
		inner, prefix = schema.Items.Schema, path+"[]."
	}
	for _, name := range slices.Sorted(maps.Keys(inner.Properties)) {
		writeField(page, prefix+name, inner.Properties[name], slices.Contains(inner.Required, name))
	}
}

// duration is how a pattern of durations begins in these types.
const duration = `^(0|([0-9]+(\.[0-9]+)?(ms|`

func typeOf(schema *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case schema.Items != nil:
		return "list of " + typeOf(schema.Items.Schema)
	case schema.Format == "date-time":
		return "time"
	case strings.HasPrefix(schema.Pattern, duration):
		return "duration"
	case schema.AdditionalProperties != nil:
		return "map of " + typeOf(schema.AdditionalProperties.Schema)
	default:
		return schema.Type
	}
}

// bounds are what the API server holds a value to, in sentences.
func bounds(schema *apiextensionsv1.JSONSchemaProps, required bool) string {
	var sentences []string
	say := func(format string, args ...any) { sentences = append(sentences, fmt.Sprintf(format, args...)+".") }
	if required {
		say("Required")
	}
	if schema.Default != nil && string(schema.Default.Raw) != "{}" {
		say("Default `%s`", strings.Trim(string(schema.Default.Raw), `"`))
	}
	for _, span := range spans(schema) {
		say("%s", span)
	}
	if len(schema.Enum) > 0 {
		say("One of %s", enum(schema.Enum))
	}
	if schema.Pattern != "" && !strings.HasPrefix(schema.Pattern, duration) {
		say("Pattern `%s`", schema.Pattern)
	}
	for _, rule := range schema.XValidations {
		say("Rule: %s", ruleText(rule))
	}
	if schema.Items != nil {
		if inner := bounds(schema.Items.Schema, false); inner != "" {
			sentences = append(sentences, "Each: "+inner)
		}
	}
	return strings.Join(sentences, " ")
}

// spans are from where to where the lengths and the value go that the schema bounds.
func spans(schema *apiextensionsv1.JSONSchemaProps) []string {
	var found []string
	for _, s := range []struct{ span, unit string }{
		{between(schema.MinLength, schema.MaxLength), " characters"},
		{between(schema.MinItems, schema.MaxItems), " items"},
		{between(whole(schema.Minimum), whole(schema.Maximum)), ""},
	} {
		if s.span != "" {
			found = append(found, s.span+s.unit)
		}
	}
	return found
}

func between(low, high *int64) string {
	switch {
	case low == nil && high == nil:
		return ""
	case high == nil:
		return fmt.Sprintf("At least %d", *low)
	case low == nil || *low == 0 && *high == 0:
		return fmt.Sprintf("At most %d", *high)
	case *low == *high:
		return fmt.Sprintf("%d", *low)
	default:
		return fmt.Sprintf("%d to %d", *low, *high)
	}
}

func whole(number *float64) *int64 {
	if number == nil {
		return nil
	}
	n := int64(*number)
	return &n
}

func enum(values []apiextensionsv1.JSON) string {
	names := make([]string, 0, len(values))
	for _, v := range values {
		names = append(names, strings.Trim(string(v.Raw), `"`))
	}
	return list(names)
}

func ruleText(rule apiextensionsv1.ValidationRule) string {
	if rule.Message != "" {
		return rule.Message
	}
	return "`" + rule.Rule + "`"
}

func list(names []string) string {
	return "`" + strings.Join(names, "`, `") + "`"
}

// prose is a description on one line, in which <name> is no tag.
func prose(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "<", "&lt;")
}

// cell is a text that can stand in a table.
func cell(text string) string {
	return strings.ReplaceAll(text, "|", `\|`)
}
