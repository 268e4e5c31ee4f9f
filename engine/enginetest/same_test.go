package enginetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

// TestSame changes everything in a run that has much in it, one thing after the
// other, and holds that no change is overlooked.
func TestSame(t *testing.T) {
	p := NewPlay(t, `
steps:
  - id: look
    uses: world.read
    with: {key: a}
  - id: cure
    uses: world.set
    with: {key: a, value: 7}
    approve: {of: [{role: ops, for: 5m}]}
    undo: {uses: world.set}
    verify: {uses: world.health, until: result.ok, for: 2s, within: 20s}
  - set: {after: 1}
`).Start().Approve("alice")
	a, b := p.Run, Replay(p.Book, p.Journal)
	if !same(reflect.ValueOf(a), reflect.ValueOf(b)) {
		t.Fatal("a run is not the same as when it is replayed")
	}
	changes := 0
	change(reflect.ValueOf(&b).Elem(), "run", func(path string) {
		changes++
		if same(reflect.ValueOf(a), reflect.ValueOf(b)) {
			t.Errorf("it overlooks %s", path)
		}
	})
	if changes < 100 || Diff(a, b) != "" {
		t.Errorf("there were %d changes, and what is left of them is %s", changes, Diff(a, b))
	}
}

// change changes each thing that a value holds, has it looked at, and puts it
// back.
func change(v reflect.Value, path string, look func(path string)) {
	with := func(other any) {
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		v.Set(reflect.ValueOf(other).Convert(v.Type()))
		look(path)
		v.Set(was)
	}
	switch v.Kind() {
	case reflect.Bool:
		with(!v.Bool())
	case reflect.Int, reflect.Int64:
		with(v.Int() + 1)
	case reflect.Uint8, reflect.Uint64:
		with(v.Uint() + 1)
	case reflect.Float64:
		with(v.Float() + 1)
	case reflect.String:
		with(v.String() + "x")
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); !ignored(f.Name) {
				change(reflect.NewAt(f.Type, v.Field(i).Addr().UnsafePointer()).Elem(), path+"."+f.Name, look)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem().PkgPath() == reflect.TypeFor[engine.Run]().PkgPath() {
			change(v.Elem(), path, look)
		}
	case reflect.Slice:
		for i := range v.Len() {
			change(v.Index(i), fmt.Sprintf("%s[%d]", path, i), look)
		}
		if v.Len() > 0 {
			with(v.Slice(1, v.Len()).Interface())
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			at := fmt.Sprintf("%s[%v]", path, k)
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			was := v.MapIndex(k)
			change(e, at, func(path string) {
				v.SetMapIndex(k, e)
				look(path)
				v.SetMapIndex(k, was)
			})
			v.SetMapIndex(k, reflect.Value{})
			look(at)
			v.SetMapIndex(k, was)
		}
	default:
	}
}
