package rule

import (
	"math/bits"

	"tagma/event"
)

// The innermost loops of most rules: a word of 64 answers at a time, without a branch on the data. The carry of one
// subtraction is the answer, and is shifted into the word by adding the word to itself with the carry; so the elements
// of a word are looked at from the last to the first.

// within sets the bits of the numbers in lo…hi.
func within[T ~int64](ints []T, lo, hi T, out event.Bits) {
	if lo > hi {
		return
	}
	least, width := uint64(lo), uint64(hi)-uint64(lo)+1
	if width == 0 { // everything
		for i := range ints {
			out.Set(i)
		}
		return
	}
	var acc, in uint64
	at := 0
	for ; len(ints) >= 64; at++ {
		word := (*[64]T)(ints)
		ints, acc = ints[64:], 0
		for j := 60; j >= 0; j -= 4 {
			four := (*[4]T)(word[j:])
			_, in = bits.Sub64(uint64(four[3])-least, width, 0)
			acc, _ = bits.Add64(acc, acc, in)
			_, in = bits.Sub64(uint64(four[2])-least, width, 0)
			acc, _ = bits.Add64(acc, acc, in)
			_, in = bits.Sub64(uint64(four[1])-least, width, 0)
			acc, _ = bits.Add64(acc, acc, in)
			_, in = bits.Sub64(uint64(four[0])-least, width, 0)
			acc, _ = bits.Add64(acc, acc, in)
		}
		out[at] |= acc
	}
	acc = 0
	for j := len(ints) - 1; j >= 0; j-- {
		_, in = bits.Sub64(uint64(ints[j])-least, width, 0)
		acc, _ = bits.Add64(acc, acc, in)
	}
	if len(ints) > 0 {
		out[at] |= acc
	}
}

// equalCodes sets the bits of the codes that are a certain one.
func equalCodes(codes []uint32, code uint32, out event.Bits) {
	var acc, same uint64
	at := 0
	for ; len(codes) >= 64; at++ {
		word := (*[64]uint32)(codes)
		codes, acc = codes[64:], 0
		for j := 60; j >= 0; j -= 4 {
			four := (*[4]uint32)(word[j:])
			_, same = bits.Sub64(uint64(four[3]^code), 1, 0)
			acc, _ = bits.Add64(acc, acc, same)
			_, same = bits.Sub64(uint64(four[2]^code), 1, 0)
			acc, _ = bits.Add64(acc, acc, same)
			_, same = bits.Sub64(uint64(four[1]^code), 1, 0)
			acc, _ = bits.Add64(acc, acc, same)
			_, same = bits.Sub64(uint64(four[0]^code), 1, 0)
			acc, _ = bits.Add64(acc, acc, same)
		}
		out[at] |= acc
	}
	acc = 0
	for j := len(codes) - 1; j >= 0; j-- {
		_, same = bits.Sub64(uint64(codes[j]^code), 1, 0)
		acc, _ = bits.Add64(acc, acc, same)
	}
	if len(codes) > 0 {
		out[at] |= acc
	}
}

// amongCodes sets the bits of the codes at which the table says 1; it may be shorter than the codes are large.
func amongCodes(codes []uint32, table []byte, out event.Bits) {
	for at := 0; len(codes) > 0; at++ {
		word := codes[:min(64, len(codes))]
		codes = codes[len(word):]
		var acc uint64
		for j := len(word) - 1; j >= 0; j-- {
			acc += acc
			if code := int(word[j]); code < len(table) {
				acc |= uint64(table[code])
			}
		}
		out[at] |= acc
	}
}

// reach sets the bits of the customers with at least k rows, by where each one's rows begin; k is positive.
func reach(start []int32, k int64, out event.Bits) {
	n := len(start) - 1
	for at := 0; at*64 < n; at++ {
		word := start[at*64 : min(n, at*64+64)+1]
		var acc, few uint64
		for j := len(word) - 2; j >= 0; j-- {
			_, few = bits.Sub64(uint64(word[j+1]-word[j]), uint64(k), 0)
			acc, _ = bits.Add64(acc, acc, few)
		}
		out[at] = ^acc
		if rest := len(word) - 1; rest < 64 {
			out[at] &= 1<<rest - 1
		}
	}
}

// complement turns a set of the numbers below n into the rest of them.
func complement(set event.Bits, n int) {
	for i := range set {
		set[i] = ^set[i]
	}
	if rest := n & 63; rest != 0 {
		set[len(set)-1] &= 1<<rest - 1
	}
}
