// Package apply turns the deliveries of a spool into SimOrders and SimAlerts.
//
// A [Queue] in memory holds what waits in the spool, by resource; its turns are fair between receivers. The workers of an
// [Applier] each take one resource at a time, merge all that waits for it into what the API server has (a pure
// function), and write it once, under optimistic lock.
//
// Nothing is applied twice, although a worker may be killed between its write and its note of it in the spool: each
// resource records, in spec.applied, which runs of which spool's deliveries it holds. A run says "every delivery to this
// resource that the spool numbered first to last is in". Each delivery knows the number of the one before it to the
// same resource, so that a run is only extended where there is no gap. A gap appears when the cluster was restored from an
// older copy; replaying the spool then fills just the gap.
package apply
