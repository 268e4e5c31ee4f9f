package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// sum is a SHA-256.
//
// Two kinds of chains make a change of what is stored show. Each record of a
// run carries the sum of its stored bytes and of the sum of the record before
// it: a changed, missing or moved record breaks its run's chain. And each
// transaction adds a link to one log of the whole file: which runs it wrote
// to, and the sum of the last record of each. The head of the log is the sum
// of the link and of the head before it. A run's chain that is cut at its
// end, or made anew from some record on, no longer is what the log says, and
// nor is a file without a run that the log has.
//
// These are linear chains, as of Haber and Stornetta ("How to Time-Stamp a
// Digital Document", 1991) and of Schneier and Kelsey ("Secure Audit Logs to
// Support Computer Forensics", 1999). Whoever verifies has the whole file, so
// that the short proofs of a tree, as in Certificate Transparency (RFC 6962),
// would serve nobody.
//
// There is no key. Who can write the file can make all of it anew; against
// that helps only a head noted elsewhere, which must be one of those that the
// log has had.
type sum [sha256.Size]byte

func (s sum) String() string { return hex.EncodeToString(s[:]) }

// firstHead is the head of a log without links.
func firstHead() sum { return sha256.Sum256([]byte("firebreak log 1")) }

// firstOf is what stands before the first record of a run.
func firstOf(run string) sum { return sha256.Sum256([]byte("firebreak run 1\n" + run)) }

// next is the sum of a record that follows another one. Every part is
// preceded by its length, or has a fixed one, so that nothing can move from
// one part to another.
func (s sum) next(run string, r row) sum {
	b := make([]byte, 0, len(s)+len(run)+len(r.kind)+len(r.data)+5*8)
	b = append(b, s[:]...)
	b = appendText(b, run)
	b = appendInt(b, int64(r.seq))
	b = appendInt(b, r.at)
	b = appendText(b, r.kind)
	b = appendInt(b, int64(len(r.data)))
	b = append(b, r.data...)
	return sha256.Sum256(b)
}

// entry is what a link says of a run: that it has records up to seq, of which
// the last has this sum, and how it stands in the list of runs.
type entry struct {
	run    string
	seq    int
	of     sum
	listed digest // zero: it is not listed any more
}

// digest is a sum that is cut: what it is of is found by a run's name, and
// only has to be told from what somebody would put in its place.
type digest [16]byte

// digest of how a run is listed.
func (l listing) digest() digest {
	b := appendText(nil, l.id)
	for _, text := range []string{l.runbook, l.service, l.requesterKind, l.requester, l.phase, l.word, l.waiting, l.bar, string(l.rest)} {
		b = appendText(b, text)
	}
	for _, n := range []int64{l.asks, l.changed, l.may, l.started, l.began, l.ended, l.settled} {
		b = appendInt(b, n)
	}
	s := sha256.Sum256(b)
	return digest(s[:len(digest{})])
}

// pack is how the entries of a link are stored.
func pack(entries []entry) []byte {
	var b []byte
	for _, e := range entries {
		b = appendText(b, e.run)
		b = appendInt(b, int64(e.seq))
		b = append(b, e.of[:]...)
		b = append(b, e.listed[:]...)
	}
	return b
}

// unpack reads what pack wrote; ok is false when it did not.
func unpack(b []byte) (entries []entry, ok bool) {
	for len(b) > 0 {
		var e entry
		if len(b) < 8 {
			return nil, false
		}
		n := binary.BigEndian.Uint64(b)
		b = b[8:]
		if n > uint64(len(b)) || uint64(len(b))-n < 8+uint64(len(e.of)+len(e.listed)) {
			return nil, false
		}
		e.run, b = string(b[:n]), b[n:]
		e.seq, b = int(binary.BigEndian.Uint64(b)), b[8:] //nolint:gosec // the bits are what counts
		b = b[copy(e.of[:], b):]
		b = b[copy(e.listed[:], b):]
		entries = append(entries, e)
	}
	return entries, true
}

// head is the head of a log once the n-th link, as it is stored, follows.
func (s sum) head(n int64, link []byte) sum {
	b := make([]byte, 0, len(s)+8+len(link))
	b = append(b, s[:]...)
	b = appendInt(b, n)
	return sha256.Sum256(append(b, link...))
}

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // the bits are what counts
}

func appendText(b []byte, text string) []byte {
	return append(appendInt(b, int64(len(text))), text...)
}

// toSum reads a stored sum; one that is not of its length is like no sum.
func toSum(b []byte) (s sum) {
	if len(b) == len(s) {
		copy(s[:], b)
	}
	return s
}
