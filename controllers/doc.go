// Package controllers holds the manager's three controllers.
//
// Each of them reads, folds and commits. What a resource's status should be is decided by a pure function over values
// (simorder_fold.go, simalert_fold.go, simreceiver_decision.go): it sees no client, no clock and no logger, and changes
// nothing. What it decided is carried out in one place (commit.go), which treats Events as an outbox: first the Events of
// the reports that nobody has seen, then the status that says that they are out.
package controllers
