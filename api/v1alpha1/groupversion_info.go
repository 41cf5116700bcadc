package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind here.
const GroupName = "sim-operator.io"

// GroupVersion returns sim-operator.io/v1alpha1.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}
}

// AddToScheme registers the three kinds and their lists.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion(),
		&SimReceiver{}, &SimReceiverList{},
		&SimOrder{}, &SimOrderList{},
		&SimAlert{}, &SimAlertList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion())
	return nil
}
