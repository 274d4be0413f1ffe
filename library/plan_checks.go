package library

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// check holds the library as it would be against the standards: categories exist, names carry their prefix and
// are no one else's, and what others refer to is still there. inUse is the cure where it is not.
func (p *planner) check(after *Set, inUse string) {
	users := map[Ref][]string{} // of what is retired
	var order []Ref
	for _, k := range kinds {
		for _, d := range after.byKind[k] {
			for _, to := range references(d) {
				renamed, was := p.renamed[to]
				if after.active(to) != nil || to.Kind == KindCategory && builtIn(to.Key) {
					if was && d.head().place.file == "" {
						p.warn(d, "", "write "+inRule(renamed)+" in it if that is meant, and put "+d.ref().String()+" into the file",
							"it refers to %s, which is another one now: the one before is called %s", to, renamed.Key)
					}
					continue
				}
				switch {
				case was:
					hint := "write " + inRule(renamed)
					if d.head().place.file == "" {
						hint += ", and put " + d.ref().String() + " into the file"
					}
					p.fault(d, "", hint, "it refers to %s, which is renamed to %s", to, renamed.Key)
				case p.retired[to]:
					if users[to] == nil {
						order = append(order, to)
					}
					users[to] = append(users[to], d.ref().String())
				case to.Kind == KindCategory:
					p.noCategory(after, d, to.Key)
				}
			}
		}
	}
	for _, to := range order {
		p.fault(after.byRef[to], "", inUse, "it cannot be retired: it is used by %s", strings.Join(users[to], ", "))
	}
	p.names(after)
}

// inRule is how a rule writes a ref.
func inRule(r Ref) string {
	if r.Kind == KindTable {
		return fmt.Sprintf("lookup(%q, …)", r.Key)
	}
	for name, k := range refNames {
		if k == r.Kind {
			return name + "." + r.Key
		}
	}
	return r.Key
}

func (p *planner) noCategory(after *Set, d definition, path string) {
	known := after.keys(KindCategory)
	hint := didYouMean(path, known)
	for _, other := range known { // the last part is what people remember
		if hint == "" && lastOfPath(other) == lastOfPath(path) {
			hint = fmt.Sprintf("did you mean %q?", other)
		}
	}
	if hint == "" {
		hint = "define it under categories:"
	}
	p.fault(d, "category", hint, "there is no category %s", path)
}

// names checks prefixes and duplicates. All active definitions are checked, since a category's new prefix
// concerns tags that the file does not mention.
func (p *planner) names(after *Set) {
	edited := map[Ref]bool{}
	prefixes := false // whether any category's prefix changes
	for _, c := range p.changes {
		prefixes = prefixes || slices.Contains(c.Fields, "prefix")
		if c.What == Add || slices.Contains(c.Fields, "name") || c.What == Restore {
			edited[c.after.ref()] = true
		}
	}
	for t := range after.Tags() {
		if edited[t.ref()] && t.Purpose == "" {
			p.warn(t, "purpose", "write purpose: what it is for, so that others know when to use it", "the purpose is missing")
		}
		if edited[t.ref()] && t.Owner == "" {
			p.warn(t, "owner", "write owner: who answers for it", "the owner is missing")
		}
		if prefix := after.Prefix(t.Category); !strings.HasPrefix(t.Name, prefix) {
			_, rest, found := strings.Cut(t.Name, "_")
			if !found {
				rest = t.Name
			}
			if edited[t.ref()] || prefixes {
				p.warn(t, "name", fmt.Sprintf("write name: %s%s, or put it into another category", prefix, rest),
					"the name %s should begin with %s, as all in the category %s", t.Name, prefix, t.Category)
			}
		} else if t.Name == prefix {
			p.fault(t, "name", "", "the name %s is only its category's prefix", t.Name)
		}
	}
	for _, k := range []Kind{KindTag, KindSegment} {
		same, near := map[string]definition{}, map[string]definition{}
		for _, d := range after.byKind[k] {
			name := d.title()
			if other := same[name]; other != nil {
				if edited[other.ref()] && !edited[d.ref()] {
					d, other = other, d // the fault is the newcomer's
				}
				p.fault(d, "name", "names must tell tags apart", "%s is called %s already", other.ref(), name)
				continue
			}
			same[name] = d
			stem := stemOf(name, after.Prefix(d.linked()))
			other := near[stem]
			if other == nil {
				near[stem] = d
			} else if edited[d.ref()] || edited[other.ref()] {
				p.warn(d, "name", "", "the name %s is easily confused with %s, %s", name, other.title(), other.ref())
			}
		}
	}
}

// vagueEndings say nothing that would tell two names apart.
var vagueEndings = []string{"标签", "客户", "用户", "人群", "会员"}

// stemOf is what is left of a name without prefix, case, blanks, punctuation and vague endings.
func stemOf(name, prefix string) string {
	rest := strings.TrimPrefix(name, prefix)
	stem := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, rest)
	for _, ending := range vagueEndings {
		if cut := strings.TrimSuffix(stem, ending); cut != "" && cut != stem {
			return cut
		}
	}
	if stem == "" {
		return name
	}
	return stem
}
