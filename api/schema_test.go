package api

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// document is what the contract test reads of the OpenAPI document.
type contract struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	OperationID string `json:"operationId"`
	Responses   map[string]struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

// schema is the part of JSON Schema that the document uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       types              `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Enum       []any              `json:"enum"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Minimum    *float64           `json:"minimum"`
}

// types is a type, or several.
type types []string

func (t *types) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// faults lists what of a value breaks the schema.
func (c *contract) faults(s *schema, v any, at string) (out []string) {
	if s.Ref != "" {
		return c.faults(c.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")], v, at)
	}
	bad := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	kind := map[bool]string{true: "null"}[v == nil]
	switch x := v.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		if kind = "number"; x == math.Trunc(x) && slices.Contains(s.Type, "integer") {
			kind = "integer"
		}
		if s.Minimum != nil && x < *s.Minimum {
			bad("%v is below %v", x, *s.Minimum)
		}
	case []any:
		kind = "array"
		for i, e := range x {
			if s.Items != nil {
				out = append(out, c.faults(s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case map[string]any:
		kind = "object"
		for _, name := range s.Required {
			if _, ok := x[name]; !ok {
				bad("%s is missing", name)
			}
		}
		for name, e := range x {
			p, known := s.Properties[name]
			var more *schema
			switch {
			case known:
				out = append(out, c.faults(p, e, at+"."+name)...)
			case string(s.Additional) == "false":
				bad("%s is not in the document", name)
			case len(s.Additional) > 0 && json.Unmarshal(s.Additional, &more) == nil && more != nil:
				out = append(out, c.faults(more, e, at+"."+name)...)
			}
		}
	}
	if len(s.Type) > 0 && !slices.Contains(s.Type, kind) {
		bad("it is %s, not %v", kind, s.Type)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		bad("%v is not one of %v", v, s.Enum)
	}
	return out
}

// response finds the schema of a response: of its status, else the default; nil where there is no body. It is false when
// the document has no such response.
func (o operation) response(status int, contentType string) (*schema, bool) {
	r, ok := o.Responses[fmt.Sprint(status)]
	if !ok {
		if r, ok = o.Responses["default"]; !ok {
			return nil, false
		}
	}
	media, _, _ := strings.Cut(contentType, ";")
	if len(r.Content) == 0 {
		return nil, contentType == ""
	}
	c, ok := r.Content[media]
	return c.Schema, ok
}
