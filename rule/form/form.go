package form

import (
	"fmt"

	"tagma/errs"
	"tagma/rule"
)

// Form is a rule as a builder sees it. It is read with Of or Read, and written with Text or by encoding/json. The zero
// Form is no rule. A Form is not changed after it is made and may be used by several goroutines.
type Form struct {
	root    rule.Node
	remarks map[rule.Node]*remark
	broken  string       // the text, of a source with faults
	faults  []rule.Fault // those faults
}

// Part is a part of a rule that the builder cannot show but as text.
type Part struct {
	Path string // where in the form: all[2].value
	Text string // the part, on one line
	Why  string // what of it cannot be shown
}

// Of makes the form of a text that was read. Of a text with faults it is the text as it is, which the builder cannot show.
func Of(src *rule.Source) *Form {
	if src.Root == nil {
		_, faults := rule.Parse(src.Text)
		return &Form{broken: src.Text, faults: faults}
	}
	f := &Form{root: src.Root, remarks: map[rule.Node]*remark{}}
	f.attach(src.Text, src.Comments)
	f.settle()
	return f
}

// Text writes the rule in its canonical layout, with the form's comments. The error is Invalid, with all faults, when
// the form is too large or too deep for a rule, or was made of a text that has faults.
func (f *Form) Text() (string, error) {
	if f.root == nil {
		return "", textFaults("", f.broken, f.faults)
	}
	src, faults := rule.Parse(f.source())
	if len(faults) > 0 {
		return "", textFaults("", src.Text, faults)
	}
	if !same(src.Root, f.root) {
		return "", errs.New(errs.Internal, "form: the rule %s would not be read as it was meant", rule.OneLine(f.root))
	}
	// Line breaks may make a very long rule longer than is read: then it stays on one line.
	if laid := rule.Format(src); len(laid) <= len(src.Text) || readable(laid) {
		return laid, nil
	}
	return src.Text, nil
}

func readable(text string) bool {
	src, _ := rule.Parse(text)
	return src.Root != nil
}

// textFaults is the error of a text that cannot be read.
func textFaults(place, text string, faults []rule.Fault) error {
	out := make([]errs.Fault, len(faults))
	for i, fault := range faults {
		out[i] = fault.At(text, place)
	}
	if len(out) == 0 {
		out = []errs.Fault{{Place: place, Message: "there is no rule", Hint: "write a condition or a value"}}
	}
	return errs.Faulty("this is not a rule", out)
}

// MarshalJSON writes the form as the package's description says.
func (f *Form) MarshalJSON() ([]byte, error) { return appendJSON(nil, f.object()), nil }

func (f *Form) object() object {
	if f.root == nil {
		why := "it cannot be read"
		if len(f.faults) > 0 {
			why = fmt.Sprintf("it cannot be read: %s", f.faults[0].Message)
		}
		return object{{"text", f.broken}, {"why", why}}
	}
	w := &writer{remarks: f.remarks}
	return w.node(f.root)
}

// UnmarshalJSON reads what MarshalJSON or a builder wrote; see Read.
func (f *Form) UnmarshalJSON(data []byte) error {
	g, err := Read(data)
	if err == nil {
		*f = *g
	}
	return err
}

// Unshown lists the parts that the builder cannot show, in the order of the form. It is empty when all can be seen.
func (f *Form) Unshown() []Part {
	var out []Part
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			for i, x := range v {
				visit(fmt.Sprintf("%s[%d]", path, i), x)
			}
		case object:
			if text, ok := v.get("text"); ok {
				why, _ := v.get("why")
				p := Part{Path: path}
				p.Text, _ = text.(string)
				p.Why, _ = why.(string)
				out = append(out, p)
				return
			}
			for _, m := range v {
				visit(join(path, m.key), m.value)
			}
		}
	}
	visit("", f.object())
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
