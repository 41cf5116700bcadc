package monitoring

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reviews asks the API server. It knows two kinds and nothing else, so that it takes no memory to speak of, and talks to
// nobody before it is asked: a program that guards its metrics starts while the API server is down.
type reviews struct {
	client client.Client
}

func newReviews(config *rest.Config) (*reviews, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{authenticationv1.AddToScheme, authorizationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build the scheme of reviews: %w", err)
		}
	}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{authenticationv1.SchemeGroupVersion, authorizationv1.SchemeGroupVersion})
	mapper.Add(authenticationv1.SchemeGroupVersion.WithKind("TokenReview"), meta.RESTScopeRoot)
	mapper.Add(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"), meta.RESTScopeRoot)
	asking, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("build the client that guards the metrics: %w", err)
	}
	return &reviews{client: asking}, nil
}

// judge implements judge.
func (r *reviews) judge(ctx context.Context, token string) (verdict, error) {
	who := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if err := r.client.Create(ctx, who); err != nil {
		return 0, fmt.Errorf("ask whose token it is: %w", err)
	}
	// The API server puts it down as an error that it does not know a token.
	if !who.Status.Authenticated {
		return unknown, nil
	}
	may := &authorizationv1.SubjectAccessReview{Spec: questionAbout(&who.Status.User)}
	if err := r.client.Create(ctx, may); err != nil {
		return 0, fmt.Errorf("ask whether %s may read metrics: %w", who.Status.User.Username, err)
	}
	if !may.Status.Allowed {
		return forbidden, nil
	}
	return allowed, nil
}

// questionAbout asks whether a user may read metrics.
func questionAbout(user *authenticationv1.UserInfo) authorizationv1.SubjectAccessReviewSpec {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, value := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(value)
	}
	return authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"},
	}
}
