package library

import (
	"maps"
	"slices"

	"tagma/event"
	"tagma/rule"
)

// ExportNames is Export with a schema that also declares what the rules speak of and nothing declares, because it came:
// events with the properties, traits and consents, all of any kind. So the file can be applied where nothing of that
// ever came, and refuses nothing that was not refused before. Identifier kinds are not declared, and so not in it.
func ExportNames(set *Set, names *rule.Names, zone *event.Zone) ([]byte, error) {
	uses := rule.NewUses()
	if _, err := Compile(set, CompileOptions{Names: names, Zone: zone, Lenient: true, uses: uses}); err != nil {
		return nil, err
	}
	schema := set.Schema()
	for name, used := range uses.Events {
		props := maps.Clone(schema.Events[name])
		if props == nil {
			props = map[string]Declared{}
		}
		for prop := range used {
			if _, ok := props[prop]; !ok {
				props[prop] = Declared{}
			}
		}
		schema.Events[name] = props
	}
	for name := range uses.Traits {
		if _, ok := schema.Traits[name]; !ok {
			schema.Traits[name] = Declared{}
		}
	}
	for name := range uses.Consents {
		if !slices.Contains(schema.Consents, name) {
			schema.Consents = append(schema.Consents, name)
		}
	}
	slices.Sort(schema.Consents)
	return export(set, schema)
}
