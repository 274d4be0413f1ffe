package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"tagma/rule/form"
)

// jsonValue is any JSON, read by somebody else.
type jsonValue struct{ json.RawMessage }

// Schema is that of anything.
func (jsonValue) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// ruleTree is a rule's form, whose shape package form describes.
type ruleTree struct{ *form.Form }

// Schema is that of an object.
func (ruleTree) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A tree of conditions and values, for a visual builder"}
}
