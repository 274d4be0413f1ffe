package library

import (
	"slices"
	"strings"
)

// Class is one of the classes that tags are sorted into, beside the tree of categories.
type Class struct {
	Key  string // "behavior"
	Name string // "行为"
}

// ClassSet is a standard that sorts tags into classes. A class may belong to several sets.
type ClassSet struct {
	Key     string
	Name    string
	Classes []Class
}

// ClassSets returns the built-in standards: the two sets of four classes, the six and the four dimensions, and
// the standard of segmentation.
func ClassSets() []ClassSet {
	return []ClassSet{
		{"nature", "四类标签", []Class{{"behavior", "行为"}, {"attribute", "属性"}, {"interest", "兴趣"}, {"lifecycle", "生命周期"}}},
		{"origin", "事实与来源", []Class{{"fact", "事实"}, {"behavior", "行为"}, {"source", "来源"}, {"state", "状态"}}},
		{"six_dimensions", "六个维度", []Class{{"basic", "基本属性"}, {"channel", "来源渠道"}, {"track", "行为轨迹"}, {"intent", "兴趣意向"},
			{"status", "用户状态"}, {"transaction", "交易历史"}}},
		{"four_dimensions", "四个维度", []Class{{"consumption", "消费属性"}, {"conduct", "行为属性"}, {"foundation", "基础信息"}, {"journey", "用户旅程"}}},
		{"segmentation", "分群标准", []Class{{"demographic", "基本信息"}, {"purchase", "购买行为"}, {"preference", "兴趣偏好"}, {"interaction", "互动历史"},
			{"geography", "地理"}, {"assets", "资产状况"}, {"finance", "金融需求"}}},
	}
}

// rootClassSets is the number of sets whose class keys a top category may bear.
const rootClassSets = 2

// classKey finds a class by its key or name.
func classKey(word string) (key string, ok bool) {
	for _, s := range ClassSets() {
		for _, c := range s.Classes {
			if c.Key == word || c.Name == word {
				return c.Key, true
			}
		}
	}
	return "", false
}

func classHint(word string) string {
	var words []string
	for _, s := range ClassSets() {
		for _, c := range s.Classes {
			words = append(words, c.Key, c.Name)
		}
	}
	if hint := didYouMean(word, words); hint != "" {
		return hint
	}
	return "there are behavior, attribute, interest, lifecycle, fact, source, state, and the dimensions basic, channel, track, …"
}

// ownClasses are the classes of a category without its ancestors: the one it gives; else the ones that its
// name, less the word 标签, is the name of, and those whose key a top category has.
func (c *Category) ownClasses() []string {
	if c.Class != "" {
		return []string{c.Class}
	}
	var out []string
	name := strings.TrimSuffix(c.Name, "标签")
	for i, s := range ClassSets() {
		for _, class := range s.Classes {
			if class.Name == name || class.Key == c.Key && i < rootClassSets {
				if !slices.Contains(out, class.Key) {
					out = append(out, class.Key)
				}
			}
		}
	}
	return out
}

// builtIn says whether a path is a top category that exists without being defined: the classes of the two
// basic sets.
func builtIn(path string) bool {
	for _, s := range ClassSets()[:rootClassSets] {
		for _, c := range s.Classes {
			if c.Key == path {
				return true
			}
		}
	}
	return false
}

// Classes returns the classes that a tag carries, sorted: its own, else those of its category and the ones above.
func (s *Set) Classes(t *Tag) []string {
	if len(t.Classes) > 0 {
		return slices.Sorted(slices.Values(t.Classes))
	}
	var out []string
	for path := t.Category; path != ""; path = parentPath(path) {
		if c := s.category(path); c != nil {
			out = append(out, c.ownClasses()...)
		} else if builtIn(path) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
