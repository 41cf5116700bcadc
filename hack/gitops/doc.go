// Package gitops tests what GitOps tools make of this project's resources: against a real API server, with the real
// manager and the real ingress, under the policies and with the rights that they have in a cluster.
package gitops
