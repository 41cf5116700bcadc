// Command scaling says what an estate of SIMs costs, and what of it gives out first. Its coefficients come from a record of
// make bench: they are fitted at the two smaller of the three sizes that were measured, and what follows from them for the
// largest is held against what was measured there.
//
//	scaling check    prints predicted, measured and error, and fails if an error is larger than it may be
//	scaling plan     prints the cost of a number of SIMs, under assumptions that are flags
//	scaling docs     writes the tables of docs/benchmarks.md and docs/scaling.md from the record
package main
