package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
)

const root = "../.."

func page(t *testing.T) string {
	t.Helper()
	text, err := write(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each field of each CRD has a row, under its whole path.
func TestEveryFieldAppears(t *testing.T) {
	text := page(t)
	crds, err := readCRDs(root + "/config/crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	var visit func(section, path string, schema apiextensionsv1.JSONSchemaProps)
	visit = func(section, path string, schema apiextensionsv1.JSONSchemaProps) {
		fields++
		if !strings.Contains(section, "\n| `"+path+"` | ") {
			t.Errorf("%s has no row", path)
		}
		if schema.Items != nil {
			path, schema = path+"[]", *schema.Items.Schema
		}
		for name, property := range schema.Properties {
			visit(section, path+"."+name, property)
		}
	}
	for _, crd := range crds {
		for _, part := range []string{"spec", "status"} {
			_, section, found := strings.Cut(text, fmt.Sprintf("\n### %s.%s\n", crd.Spec.Names.Kind, part))
			if !found {
				t.Fatalf("%s has no %s", crd.Spec.Names.Kind, part)
			}
			section, _, _ = strings.Cut(section, "\n#")
			visit(section, part, crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties[part])
		}
	}
	if fields < 50 {
		t.Errorf("there are only %d fields", fields)
	}
}

func TestConditionsAndReasonsAppear(t *testing.T) {
	text := page(t)
	for _, want := range []string{"| `Ready` | is True when", "`AwaitingReport`", "`DuplicateToken`", "`DeliveriesKept`", "`OrderStateReported`"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestThePageIsUpToDate(t *testing.T) {
	kept, err := os.ReadFile(root + "/docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != page(t) {
		t.Error("docs/api.md is not what the types say; run make manifests")
	}
}

func TestFields(t *testing.T) {
	for name, tc := range map[string]struct {
		schema   apiextensionsv1.JSONSchemaProps
		required bool
		want     string
	}{
		"a name in the description is not repeated": {
			schema: apiextensionsv1.JSONSchemaProps{Type: "string", Description: "limit is how\nmuch."},
			want:   "| `spec.limit` | string | is how much. |\n",
		},
		"bounds, a default, and what has to be there": {
			schema: apiextensionsv1.JSONSchemaProps{
				Type: "integer", Minimum: ptr.To(0.0), Maximum: ptr.To(60.0), Default: &apiextensionsv1.JSON{Raw: []byte("6")},
			},
			required: true,
			want:     "| `spec.limit` | integer | Required. Default `6`. 0 to 60. |\n",
		},
		"a pattern with a bar stays in its cell": {
			schema: apiextensionsv1.JSONSchemaProps{Type: "string", Pattern: "a|b"},
			want:   "| `spec.limit` | string | Pattern `a\\|b`. |\n",
		},
		"what is in a list": {
			schema: apiextensionsv1.JSONSchemaProps{Type: "array", MaxItems: ptr.To[int64](2), Items: &apiextensionsv1.JSONSchemaPropsOrArray{
				Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"at": {Type: "string", Format: "date-time"}}},
			}},
			want: "| `spec.limit` | list of object | At most 2 items. |\n| `spec.limit[].at` | time |  |\n",
		},
		"a duration": {
			schema: apiextensionsv1.JSONSchemaProps{Type: "string", Pattern: duration + "s))+)$"},
			want:   "| `spec.limit` | duration |  |\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			writeField(&out, "spec.limit", tc.schema, tc.required)
			if out.String() != tc.want {
				t.Errorf("got  %q\nwant %q", out.String(), tc.want)
			}
		})
	}
}
