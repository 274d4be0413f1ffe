package warehouse

import (
	"encoding/binary"

	"tagma/event"
)

// cursor reads stored bytes from at up to end. What it takes keeps the rest of buf behind it, so that packed
// numbers can be loaded eight bytes at a time. After the first failure it gives zeros and bad is set.
type cursor struct {
	buf     []byte
	at, end int
	bad     bool
}

func newCursor(b []byte) cursor { return cursor{buf: b, end: len(b)} }

func (c *cursor) fail() { c.bad, c.at = true, c.end }

func (c *cursor) left() int { return c.end - c.at }

func (c *cursor) byte() byte {
	if c.at >= c.end {
		c.fail()
		return 0
	}
	c.at++
	return c.buf[c.at-1]
}

func (c *cursor) uvarint() uint64 {
	if c.at < c.end && c.buf[c.at] < 0x80 {
		c.at++
		return uint64(c.buf[c.at-1])
	}
	u, n := binary.Uvarint(c.buf[c.at:c.end])
	if n <= 0 {
		c.fail()
		return 0
	}
	c.at += n
	return u
}

func (c *cursor) varint() int64 {
	u := c.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

// length reads a number of bytes or elements that cannot exceed limit.
func (c *cursor) length(limit int) int {
	u := c.uvarint()
	if u > uint64(max(limit, 0)) {
		c.fail()
		return 0
	}
	return int(u)
}

// take gives n bytes; the slice goes on behind them.
func (c *cursor) take(n int) []byte {
	if n < 0 || n > c.left() {
		c.fail()
		return nil
	}
	c.at += n
	return c.buf[c.at-n:]
}

// sub gives a cursor over the next n bytes.
func (c *cursor) sub(n int) cursor {
	if n < 0 || n > c.left() {
		c.fail()
		return cursor{bad: true}
	}
	c.at += n
	return cursor{buf: c.buf, at: c.at - n, end: c.at}
}

func (c *cursor) err() error {
	if c.bad {
		return event.ErrCorrupt
	}
	return nil
}
