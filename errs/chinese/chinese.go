// Package chinese says in Chinese what the program says in English: faults, hints, warnings and the details of
// refusals.
//
// The packages below put their messages together in English, with format strings. Here stands, beside each of those
// formats, the same in Chinese; a finished message is held against the formats, what stood in their holes is taken out,
// and the Chinese is filled with it. Names, values, parts of rules and places in files are never changed. What is in no
// format stays as it is. A test reads the program and makes sure that every message is here.
package chinese

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"tagma/errs"
)

// entry is a format and what it is in Chinese. In the Chinese, {2} is what stood in the second hole, as it stood there,
// and {2*} the same when it is itself put into words: a type, a list of types, another message.
type entry struct{ en, zh string }

// catalogue is everything, made ready once.
type catalogue struct{ messages, phrases, places *index }

var ready = sync.OnceValue(func() *catalogue {
	c := &catalogue{phrases: newIndex(phrases), places: newIndex(places)}
	c.messages = newIndex(rules, texts, forms, definitions, tags, people, requests, imports, schemas, titles, composed)
	return c
})

// Text is a message in Chinese. What is not known stays English, as does the part of a message that is not. It takes
// some microseconds, and time proportional to the message.
func Text(message string) string {
	text, _ := ready().message(message, 0)
	return text
}

// Place is a place in Chinese: "tag vip: case 金卡: when" has its fixed words translated, and names left alone.
func Place(place string) string {
	text, _ := ready().place(place)
	return text
}

// Fault is a fault in Chinese; its excerpt is what somebody wrote and stays.
func Fault(f errs.Fault) errs.Fault {
	f.Place, f.Message, f.Hint = Place(f.Place), Text(f.Message), Text(f.Hint)
	return f
}

// maxLength is the longest message that is looked at, in bytes. Longer ones are no sentences.
const maxLength = 4 << 10

// maxDepth is how many messages may stand in one another.
const maxDepth = 4

// message translates a message, or the parts of it that are known; false when nothing is.
func (c *catalogue) message(s string, depth int) (string, bool) {
	if s == "" || len(s) > maxLength || depth > maxDepth {
		return s, false
	}
	if p, args := c.messages.find(s); p != nil {
		return c.fill(p, args, depth), true
	}
	return c.joined(s, depth)
}

// seams are what messages are joined with, and how that is in Chinese.
var seams = [...]struct{ en, zh string }{{": ", "："}, {"; ", "；"}}

// joined translates what was put together of several parts: a place and a message, a message and its cause.
func (c *catalogue) joined(s string, depth int) (string, bool) {
	for _, seam := range seams {
		for i, n := strings.Index(s, seam.en), 0; i >= 0 && n < 2*maxDepth; n++ {
			rest := s[i+len(seam.en):]
			if tail, ok := c.whole(rest, depth+1); ok {
				head, known := c.place(s[:i])
				if !known {
					head, _ = c.message(s[:i], depth+1)
				}
				return head + seam.zh + tail, true
			}
			next := strings.Index(rest, seam.en)
			if next < 0 {
				break
			}
			i += len(seam.en) + next
		}
	}
	// The end is not known; the beginning may be.
	for _, seam := range seams {
		if head, tail, cut := strings.Cut(s, seam.en); cut {
			if text, ok := c.whole(head, depth+1); ok {
				return text + seam.zh + tail, true
			}
		}
	}
	return s, false
}

// whole translates a message that is one format as a whole.
func (c *catalogue) whole(s string, depth int) (string, bool) {
	if s == "" || depth > maxDepth {
		return s, false
	}
	p, args := c.messages.find(s)
	if p == nil {
		return s, false
	}
	return c.fill(p, args, depth), true
}

// place translates the parts of a place that are fixed words; false when none is.
func (c *catalogue) place(s string) (string, bool) {
	if s == "" || len(s) > maxLength {
		return s, false
	}
	parts := strings.Split(s, ": ")
	any := false
	for i, part := range parts {
		if p, args := c.places.find(part); p != nil {
			parts[i], any = c.fill(p, args, maxDepth), true
		}
	}
	if !any {
		return s, false
	}
	return strings.Join(parts, "："), true
}

// links join the parts of a list in words.
var links = [...]struct{ en, zh string }{{", ", "、"}, {" or ", "或"}, {" and ", "和"}}

// phrase translates what stood in a hole, if it is words: a phrase, a list of phrases, or a message.
func (c *catalogue) phrase(s string, depth int) string {
	if len(s) > maxLength || depth > maxDepth {
		return s
	}
	if text, ok := c.words(s, 0, depth); ok {
		return text
	}
	text, _ := c.message(s, depth)
	return text
}

// words translates a phrase, or a list of them when each is known.
func (c *catalogue) words(s string, link, depth int) (string, bool) {
	if link == len(links) {
		p, args := c.phrases.find(s)
		if p == nil {
			return s, false
		}
		return c.fill(p, args, depth), true
	}
	parts := strings.Split(s, links[link].en)
	for i, part := range parts {
		text, ok := c.words(part, link+1, depth)
		if !ok {
			return s, false
		}
		parts[i] = text
	}
	return strings.Join(parts, links[link].zh), true
}

// fill writes the Chinese of a format with what stood in its holes.
func (c *catalogue) fill(p *pattern, args []string, depth int) string {
	if len(p.zh) == 1 && p.zh[0].hole < 0 {
		return p.zh[0].text
	}
	var b strings.Builder
	for _, piece := range p.zh {
		switch {
		case piece.hole < 0:
			b.WriteString(piece.text)
		case piece.words:
			text := c.phrase(args[piece.hole], depth+1)
			if begin, _ := utf8.DecodeRuneInString(text); begin < utf8.RuneSelf && begin > ' ' && endsInHan(b.String()) {
				b.WriteByte(' ') // as everywhere between Chinese and digits or letters
			}
			b.WriteString(text)
		default:
			b.WriteString(args[piece.hole])
		}
	}
	return b.String()
}

func endsInHan(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.Han, r)
}
