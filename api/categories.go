package api

import (
	"context"
	"strconv"
	"strings"

	"tagma/library"
)

// Category is a node of the tree that tags lie in.
type Category struct {
	Key      string     `json:"key" doc:"The path, as behavior/purchase"`
	Name     string     `json:"name"`
	Prefix   string     `json:"prefix,omitempty" doc:"What the names of its tags begin with"`
	Class    string     `json:"class,omitempty"`
	Tags     int        `json:"tags" doc:"Tags in it and below"`
	Children []Category `json:"children"`
}

// Categories is the tree.
type Categories struct {
	Items []Category `json:"items"`
}

func (s *Server) categories(ctx context.Context, _ *struct{}) (*answer[Categories], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	in := tagsIn(set)
	out := Categories{Items: []Category{}}
	for c := range set.Categories() {
		out.Items = append(out.Items, categoryNode(c, in))
		delete(in, c.Key)
	}
	// The classes of the two basic standards can be used without being defined.
	for _, standard := range library.ClassSets()[:2] {
		for _, c := range standard.Classes {
			if n := in[c.Key]; n > 0 {
				out.Items = append(out.Items, Category{Key: c.Key, Name: c.Name, Class: c.Key, Tags: n, Children: []Category{}})
				delete(in, c.Key)
			}
		}
	}
	return &answer[Categories]{out}, nil
}

// tagsIn counts the active tags right in each category.
func tagsIn(set *library.Set) map[string]int {
	in := map[string]int{}
	for t := range set.Tags() {
		in[t.Category]++
	}
	return in
}

// categoryNode is a category with those below it.
func categoryNode(c *library.Category, in map[string]int) Category {
	out := Category{Key: c.Key, Name: c.Name, Prefix: c.Prefix, Class: c.Class, Tags: in[c.Key], Children: []Category{}}
	for _, child := range c.Children {
		n := categoryNode(child, in)
		out.Tags += n.Tags
		out.Children = append(out.Children, n)
	}
	return out
}

// basicClass is the name of a class of the two basic standards: tags may lie in it without its being defined.
func basicClass(key string) (name string, ok bool) {
	for _, standard := range library.ClassSets()[:2] {
		for _, c := range standard.Classes {
			if c.Key == key {
				return c.Name, true
			}
		}
	}
	return "", false
}

func categoryName(set *library.Set, path string) string {
	var parts []string
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '/'))] {
		name := path[strings.LastIndexByte(path, '/')+1:]
		if c, ok := set.Category(path); ok {
			name = c.Name
		} else if basic, ok := basicClass(path); ok {
			name = basic
		}
		parts = append([]string{name}, parts...)
	}
	return strings.Join(parts, " / ")
}

// CategoryDetail is one node of the tree.
type CategoryDetail struct {
	Category
	Version string `json:"version"`
	Users   []Ref  `json:"users" doc:"The tags that lie in it, and the categories right below"`
	Created string `json:"created"`
	Updated string `json:"updated"`
	Actor   string `json:"actor" doc:"Who changed it last"`
}

type categoryAnswer struct {
	ETag string `header:"ETag"`
	Body CategoryDetail
}

// CategoryBody is what a category is saved with.
type CategoryBody struct {
	Key    string `json:"key" doc:"The path, as behavior/purchase; what is above it must be there"`
	Name   string `json:"name"`
	Prefix string `json:"prefix,omitempty" doc:"What the names of its tags should begin with"`
	Class  string `json:"class,omitempty"`
	Reason string `json:"reason,omitempty" doc:"Why; kept with the version"`
}

// CategoryRequest is a category to be saved.
type CategoryRequest struct{ Body CategoryBody }

func (s *Server) category(ctx context.Context, key string) (*categoryAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	ref := library.Ref{Kind: library.KindCategory, Key: key}
	c, ok := set.Category(key)
	if !ok || c.State != library.Active {
		return nil, noCategory(set, ref)
	}
	version := strconv.Itoa(c.Version)
	out := &categoryAnswer{ETag: quoted(version), Body: CategoryDetail{Category: categoryNode(c, tagsIn(set)), Version: version, Users: refs(set, set.Users(ref))}}
	b := &out.Body
	b.Created, b.Updated, b.Actor, err = s.stamps(ctx, ref)
	return out, err
}

// noCategory is the refusal of a category that is not defined: it may be one that is there all the same.
func noCategory(set *library.Set, ref library.Ref) error {
	err := notThere(set, ref)
	if name, ok := basicClass(ref.Key); ok {
		p := problemOf(err)
		p.Errors[0].Hint = "tags may lie in " + ref.Key + " (" + name + ") without it: make it to give it a name of your own, a prefix, or others below it"
	}
	return err
}

func (s *Server) readCategory(ctx context.Context, in *struct{ KeyPath }) (*categoryAnswer, error) {
	return s.category(ctx, in.Key)
}

func (s *Server) saveCategory(ctx context.Context, set *library.Set, b *CategoryBody) (*categoryAnswer, error) {
	file, err := library.CategoryDraft{Key: b.Key, Name: b.Name, Prefix: b.Prefix, Class: b.Class}.File()
	if err != nil {
		return nil, within(err, "body")
	}
	if err := s.save(ctx, set, file, b.Reason); err != nil {
		return nil, err
	}
	return s.category(ctx, b.Key)
}

func (s *Server) addCategory(ctx context.Context, in *CategoryRequest) (*categoryAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	in.Body.Key = strings.TrimSpace(in.Body.Key)
	if err := fresh(set, library.Ref{Kind: library.KindCategory, Key: in.Body.Key}); err != nil {
		return nil, err
	}
	return s.saveCategory(ctx, set, &in.Body)
}

func (s *Server) putCategory(ctx context.Context, in *struct {
	KeyPath
	Matching
	CategoryRequest
}) (*categoryAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	ref := library.Ref{Kind: library.KindCategory, Key: in.Key}
	if c, ok := set.Category(in.Key); !ok || c.State != library.Active {
		return nil, noCategory(set, ref)
	}
	if err := s.current(set, ref, in.Matching); err != nil {
		return nil, err
	}
	if in.Body.Key != in.Key {
		return nil, invalid("body.key", "a category cannot get another path", "make a new one, put the tags into it, and retire this one then")
	}
	return s.saveCategory(ctx, set, &in.Body)
}

func (s *Server) retireCategory(ctx context.Context, in *struct {
	KeyPath
	Matching
}) (*nothing, error) {
	return s.retire(ctx, library.Ref{Kind: library.KindCategory, Key: in.Key}, in.Matching)
}
