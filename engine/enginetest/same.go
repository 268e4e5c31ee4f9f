package enginetest

import (
	"reflect"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// same reports whether Diff has certainly nothing to say of two values. It is
// many times as quick; where it is not certain it says false.
func same(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		return a.IsValid() == b.IsValid() && !a.IsValid()
	}
	switch a.Kind() {
	case reflect.Pointer:
		return a.Pointer() == b.Pointer() || sameTarget(a, b)
	case reflect.Interface:
		return same(a.Elem(), b.Elem())
	case reflect.Struct:
		return sameStruct(a, b)
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for in := a.MapRange(); in.Next(); {
			if !same(in.Value(), b.MapIndex(in.Key())) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	default:
		return a.Equal(b)
	}
}

// sameTarget looks behind two pointers. What the runbook is made of refers to
// itself, and is the same where it is one.
func sameTarget(a, b reflect.Value) bool {
	if a.IsNil() || b.IsNil() {
		return false
	}
	if a.CanInterface() {
		if x, ok := reflect.TypeAssert[*runbook.Runbook](a); ok {
			y, _ := reflect.TypeAssert[*runbook.Runbook](b)
			return sameBook(x, y)
		}
	}
	return !strings.Contains(a.Type().Elem().PkgPath(), "/engine/") && same(a.Elem(), b.Elem())
}

func sameStruct(a, b reflect.Value) bool {
	if a.CanInterface() {
		if x, ok := reflect.TypeAssert[time.Time](a); ok {
			y, _ := reflect.TypeAssert[time.Time](b)
			return x.Equal(y)
		}
	}
	for i := range a.NumField() {
		if !ignored(a.Type().Field(i).Name) && !same(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}

// ignored reports whether a field is another form of what is there already:
// the outputs, decoded or not yet, and conditions that were worked out.
func ignored(field string) bool { return field == "value" || field == "will" }
