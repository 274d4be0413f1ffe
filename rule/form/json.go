package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"tagma/errs"
)

// JSON values are nil, bool, string, json.Number, []any and object, which keeps the order of its members.
type object []member

type member struct {
	key   string
	value any
}

func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

func (o object) has(key string) bool {
	_, ok := o.get(key)
	return ok
}

// appendJSON writes a value without blanks.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case json.Number:
		return append(b, v...)
	case object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSON(b, m.key), ':')
			b = appendJSON(b, m.value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	}
	text, _ := json.Marshal(v) // a text or bool: no error
	return append(b, text...)
}

const (
	maxBytes  = 8 << 20 // of a form's JSON; a rule's text is at most 64 kB
	maxLevels = 1200    // of brackets in it; a node takes up to five
)

var errDeep = errors.New("brackets are nested too deeply")

// decode reads one JSON value, with numbers as they are written.
func decode(data []byte) (any, error) {
	refuse := func(message, hint string) error {
		return errs.Faulty("this is not a rule's form", []errs.Fault{{Place: "the form", Message: message, Hint: hint}})
	}
	if len(data) > maxBytes {
		return nil, refuse(fmt.Sprintf("it is %d bytes long; at most %d are read", len(data), maxBytes), "make a part of it a measure or a tag of its own")
	}
	if !utf8.Valid(data) {
		return nil, refuse("it is not UTF-8", "write it as UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			return nil, refuse(fmt.Sprintf("something follows its end, at byte %d", d.InputOffset()), "write one JSON object")
		}
	}
	switch {
	case err == errDeep:
		return nil, refuse(err.Error(), "make a part of it a measure or a tag of its own")
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return nil, refuse("it ends before it is whole", "write one JSON object")
	case err != nil:
		return nil, refuse(fmt.Sprintf("it is not JSON, at byte %d: %s", d.InputOffset(), err), "write one JSON object")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, level int) (any, error) {
	if level > maxLevels {
		return nil, errDeep
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			x, err := decodeValue(d, level+1)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			x, err := decodeValue(d, level+1)
			if err != nil {
				return nil, err
			}
			o = append(o, member{key.(string), x})
		}
		_, err = d.Token()
		return o, err
	}
	return t, nil
}
