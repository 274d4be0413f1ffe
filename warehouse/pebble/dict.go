package pebble

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const (
	// maxTexts bounds a property's dictionary. Texts that come when it is full are stored inline, for ever.
	maxTexts = 16384
	// maxTextLen bounds the texts of a dictionary, in bytes.
	maxTextLen = 100
	// maxTraitTexts is how many texts one trait may add to the dictionary that all traits share, so that one trait
	// with a value of its own for everybody, such as an address, leaves room for the others.
	maxTraitTexts = 1024
)

var seed = maphash.MakeSeed()

// dict numbers the texts of one property. Looking up takes no lock; adding is for one goroutine at a time.
type dict struct {
	texts atomic.Pointer[[]string]
	table atomic.Pointer[[]atomic.Uint64] // upper half of the hash, and 1 + code; a power of two, at most half full
}

// Text returns the text of a code, which must be one that was stored.
func (d *dict) Text(code uint32) string { return (*d.texts.Load())[code] }

// Len is the number of texts.
func (d *dict) Len() int {
	if t := d.texts.Load(); t != nil {
		return len(*t)
	}
	return 0
}

// Code returns the code of a text.
func (d *dict) Code(text string) (uint32, bool) {
	table := d.table.Load()
	if table == nil || len(text) > maxTextLen {
		return 0, false
	}
	// A text is in texts before its code is in the table, so texts is loaded after the code.
	mask := uint64(len(*table) - 1)
	hash := maphash.String(seed, text)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := (*table)[at].Load()
		if slot == 0 {
			return 0, false
		}
		if slot>>32 != hash>>32 {
			continue
		}
		if code := uint32(slot) - 1; (*d.texts.Load())[code] == text {
			return code, true
		}
	}
}

// add appends a text that is not yet in.
func (d *dict) add(text string) uint32 {
	var texts []string
	if t := d.texts.Load(); t != nil {
		texts = *t
	}
	code := uint32(len(texts))
	texts = append(texts, strings.Clone(text)) // text may be a piece of something large
	d.texts.Store(&texts)
	table := d.table.Load()
	if table == nil || len(texts)*2 > len(*table) {
		size := 16
		for size < len(texts)*2 {
			size *= 2
		}
		bigger := make([]atomic.Uint64, size)
		for i, t := range texts {
			put(bigger, t, uint32(i))
		}
		d.table.Store(&bigger)
		return code
	}
	put(*table, text, code)
	return code
}

func put(table []atomic.Uint64, text string, code uint32) {
	mask := uint64(len(table) - 1)
	hash := maphash.String(seed, text)
	at := hash & mask
	for table[at].Load() != 0 {
		at = (at + 1) & mask
	}
	table[at].Store(hash>>32<<32 | uint64(code+1))
}
