// Package simulator plays Mobile Manager, and proves what became of every delivery.
//
//	Estate --> Simulator (callers) --POST--> ingress ... API server
//	               |                                        |
//	            Ledger                       watched Events, resources, metrics
//	               +------------------> Verify <------------+
//
// The estate makes up SIMs and pools, orders that go through their lives and alerts that flap, all from a seed. The
// callers deliver, and write each attempt and its answer into the ledger. At the end Verify, which knows the contract
// and shares no code with the product but the types of its API, holds the ledger against what the cluster shows: each
// accepted delivery is in exactly once, each report has its one Event, and each status is the fold of the reports.
//
// An attempt that got no answer may have been kept or not. The ledger has it as Maybe, it is delivered again, and both
// outcomes are allowed for. Everything else is exact.
package simulator
