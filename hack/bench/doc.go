// Command bench is make bench: it starts a control plane of its own, the manager and the ingress, and measures them
// against the numbers of the design. Most are ratios to a baseline that does the same work without this project, measured
// in turns within the same run, so that whatever else the machine does hits both. It prints a table and writes it as JSON,
// row by row, so that a run that is cut off has not been for nothing; -merge completes it.
//
// The measurements are named by -only: door, latency, resources, status and memory run on one control plane; scale,
// restart, transition, check and burst, and the part of memory that is not the ingress's, on a second one that is filled with
// resources in three steps, beside which a third one has a tenth of them where costs are compared.
package main
