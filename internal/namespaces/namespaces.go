// Package namespaces is the flag that keeps a program to some namespaces.
package namespaces

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// Set is the namespaces that a program works in; an empty one is all namespaces. It is a flag.Value.
type Set []string

var _ flag.Value = (*Set)(nil)

// String is the value of the flag.
func (s *Set) String() string {
	return strings.Join(*s, ",")
}

// Set takes the value of the flag: names with commas between them, or nothing for all namespaces.
func (s *Set) Set(value string) error {
	var names Set
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if name == "" && value == "" {
			continue
		}
		if faults := validation.IsDNS1123Label(name); len(faults) > 0 {
			return fmt.Errorf("%q is no name of a namespace: %s", name, strings.Join(faults, "; "))
		}
		names = append(names, name)
	}
	slices.Sort(names)
	*s = slices.Compact(names)
	return nil
}

// Cache is what a cache of these namespaces is told.
func (s *Set) Cache() map[string]cache.Config {
	if len(*s) == 0 {
		return nil
	}
	configs := make(map[string]cache.Config, len(*s))
	for _, name := range *s {
		configs[name] = cache.Config{}
	}
	return configs
}
