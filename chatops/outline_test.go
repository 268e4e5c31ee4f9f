package chatops

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestOutlineOfItems names the steps of a foreach's items, once: as its list
// becomes known, or because it was known before.
func TestOutlineOfItems(t *testing.T) {
	o := Outline{
		"e":           NewEntry("e", "", runbook.KindForeach),
		"e/item":      NewEntry("", "", runbook.KindGroup),
		"e/item/look": NewEntry("look", "http.get", runbook.KindAction),
		"e/itemised":  NewEntry("itemised", "", runbook.KindSet),
	}
	known := engine.Record{Event: engine.ItemsKnown{Path: "e", Items: []json.RawMessage{json.RawMessage("1"), json.RawMessage("2")}}}
	o.Lines(&engine.Run{}, known, "r1")
	delete(o, "e/item")
	o.Lines(&engine.Run{}, known, "r1")
	got := map[string]string{}
	for path := range o {
		got[path] = o.Name(path)
	}
	want := map[string]string{
		"e": "e", "e/1": "1 of 2", "e/2": "2 of 2", "e/1/look": "look (1 of 2)", "e/2/look": "look (2 of 2)",
		"e/item/look": "look", "e/itemised": "itemised",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
