package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// make deploy names the image that it is given, and may be done again; make undeploy leaves what cannot be got back.
func TestDeployAndUndeploy(t *testing.T) {
	admin := plane.Client(t)
	kubeconfig := adminKubeconfig(t)
	assets, err := localcluster.FindAssets("..")
	if err != nil {
		t.Fatal(err)
	}
	runMake := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "make", append([]string{"-C", "..", "KUBECTL=" + filepath.Join(assets, "kubectl")}, args...)...)
		command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("make %v: %v: %s", args, err, out)
		}
	}
	found := render(t, "default")
	t.Cleanup(func() { uninstall(t, found) })
	const image = "registry.example.com/team/sim-operator:v1.2.3"
	runMake("deploy", "IMG="+image)
	runMake("deploy", "IMG="+image)
	var deployment appsv1.Deployment
	var statefulSet appsv1.StatefulSet
	for name, object := range map[string]client.Object{manager: &deployment, ingress: &statefulSet} {
		if err := admin.Get(t.Context(), client.ObjectKey{Namespace: systemNamespace, Name: name}, object); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range []string{deployment.Spec.Template.Spec.Containers[0].Image, statefulSet.Spec.Template.Spec.Containers[0].Image} {
		if got != image {
			t.Errorf("the image is %s", got)
		}
	}

	makeNamespace(t, tenant)
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "kept"}}
	createForTest(t, receiver)
	runMake("undeploy")
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(receiver), receiver); err != nil {
		t.Errorf("a resource is gone: %v", err)
	}
	for name, object := range map[string]client.Object{
		"the Deployment":      &deployment,
		"the StatefulSet":     &statefulSet,
		"a ClusterRole":       &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: manager}},
		"the flow schema":     &flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: "sim-operator-leader-election"}},
		"an admission policy": &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: byReports}},
	} {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func adminKubeconfig(t *testing.T) string {
	t.Helper()
	config := plane.Config(t)
	file := clientcmdapi.NewConfig()
	file.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	file.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	file.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}
