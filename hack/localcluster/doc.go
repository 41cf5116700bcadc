// Package localcluster runs sim-operator on one machine without a cluster: etcd and kube-apiserver, the CRDs and roles
// of config/, and the real manager and ingress, all of them processes under a Supervisor that starts again what dies.
// make run is a thin program over it, and so are the smoke test and the chaos test:
//
//	cluster, err := localcluster.Start(ctx, localcluster.Options{Dir: t.TempDir(), Root: "../..", Assets: assets, Programs: programs, Ingresses: 2})
//	t.Cleanup(cluster.Stop)
//	webhook, err := cluster.Receiver(ctx, "sims", "demo")
//	http.Post(webhook.OrdersURL(0), ...)
//	cluster.Supervisor().Signal(localcluster.Manager, syscall.SIGKILL)
//	client.New(cluster.Config(), ...)
//
// Manager and ingress have the rights of their own ServiceAccounts and no more, as in a cluster. Everything listens on
// 127.0.0.1. A second start over the same directory finds the data, the keys and the ports of the first.
package localcluster
