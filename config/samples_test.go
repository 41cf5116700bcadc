package config

import (
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// The API server takes the samples, and what make build-installer writes.
func TestSamplesAreTaken(t *testing.T) {
	installOthersCRDs(t)
	install(t, "default")
	for _, dir := range samples(t) {
		t.Run(dir, func(t *testing.T) {
			found := render(t, dir)
			for _, object := range found {
				if object.GetNamespace() == "" {
					object.SetNamespace(tenant)
				}
			}
			apply(t, found)
		})
	}
}

func TestTheInstallerIsTaken(t *testing.T) {
	apply(t, installer(t))
}

// everything is each overlay, and the chart with each set of values.
func everything(t *testing.T) map[string]manifests {
	t.Helper()
	all := map[string]manifests{}
	for _, dir := range overlays(t) {
		all[dir] = render(t, dir)
	}
	for _, values := range valueSets(t) {
		all[values] = template(t, systemNamespace, "--values="+values)
	}
	return all
}

// A Service, a disruption budget or a network policy that selects no pod does nothing, and says nothing.
func TestWhatSelectsPodsSelectsThem(t *testing.T) {
	for from, found := range everything(t) {
		pods := podsOf(t, found)
		for name, selector := range selectorsOf(t, found) {
			selected := 0
			for _, pod := range pods {
				if selector.Matches(labels.Set(pod.Labels)) {
					selected++
				}
			}
			if selected != 1 {
				t.Errorf("%s: %s selects %d of the two programs", from, name, selected)
			}
		}
	}
}

func selectorsOf(t *testing.T, found manifests) map[string]labels.Selector {
	t.Helper()
	selectors := map[string]labels.Selector{}
	add := func(name string, selector *metav1.LabelSelector) {
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		selectors[name] = parsed
	}
	for _, service := range as[corev1.Service](t, found, "Service") {
		add("Service "+service.Name, metav1.SetAsLabelSelector(service.Spec.Selector))
	}
	for _, budget := range as[policyv1.PodDisruptionBudget](t, found, "PodDisruptionBudget") {
		add("PodDisruptionBudget "+budget.Name, budget.Spec.Selector)
	}
	for _, policy := range as[networkingv1.NetworkPolicy](t, found, "NetworkPolicy") {
		add("NetworkPolicy "+policy.Name, &policy.Spec.PodSelector)
	}
	return selectors
}

// A disruption budget that allows nothing keeps nodes from being drained for ever.
func TestDisruptionBudgetsAllowOneToGo(t *testing.T) {
	for from, found := range everything(t) {
		for _, budget := range as[policyv1.PodDisruptionBudget](t, found, "PodDisruptionBudget") {
			if most := budget.Spec.MaxUnavailable; budget.Spec.MinAvailable != nil || most == nil || most.String() == "0" || most.String() == "0%" {
				t.Errorf("%s: PodDisruptionBudget %s: at least %v, at most %v", from, budget.Name, budget.Spec.MinAvailable, most)
			}
		}
	}
}

// What stands around the ingress leads to something that is there.
func TestWhatStandsAroundTheIngressLeadsThere(t *testing.T) {
	around := map[string]manifests{"exposed values": template(t, systemNamespace, "--values="+chart+"/ci/exposed-values.yaml")}
	for _, dir := range samples(t) {
		around[dir] = append(render(t, "default"), render(t, dir)...)
	}
	leading := 0
	for from, found := range around {
		for _, target := range targetsOf(t, found) {
			leading++
			if !slices.Contains(offeredBy(t, found), target) {
				t.Errorf("%s leads to %s, which there is not", from, target)
			}
		}
	}
	if want := 3 + 3; leading != want {
		t.Errorf("%d lead somewhere; want %d", leading, want)
	}
}

func targetsOf(t *testing.T, found manifests) []string {
	t.Helper()
	var targets []string
	for _, i := range as[networkingv1.Ingress](t, found, "Ingress") {
		service := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service
		targets = append(targets, fmt.Sprintf("Service %s/%s %s", i.Namespace, service.Name, service.Port.Name))
	}
	for _, scaler := range as[autoscalingv2.HorizontalPodAutoscaler](t, found, "HorizontalPodAutoscaler") {
		targets = append(targets, fmt.Sprintf("%s %s/%s", scaler.Spec.ScaleTargetRef.Kind, scaler.Namespace, scaler.Spec.ScaleTargetRef.Name))
	}
	for _, object := range found {
		if object.GetKind() != "HTTPRoute" {
			continue
		}
		rules, _, _ := unstructured.NestedSlice(object.Object, "spec", "rules")
		backends, _, _ := unstructured.NestedSlice(rules[0].(map[string]any), "backendRefs") //nolint:forcetypeassert // the API server took it
		backend := backends[0].(map[string]any)                                              //nolint:forcetypeassert // the API server took it
		targets = append(targets, fmt.Sprintf("Service %s/%v %v", object.GetNamespace(), backend["name"], backend["port"]))
	}
	return targets
}

// offeredBy are the workloads, and the Services with each of their ports by name and by number.
func offeredBy(t *testing.T, found manifests) []string {
	t.Helper()
	var offered []string
	for _, service := range as[corev1.Service](t, found, "Service") {
		for _, port := range service.Spec.Ports {
			offered = append(offered,
				fmt.Sprintf("Service %s/%s %s", service.Namespace, service.Name, port.Name),
				fmt.Sprintf("Service %s/%s %d", service.Namespace, service.Name, port.Port))
		}
	}
	for _, workload := range as[appsv1.StatefulSet](t, found, "StatefulSet") {
		offered = append(offered, fmt.Sprintf("StatefulSet %s/%s", workload.Namespace, workload.Name))
	}
	return offered
}

// A replica that an autoscaler takes away would take its spool along.
func TestNoAutoscalerScalesDown(t *testing.T) {
	found := append(render(t, "samples/autoscaling"), template(t, systemNamespace, "--values="+chart+"/ci/exposed-values.yaml")...)
	scalers := as[autoscalingv2.HorizontalPodAutoscaler](t, found, "HorizontalPodAutoscaler")
	if len(scalers) != 2 {
		t.Fatalf("there are %d autoscalers", len(scalers))
	}
	for _, scaler := range scalers {
		if b := scaler.Spec.Behavior; b == nil || b.ScaleDown == nil || b.ScaleDown.SelectPolicy == nil || *b.ScaleDown.SelectPolicy != autoscalingv2.DisabledPolicySelect {
			t.Errorf("%+v", b)
		}
	}
	for _, workload := range as[appsv1.StatefulSet](t, found, "StatefulSet") {
		if workload.Spec.Replicas != nil {
			t.Errorf("StatefulSet %s says how many replicas there are, too", workload.Name)
		}
	}
}
