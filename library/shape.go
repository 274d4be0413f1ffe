package library

// Shape tells the breadth and depth of the tag system.
type Shape struct {
	Tags       int
	Segments   int
	Measures   int
	Categories int
	Tables     int     // lookup tables
	Multi      int     // tags of which a customer can have several values
	Kept       int     // tags whose values outlive their rule
	MaxDepth   int     // levels of the deepest category
	AvgDepth   float64 // mean over the tags of the level of their category; 0 without tags
	// Sets tells, for each built-in standard, which classes have tags. A tag may count in several classes.
	Sets []Coverage
	// Unclassed is the number of tags that carry no class at all.
	Unclassed int
	RFM       map[string]int // tags that feed R, F, M
}

// Coverage tells how many classes of a standard have tags.
type Coverage struct {
	ClassSet
	Tags    []int // number of tags of each class
	Covered int   // classes with at least one tag
}

// Shape measures the active part of the set.
func (s *Set) Shape() Shape {
	out := Shape{RFM: map[string]int{}, Segments: len(s.byKind[KindSegment]), Measures: len(s.byKind[KindMeasure]), Tables: len(s.byKind[KindTable]),
		Categories: len(s.byKind[KindCategory])}
	for _, d := range s.byKind[KindCategory] {
		out.MaxDepth = max(out.MaxDepth, level(d.head().Key))
	}
	counts := map[string]int{}
	levels := 0
	for t := range s.Tags() {
		out.Tags++
		levels += level(t.Category)
		if t.Multi {
			out.Multi++
		}
		if t.Keep.Set() {
			out.Kept++
		}
		if t.RFM != "" {
			out.RFM[t.RFM]++
		}
		classes := s.Classes(t)
		if len(classes) == 0 {
			out.Unclassed++
		}
		for _, c := range classes {
			counts[c]++
		}
	}
	if out.Tags > 0 {
		out.AvgDepth = float64(levels) / float64(out.Tags)
	}
	for _, set := range ClassSets() {
		c := Coverage{ClassSet: set}
		for _, class := range set.Classes {
			c.Tags = append(c.Tags, counts[class.Key])
			if counts[class.Key] > 0 {
				c.Covered++
			}
		}
		out.Sets = append(out.Sets, c)
	}
	return out
}

func level(path string) int {
	n := 0
	for ; path != ""; path = parentPath(path) {
		n++
	}
	return n
}
