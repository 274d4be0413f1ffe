package pebble

import (
	"encoding/binary"
	"time"

	"tagma/event"
	"tagma/warehouse"
)

// Keys, all big-endian so that they sort as numbers:
//
//	series u16 · block u24 · chunk u16   rows of 256 profiles: segments, by Merge. Series 0 holds the profiles.
//	0xfe · partition u32 · hash          what was seen, by Set
//	0xff · letter · …                    the rest
const (
	keyLen     = 7
	seenPrefix = 0xfe
	metaPrefix = 0xff

	metaFormat    = 'a' // the version of this layout
	metaElements  = 'b' // nothing; the inventories list what the elements of lists hold
	metaText      = 'd' // property u32 · code u32: series u16 · text
	metaInventory = 'i' // series u16: properties and their kinds, by Merge
	metaRows      = 'n' // series u16: the number of rows, by Merge
	metaProperty  = 'p' // property u32: its name
	metaSeries    = 's' // series u16: kind · name
	metaLoad      = 'y' // load: nothing; it is in
	metaOffset    = 'z' // the log offset
)

// formatVersion is the version of the keys and values; a store of a later one is not opened.
const formatVersion = 1

// profileSeries is the series whose values are profile rows and not segments.
const profileSeries = 0

// maxSeries bounds the numbers of series: the first byte of a key must stay below seenPrefix.
const maxSeries = seenPrefix<<8 - 1

func appendKey(b []byte, series uint16, block uint32, chunk uint16) []byte {
	b = binary.BigEndian.AppendUint16(b, series)
	b = append(b, byte(block>>16), byte(block>>8), byte(block))
	return binary.BigEndian.AppendUint16(b, chunk)
}

func splitKey(k []byte) (series uint16, block uint32, chunk uint16) {
	return binary.BigEndian.Uint16(k), uint32(k[2])<<16 | uint32(k[3])<<8 | uint32(k[4]), binary.BigEndian.Uint16(k[5:])
}

func seriesKey(letter byte, series uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{metaPrefix, letter}, series)
}

func propertyKey(property uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{metaPrefix, metaProperty}, property)
}

func textKey(property, code uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{metaPrefix, metaText}, property), code)
}

func loadKey(id string) []byte { return append([]byte{metaPrefix, metaLoad}, id...) }

func seenKey(b []byte, k warehouse.SeenKey) []byte {
	b = binary.BigEndian.AppendUint32(append(b, seenPrefix), k.Partition)
	return append(b, k.Hash[:]...)
}

var offsetKey, formatKey, elementsKey = []byte{metaPrefix, metaOffset}, []byte{metaPrefix, metaFormat}, []byte{metaPrefix, metaElements}

// untimed is the chunk of rows without time, and of series that are not cut by time.
const untimed = 0

// chunkOf is the calendar quarter of t in UTC, counted from the year 0; earlier and very late times go to the first and
// last chunk. Chunks are only a way of cutting: they have nothing to do with the workspace's time zone.
func chunkOf(t event.Time) uint16 {
	const first, last = -62167219200000, 454971859200000 // years 0 and 16387
	switch {
	case t == event.Always:
		return untimed
	case t < first:
		return 1
	case t >= last:
		return 1<<16 - 1
	}
	y, m, _ := time.UnixMilli(int64(t)).UTC().Date()
	return uint16(min(y*4+(int(m)-1)/3+1, 1<<16-1))
}

// chunkStart is the first millisecond of a chunk that is neither untimed nor the last.
func chunkStart(chunk uint16) int64 {
	q := int(chunk) - 1
	return time.Date(q/4, time.Month(q%4*3+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// chunker remembers the last quarter, for neighbouring times are mostly of one.
type chunker struct {
	from, to int64
	chunk    uint16
}

func (c *chunker) of(t event.Time) uint16 {
	if int64(t) >= c.from && int64(t) < c.to {
		return c.chunk
	}
	chunk := chunkOf(t)
	if chunk > 1 && chunk < 1<<16-2 {
		c.from, c.to, c.chunk = chunkStart(chunk), chunkStart(chunk+1), chunk
	}
	return chunk
}
