package warehouse

import "tagma/event"

// Elements tells what the elements of a list property hold, under names of their own: a map's fields are "list[].field",
// dotted where maps lie in one another ("products[].brand.name"), and an element that is no map is "list[]". f may get
// a name several times. It is called for lists of events only, and looks into no list inside an element.
func Elements(list string, v event.Value, f func(name string, kind event.Kind)) {
	for _, e := range v.List() {
		switch e.Kind() {
		case event.Missing:
		case event.MapKind:
			fields(list+"[].", e, f)
		default:
			f(list+"[]", e.Kind())
		}
	}
}

func fields(prefix string, m event.Value, f func(name string, kind event.Kind)) {
	for _, p := range m.Map() {
		switch p.Value.Kind() {
		case event.Missing:
		case event.MapKind:
			fields(prefix+p.Name+".", p.Value, f)
		default:
			f(prefix+p.Name, p.Value.Kind())
		}
	}
}
