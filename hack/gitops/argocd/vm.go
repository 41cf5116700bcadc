// Package argocd runs health scripts as Argo CD does.
package argocd

import (
	"context"
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Health is what a health script says of a resource, as it stands in a health_test.yaml.
type Health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// Statuses are those that Argo CD knows. One that it does not know it takes for Unknown.
func Statuses() []string {
	return []string{"Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"}
}

// Customizations is where the scripts stand, from the root of the repository, as they stand in that of Argo CD.
const Customizations = "config/argocd/resource_customizations"

// timeout is how long Argo CD lets a script run.
const timeout = time.Second

// Libraries are what a script may call.
type Libraries int

const (
	// NoLibraries is the bare language.
	NoLibraries Libraries = iota
	// ConfiguredLibraries are those that Argo CD opens for a script from its ConfigMap: package, base and table. It opens an os
	// of its own too, which is left out here.
	ConfiguredLibraries
	// AllLibraries are those that it opens for scripts that were built in, or have useOpenLibs set.
	AllLibraries
)

// Judge runs a script over a resource.
func Judge(ctx context.Context, script string, object map[string]any, libraries Libraries) (Health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: libraries != AllLibraries})
	defer state.Close()
	if libraries == ConfiguredLibraries {
		if err := openConfigured(state); err != nil {
			return Health{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return Health{}, fmt.Errorf("run the script: %w", err)
	}
	said, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return Health{}, errors.New("the script returned no table")
	}
	return Health{Status: text(said, "status"), Message: text(said, "message")}, nil
}

func openConfigured(state *lua.LState) error {
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return fmt.Errorf("open %s: %w", library.name, err)
		}
	}
	return nil
}

// text is a field that is text; empty where it is not.
func text(table *lua.LTable, key string) string {
	if value, isText := table.RawGetString(key).(lua.LString); isText {
		return string(value)
	}
	return ""
}

// toLua turns what a JSON document holds into what a script sees.
func toLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case string:
		return lua.LString(known)
	case float64:
		return lua.LNumber(known)
	case int64:
		return lua.LNumber(known)
	case []any:
		list := state.CreateTable(len(known), 0)
		for _, item := range known {
			list.Append(toLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(known))
		for key, item := range known {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}
