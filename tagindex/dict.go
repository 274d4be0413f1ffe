package tagindex

import (
	"sync"
	"sync/atomic"

	"tagma/event"
)

// dict numbers the texts of a slot from 0 on. It only grows, so that views of all ages can share it: a code that
// an old view does not know of has no members there. It is safe for concurrent use; Text takes no lock.
type dict struct {
	texts atomic.Pointer[[]string]
	mu    sync.Mutex
	codes map[string]uint32 // made when the first text is looked up
}

func newDict(texts []string) *dict {
	d := &dict{}
	d.texts.Store(&texts)
	return d
}

func (d *dict) len() int { return len(*d.texts.Load()) }

// Text returns the text of a code.
func (d *dict) Text(code uint32) string { return (*d.texts.Load())[code] }

// Code returns the code of a text, and false when it has none.
func (d *dict) Code(text string) (uint32, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lookup(text)
}

func (d *dict) lookup(text string) (uint32, bool) {
	if d.codes == nil {
		texts := *d.texts.Load()
		d.codes = make(map[string]uint32, len(texts))
		for i, t := range texts {
			d.codes[t] = uint32(i)
		}
	}
	code, ok := d.codes[text]
	return code, ok
}

// put returns the code of a text, a new one when it has none.
func (d *dict) put(text string) uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if code, ok := d.lookup(text); ok {
		return code
	}
	texts := append(*d.texts.Load(), text) // readers know only the elements before it
	code := uint32(len(texts) - 1)
	d.codes[text] = code
	d.texts.Store(&texts)
	return code
}

var _ event.Dict = (*dict)(nil)

// boolTexts stand for the values of a bool slot, so that its sets have codes as those of texts do. True comes
// first, being the only one that a segment has.
var boolTexts = []string{"true", "false"}

// bytes is about the memory that the texts take.
func (d *dict) bytes() int {
	if d == nil {
		return 0
	}
	n := 0
	for _, t := range *d.texts.Load() {
		n += 16 + len(t)
	}
	return n
}
