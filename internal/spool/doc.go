// Package spool is a durable queue of deliveries on two files. It knows nothing of what a delivery says.
//
// # The way of a delivery
//
//	Append ----> waiting ---Done----> applied ---(KeepApplied)---> forgotten
//	              |   ^                  |
//	           Reject |<--ReplayApplied--+
//	              v   |
//	Quarantine -> quarantine ---Drop---> forgotten
//	                  +--Replay--> waiting, under a new number
//
// Append returns when the delivery is on disk. Each delivery has a number: 1, 2, 3, ... in the order of commit. Together
// with the spool's ID the number names the delivery for good, which is how the reader of the spool knows what it has applied
// already. So a number is never given to two deliveries, not even when a commit failed: then some are left out.
//
// # One committer
//
// All changes go through one goroutine, [Spool.Run]. While it commits, requests queue up; then it commits all of them at
// once, and so on: the more callers there are, the more of them share what a commit costs, and a lone caller waits for nobody.
//
// # The files
//
// A commit that only takes deliveries in is one write and one fdatasync, at the end of the journal (see journal.go). What the
// journal holds is moved to the other file by the next commit that does anything else, at the latest after a moment; what
// was applied (Done) waits for that one, too. To whoever reads the spool the two files are one.
//
// The other file is a bbolt file with five buckets (see store.go). A body is written once, to the log, at the end; that the delivery
// waits, or was applied and when, are small rows of their own. So taking a delivery up is two puts at the ends of two buckets, and
// forgetting old deliveries starts at the front of the bucket applied and never meets one that waits. Each record has a
// version and a checksum. One that is damaged is reported by Read, and moved to quarantine as it is by Reject.
//
// # Bounds
//
// A ledger in memory mirrors what the file holds, without the bodies. What is let in is first reserved there, so that
// what is on its way to the disk counts as well. At a bound a [FullError] says which one it is; a receiver at its own bound
// is in nobody's way.
//
// # A disk that fails
//
// Of a commit that failed nobody knows whether it is on disk. All who wait for it get [ErrUnavailable], and so does everybody
// else while the committer opens the files again, until they can be written. Then it looks at what they hold. What
// the failed commit brought after all is handed out: it would be there after a restart, too, and the caller, who was turned
// away, may deliver it again, which is a repeat and does no harm.
package spool
