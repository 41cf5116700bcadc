package spool

import "time"

// What a spool holds at most, unless Options say otherwise.
const (
	// DefaultMaxDeliveries and the next three bound what waits.
	DefaultMaxDeliveries            = 1_000_000
	DefaultMaxBytes                 = 512 << 20
	DefaultMaxDeliveriesPerReceiver = 500_000
	DefaultMaxBytesPerReceiver      = 256 << 20

	// DefaultMaxQuarantined and the next three bound the quarantine.
	DefaultMaxQuarantined                 = 20_000
	DefaultMaxQuarantinedBytes            = 64 << 20
	DefaultMaxQuarantinedPerReceiver      = 5_000
	DefaultMaxQuarantinedBytesPerReceiver = 16 << 20

	// DefaultKeepApplied and DefaultMaxAppliedBytes bound what was applied and stays for ReplayApplied.
	DefaultKeepApplied     = 24 * time.Hour
	DefaultMaxAppliedBytes = 256 << 20

	// DefaultMaxFileBytes bounds the file. It leaves more than twice the room that the bounds above take together.
	DefaultMaxFileBytes = 2 << 30

	// DefaultLockTimeout is longer than a process takes that is just ending.
	DefaultLockTimeout = 10 * time.Second
)

// Bounds of the committer's work.
const (
	// maxCommitRequests and maxCommitBytes bound one commit, so that those in it need not wait for long.
	maxCommitRequests = 4096
	maxCommitBytes    = 4 << 20
	// maxCommitDones bounds how many applied deliveries one commit takes note of.
	maxCommitDones = 8192
	// linger is how long what the journal holds, and the news that deliveries were applied, wait for more to come before a
	// commit to the other file takes note of them.
	linger = 50 * time.Millisecond
	// maxJournalRecord bounds what goes to the journal. What is there has been acknowledged, and so must find room in the other
	// file whatever the state of that: a small record needs no two pages that are neighbours.
	maxJournalRecord = 1 << 10
	// maxJournal bounds how many deliveries the journal holds, and so how long that commit keeps callers waiting.
	maxJournal = 2048
	// maxGather is how long a commit waits for others to come along, where many call at a time.
	maxGather = time.Millisecond
	// maxCommitPrunes bounds how many applied deliveries one commit forgets. It is more than a commit brings on average.
	maxCommitPrunes = 2048
	// pruneInterval is how often a spool that has nothing to commit looks whether there is something to forget.
	pruneInterval = time.Minute

	// minReopenDelay and maxReopenDelay bound the wait before a file that failed is opened again.
	minReopenDelay = 100 * time.Millisecond
	maxReopenDelay = 10 * time.Second

	// replayChunk is how many applied deliveries are replayed in one commit.
	replayChunk = 512

	// QuarantinePage is how many deliveries in quarantine are listed at once, and quarantinePageBytes how much of their
	// bodies.
	QuarantinePage      = 500
	quarantinePageBytes = 8 << 20
)

// Sizes in the file.
const (
	// journalSize is that of the journal's file.
	journalSize = 2 << 20

	// recordOverhead is what it costs to store a record beside its bytes: its keys and their places in pages.
	recordOverhead = 96

	// acceptPercent is how much of MaxFileBytes may be in use before the spool is full. Deleting needs pages, too.
	acceptPercent = 75
	// shortPercent is how much may be in use before what was applied is forgotten early.
	shortPercent = 60

	// initialMmapSize is address space, not memory. Growing beyond it makes readers wait.
	initialMmapSize = 256 << 20
	// growthSteps and minGrowth say by how much a file with a small quota grows at a time.
	growthSteps = 16
	minGrowth   = 64 << 10
)
