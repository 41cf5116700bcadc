package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// podsOf makes a pod of each workload, as its controller would.
func podsOf(t *testing.T, found manifests) map[string]*corev1.Pod {
	t.Helper()
	pods := map[string]*corev1.Pod{}
	for _, workload := range as[appsv1.Deployment](t, found, "Deployment") {
		pods[workload.Name] = podOf(workload.Namespace, workload.Name+"-x", &workload.Spec.Template)
	}
	for _, workload := range as[appsv1.StatefulSet](t, found, "StatefulSet") {
		pod := podOf(workload.Namespace, workload.Name+"-0", &workload.Spec.Template)
		for _, claim := range workload.Spec.VolumeClaimTemplates {
			source := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + pod.Name}
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: source}})
		}
		pods[workload.Name] = pod
	}
	if len(pods) != 2 || pods[ingress] == nil || pods[manager] == nil {
		t.Fatalf("the workloads are not the ingress and the manager: %v", pods)
	}
	return pods
}

func podOf(namespace, name string, template *corev1.PodTemplateSpec) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: template.Labels, Annotations: template.Annotations},
		Spec:       *template.Spec.DeepCopy(),
	}
}

// The namespace that comes with the programs enforces Pod Security restricted, and lets their pods in.
func TestPodsAreRestricted(t *testing.T) {
	for _, dir := range overlays(t) {
		t.Run(dir, func(t *testing.T) {
			found := install(t, dir)
			for name, pod := range podsOf(t, found) {
				if err := plane.Client(t).Create(t.Context(), pod, client.DryRunAll); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// Pod Security is really asked: each way of being less than restricted is refused.
func TestPodsThatAreNotRestrictedAreRefused(t *testing.T) {
	pods := podsOf(t, install(t, "default"))
	breaches := map[string]func(*corev1.PodSpec){
		"privileged": func(s *corev1.PodSpec) {
			s.Containers[0].SecurityContext.Privileged, s.Containers[0].SecurityContext.AllowPrivilegeEscalation = new(true), nil
		},
		"privilege escalation": func(s *corev1.PodSpec) { s.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil },
		"root":                 func(s *corev1.PodSpec) { s.SecurityContext.RunAsUser = new(int64(0)) },
		"perhaps root":         func(s *corev1.PodSpec) { s.SecurityContext.RunAsNonRoot = nil },
		"capabilities":         func(s *corev1.PodSpec) { s.Containers[0].SecurityContext.Capabilities = nil },
		"no seccomp":           func(s *corev1.PodSpec) { s.SecurityContext.SeccompProfile = nil },
		"the host's network":   func(s *corev1.PodSpec) { s.HostNetwork = true },
		"the host's files": func(s *corev1.PodSpec) {
			source := corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
			s.Volumes = append(s.Volumes, corev1.Volume{Name: "host", VolumeSource: source})
		},
	}
	for name, breach := range breaches {
		t.Run(name, func(t *testing.T) {
			for program, pod := range pods {
				bad := pod.DeepCopy()
				breach(&bad.Spec)
				err := plane.Client(t).Create(t.Context(), bad, client.DryRunAll)
				if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "PodSecurity") {
					t.Errorf("%s: %v; want that Pod Security refuses it", program, err)
				}
			}
		})
	}
}

// What Pod Security does not ask for.
func TestPodsAreHardened(t *testing.T) {
	for _, dir := range overlays(t) {
		t.Run(dir, func(t *testing.T) {
			for name, pod := range podsOf(t, render(t, dir)) {
				for _, fault := range faultsOf(pod) {
					t.Errorf("%s: %s", name, fault)
				}
			}
		})
	}
}

// TestFaultsAreFound shows that the test above can fail.
func TestFaultsAreFound(t *testing.T) {
	bare := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{}}}}
	if got, want := len(faultsOf(bare)), len(hardening()); got != want {
		t.Errorf("a pod with nothing has %d of %d faults: %v", got, want, faultsOf(bare))
	}
}

func faultsOf(pod *corev1.Pod) []string {
	var faults []string
	for want, holds := range hardening() {
		if !holds(&pod.Spec, &pod.Spec.Containers[0]) {
			faults = append(faults, "it lacks "+want)
		}
	}
	slices.Sort(faults)
	return faults
}

func hardening() map[string]func(*corev1.PodSpec, *corev1.Container) bool {
	return map[string]func(*corev1.PodSpec, *corev1.Container) bool{
		"a root file system that is only read": func(_ *corev1.PodSpec, c *corev1.Container) bool {
			return c.SecurityContext != nil && c.SecurityContext.ReadOnlyRootFilesystem != nil && *c.SecurityContext.ReadOnlyRootFilesystem
		},
		"its own ServiceAccount": func(s *corev1.PodSpec, _ *corev1.Container) bool {
			return slices.Contains([]string{ingress, manager}, s.ServiceAccountName)
		},
		"a word on the ServiceAccount's token": func(s *corev1.PodSpec, _ *corev1.Container) bool {
			return s.AutomountServiceAccountToken != nil
		},
		"requests and a limit of memory": func(_ *corev1.PodSpec, c *corev1.Container) bool {
			return !c.Resources.Requests.Cpu().IsZero() && !c.Resources.Requests.Memory().IsZero() && !c.Resources.Limits.Memory().IsZero()
		},
		"probes": func(_ *corev1.PodSpec, c *corev1.Container) bool {
			return c.LivenessProbe != nil && c.ReadinessProbe != nil
		},
		"replicas on different nodes": func(s *corev1.PodSpec, _ *corev1.Container) bool {
			return s.Affinity != nil && s.Affinity.PodAntiAffinity != nil
		},
		"time to end": func(s *corev1.PodSpec, c *corev1.Container) bool {
			return s.TerminationGracePeriodSeconds != nil && time.Duration(*s.TerminationGracePeriodSeconds)*time.Second > endingOf(c)
		},
	}
}

// endingOf is how long a program may take to end: what happens before SIGTERM, and its grace period. That of the
// manager is controller-runtime's.
func endingOf(c *corev1.Container) time.Duration {
	const managers = 30 * time.Second
	ending := managers
	for _, arg := range c.Args {
		if value, ok := strings.CutPrefix(arg, "--grace-period="); ok {
			ending, _ = time.ParseDuration(value)
		}
	}
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil && c.Lifecycle.PreStop.Sleep != nil {
		ending += time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	}
	return ending
}
