// What Argo CD makes of a Lua script of its ConfigMap argocd-cm, in the interpreter that it uses and with no more than it gives
// such a script: the libraries package, base and table, and of os the functions date and time, by require alone.
//
// Reads a JSON list of {"kind": "health"|"discovery"|"action", "script": ..., "object": ...} and prints a list of the answers: what
// the script returns; for an action the merge patch that Argo CD would send.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	jsonpatch "github.com/evanphx/json-patch"
	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// How long Argo CD lets a script run.
const patience = time.Second

type question struct {
	Kind   string         `json:"kind"`
	Script string         `json:"script"`
	Object map[string]any `json:"object"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		return err
	}
	answers := make([]json.RawMessage, 0, len(questions))
	for index, question := range questions {
		answer, err := question.answer()
		if err != nil {
			return fmt.Errorf("%s script of question %d: %w", question.Kind, index, err)
		}
		answers = append(answers, answer)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func (q question) answer() (json.RawMessage, error) {
	returned, err := q.returned()
	if err != nil || q.Kind != "action" {
		return returned, err
	}
	var changed map[string]any
	if err := json.Unmarshal(returned, &changed); err != nil {
		return nil, err
	}
	before, err := json.Marshal(q.Object)
	if err != nil {
		return nil, err
	}
	after, err := json.Marshal(withMaps(changed, q.Object))
	if err != nil {
		return nil, err
	}
	return jsonpatch.CreateMergePatch(before, after)
}

// What the script returns, as JSON.
func (q question) returned() (json.RawMessage, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	} {
		function := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(function, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, safeOS)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("actionParams", state.NewTable())
	state.SetGlobal("obj", toLua(state, q.Object))
	if err := state.DoString(q.Script); err != nil {
		return nil, err
	}
	value := state.Get(-1)
	if value.Type() != lua.LTTable {
		return nil, fmt.Errorf("it returns no table but %s", value.Type())
	}
	return luajson.Encode(value)
}

// The functions of os that touch nothing, as gopher-lua has them.
func safeOS(state *lua.LState) int {
	whole := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer whole.Close()
	whole.Push(whole.NewFunction(lua.OpenOs))
	whole.Call(0, 1)
	all := whole.CheckTable(-1)
	safe := state.NewTable()
	for _, name := range []string{"date", "time"} {
		if function, ok := all.RawGetString(name).(*lua.LFunction); ok {
			safe.RawSetString(name, state.NewFunction(function.GFunction))
		}
	}
	state.Push(safe)
	return 1
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		list := state.CreateTable(len(value), 0)
		for _, item := range value {
			list.Append(toLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

// An empty table comes back from Lua as a list: where the object had a map, a map is meant.
func withMaps(changed, before any) any {
	switch changed := changed.(type) {
	case map[string]any:
		old, _ := before.(map[string]any)
		for key, value := range changed {
			changed[key] = withMaps(value, old[key])
		}
	case []any:
		if _, isMap := before.(map[string]any); isMap && len(changed) == 0 {
			return map[string]any{}
		}
		old, _ := before.([]any)
		for index := range changed {
			if index < len(old) {
				changed[index] = withMaps(changed[index], old[index])
			}
		}
	}
	return changed
}
