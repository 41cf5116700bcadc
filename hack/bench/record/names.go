package record

import "fmt"

// What is measured of an estate of resources, for At.
const (
	Alerts   = "alerts"
	Orders   = "orders"
	Reports  = "reports of the alerts"
	Versions = "writes of the alerts so far"

	EtcdInUse     = "etcd, in use after compaction"
	EtcdFile      = "etcd, file"
	AlertBytes    = "etcd, an alert and its key"
	OrderBytes    = "etcd, an order and its key"
	EventBytes    = "etcd, an Event and its key"
	FlippedBytes  = "etcd, an alert and its key after two more reports"
	CacheCapacity = "versions of alerts that the watch cache keeps"

	APIServerHeap = "memory of kube-apiserver: live heap"
	APIServerRSS  = "memory of kube-apiserver: RSS"
	ManagerHeap   = "memory of manager: live heap"
	ManagerRSS    = "memory of manager: RSS"
	EtcdRSS       = "memory of etcd: RSS"
	IngressRSS    = "memory of ingress: RSS"

	CheckProcessor = "processor of kube-apiserver for a check of its cache of alerts"

	NewAlert   = "a new alert"
	Transition = "a transition"
)

// At names a row about so many resources.
func At(resources int, what string) string {
	return fmt.Sprintf("at %d resources, %s", resources, what)
}

// What is measured of a burst, for Burst.
const (
	Accepted  = "accepted in"
	P99       = "p99"
	LastEvent = "last Event after"
	EventRate = "deliveries to Event"
)

// Burst names a row about a burst.
func Burst(deliveries int, what string) string {
	return fmt.Sprintf("burst of %d alerts to two ingresses: %s", deliveries, what)
}

// Time names the row about the time that a delivery takes while many are made.
func Time(of string) string { return "time of " + of }

// Writes names the row about the writes that a delivery takes.
func Writes(of string) string { return "writes of " + of }

// Processor names the row about the processor time of a delivery, in all programs.
func Processor(of string) string { return "processor of " + of }

// ProcessorIn names the row about the processor time of a delivery in one program.
func ProcessorIn(of, program string) string { return "processor of " + of + " in " + program }

// What is measured of an ingress.
const (
	IngressIdle = "memory of the ingress, idle: RSS"
	SpoolBytes  = "spool of the ingress, a waiting delivery"
)

// IngressWaiting names the row about the memory of an ingress in which so many deliveries wait.
func IngressWaiting(deliveries int) string {
	return fmt.Sprintf("memory of the ingress, %d deliveries waiting: RSS", deliveries)
}
