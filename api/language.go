package api

import (
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/language"

	"tagma/errs/chinese"
)

// languages are those that answers are told in; the first is that of who asks for none.
var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// maxLanguages is the longest Accept-Language that is read, in bytes; browsers send some dozens.
const maxLanguages = 256

// inChinese says that who asks would rather read Chinese than English.
func inChinese(accept string) bool {
	if accept == "" || len(accept) > maxLanguages {
		return false
	}
	_, at := language.MatchStrings(languages, accept)
	return at == 1
}

// told notes in the headers of an answer that it has texts, and in which language.
func told(set func(name, value string), zh bool) {
	set("Vary", "Accept-Language")
	if zh {
		set("Content-Language", "zh")
	} else {
		set("Content-Language", "en")
	}
}

// sayer is what has texts for people in it. Its method gives it with those put through a function.
type sayer interface{ said(func(string) string) any }

// said translates what a problem tells.
func (p *Problem) said(in func(string) string) any {
	out := *p
	out.Title, out.Detail, out.Errors = in(p.Title), in(p.Detail), append([]Flaw(nil), p.Errors...)
	for i, f := range out.Errors {
		out.Errors[i] = f.said(in).(Flaw)
	}
	return &out
}

// said translates what is wrong. Where it is is for programs to read.
func (f Flaw) said(in func(string) string) any {
	f.Message, f.Hint = in(f.Message), in(f.Hint)
	return f
}

func (w Warning) said(in func(string) string) any {
	w.Message, w.Hint = in(w.Message), in(w.Hint)
	return w
}

func (p FormPart) said(in func(string) string) any {
	p.Why = in(p.Why)
	return p
}

func (r Run) said(in func(string) string) any {
	r.Error = in(r.Error)
	return r
}

func (r ImportReason) said(in func(string) string) any {
	r.Reason = in(r.Reason)
	return r
}

func (r RejectedRow) said(in func(string) string) any {
	r.Reason = in(r.Reason)
	return r
}

// translate is a step of huma's between an answer and its JSON: faults, hints and warnings in it become Chinese for those
// who read that.
func translate(ctx huma.Context, _ string, body any) (any, error) {
	v := reflect.ValueOf(body)
	if !v.IsValid() || !saying.has(v.Type()) {
		return body, nil
	}
	zh := inChinese(ctx.Header("Accept-Language"))
	told(ctx.SetHeader, zh)
	if !zh {
		return body, nil
	}
	return translated(v).Interface(), nil
}

var sayerType = reflect.TypeFor[sayer]()

// sayingTypes remembers which types of bodies have texts for people in them.
type sayingTypes struct{ known sync.Map }

var saying sayingTypes

func (s *sayingTypes) has(t reflect.Type) bool {
	if known, ok := s.known.Load(t); ok {
		return known.(bool)
	}
	is := s.find(t, map[reflect.Type]bool{})
	s.known.Store(t, is)
	return is
}

// find looks through the parts of a type. seen are those that are being looked through.
func (s *sayingTypes) find(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t.Implements(sayerType) {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return s.find(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && s.find(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// translated is a value with its texts in Chinese. It is another: answers may be made of what is kept and shared.
func translated(v reflect.Value) reflect.Value {
	t := v.Type()
	if !saying.has(t) {
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		if t.Implements(sayerType) && !t.Elem().Implements(sayerType) {
			return reflect.ValueOf(v.Interface().(sayer).said(chinese.Text))
		}
		out := reflect.New(t.Elem())
		out.Elem().Set(translated(v.Elem()))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(t, v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(translated(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(t, v.Len())
		for each := v.MapRange(); each.Next(); {
			out.SetMapIndex(each.Key(), translated(each.Value()))
		}
		return out
	}
	out := reflect.New(t).Elem()
	if t.Implements(sayerType) {
		if said := reflect.ValueOf(v.Interface().(sayer).said(chinese.Text)); said.Type() == t {
			v = said
		}
	}
	out.Set(v)
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && saying.has(f.Type) {
			out.Field(i).Set(translated(v.Field(i)))
		}
	}
	return out
}

// readsChinese is inChinese of a request.
func readsChinese(r *http.Request) bool {
	return inChinese(strings.Join(r.Header.Values("Accept-Language"), ","))
}
