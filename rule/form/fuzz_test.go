package form

import (
	"encoding/json"
	"testing"

	"tagma/errs"
	"tagma/rule"
)

// Any JSON is read or refused; what is read is the same after every further turn.
func FuzzForm(f *testing.F) {
	for _, text := range texts {
		data, err := json.Marshal(Of(mustParse(f, text)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{`{"all":[{"tag":"a","comments":["x","y\nz",""]},{"not":{"any":[{"tag":"b","note":"n\nm"},1]},"note":"p"}],"note":"o"}`, `{"text":"a // b\n == 1"}`, `[[[{}]]]`, `{"value":1e999}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		form, err := Read(data)
		if err != nil {
			if !errs.Is(err, errs.Invalid) || len(errs.FaultsOf(err)) == 0 {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		again(t, form)
	})
}

// Any rule is the same after it was a form.
func FuzzText(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
		f.Add("// a\n" + text + " // b\n && (x // c\n || // d\n y)")
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, _ := rule.Parse(text)
		if src.Root == nil {
			if _, err := Of(src).Text(); err == nil {
				t.Fatalf("%q is taken for a rule", text)
			}
			return
		}
		roundTrip(t, text)
	})
}
