package runbook

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"path/filepath"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

func parseFile(t *testing.T, file string) *Runbook {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	book, problems := Parse(filepath.Base(file), src, testCatalog(t), testLibrary)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return book
}

func TestPaths(t *testing.T) {
	book := parseFile(t, "testdata/valid/every-key.yaml")
	var paths []string
	for _, s := range book.All() {
		paths = append(paths, s.Path)
		if book.Step(s.Path) != s || s.ID != "" && book.ByID(s.ID) != s {
			t.Errorf("step %s is not found by its names", s.Path)
		}
	}
	want := []string{
		"looking", "2", "3", "quiet", "look", "look/pool", "look/now", "cause", "change", "change/apply",
		"change/2", "change/3", "relieved", "on_failure/1", "finally/1",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("got %v, want %v", paths, want)
	}
}

func TestWhatIsRead(t *testing.T) {
	book := parseFile(t, "testdata/valid/every-key.yaml")
	step := book.Step
	for name, ok := range map[string]bool{
		"book":      book.Name == "every-key" && book.Owner == "sre" && book.Timeout == 90*time.Minute && strings.HasPrefix(book.Digest, "sha256:"),
		"inputs":    len(book.Inputs) == 6 && book.Inputs[0].Service && book.Inputs[0].Required && book.Inputs[2].Default == 50 && book.Inputs[3].Default == 0.5,
		"triggers":  len(book.Triggers) == 2 && book.Triggers[0].Cooldown == 24*time.Hour && len(book.Triggers[0].Inputs) == 2,
		"kinds":     step("looking").Kind == KindNotify && step("2").Kind == KindSet && step("3").Kind == KindWait && step("look").Kind == KindParallel && step("relieved").Kind == KindFail,
		"wait":      step("3").For == 30*time.Second && step("quiet").Every == 500*time.Millisecond && step("quiet").Within == 2*time.Minute && step("quiet").Optional,
		"retry":     slices.Equal(step("look/pool").Retry.On, []string{"timeout", "unavailable"}) && step("look/pool").Retry.MaxBackoff == time.Second && step("look/pool").Timeout == 5*time.Second,
		"defaults":  step("change/apply").Retry.Backoff == 200*time.Millisecond && step("change/apply").Retry.MaxBackoff == 5*time.Second,
		"approve":   step("change").Approve.OnExpiry == "skip" && step("change").Approve.Self && step("change").Approve.Expires() == 8*time.Minute,
		"gate":      step("change/2").Gate() == step("change") && step("cause").Gate() == nil && step("change/2").In(step("change")),
		"verify":    step("change/2").Verify.OnFail == "keep" && step("change/2").Verify.For == 10*time.Second && step("change/2").Verify.Every == 2*time.Second,
		"waiver":    step("change").Verify.LastDay == "2099-12-31" && step("change").Verify.Owner == "sre" && step("change").Verify.Uses == "",
		"undo":      step("change/apply").Undo.With != nil && step("change/2").Undo.None != "",
		"resource":  step("change/3").Resource != nil,
		"mutations": len(book.Mutations()) == 3,
		"parent":    step("look/pool").Parent == step("look") && step("cause").Parent == nil,
	} {
		if !ok {
			t.Errorf("%s is not as written", name)
		}
	}
}

func TestDefaultsOfGates(t *testing.T) {
	book := parseFile(t, "testdata/valid/gates.yaml")
	rollback, drop := book.Step("rollback"), book.Step("drop")
	a := drop.Approve
	if a.Quorum != 1 || a.ValidFor != 10*time.Minute || a.OnExpiry != "abort" || a.Self {
		t.Errorf("approve is %+v", a)
	}
	v := drop.Verify
	if v.For != 0 || v.Every != time.Second || v.Within != time.Minute || v.OnFail != "undo" {
		t.Errorf("verify is %+v", v)
	}
	if rollback.Verify.OnFail != "ask" {
		t.Errorf("a failed verify of a rollback is to %s", rollback.Verify.OnFail)
	}
	if rollback.Undo.With != nil {
		t.Error("an undo without with has an input of its own")
	}
}

func TestShippedDefaultAsks(t *testing.T) {
	src := head + `  - approve: {of: [{role: sre, for: 1m}]}
    steps:
      - uses: settings.rollback
        with: {change: {setting: a, after: 1}}
        undo: {uses: settings.apply}
    verify: {uses: metrics.health, until: result.waiting == 0}
`
	book, problems := Parse("b.yaml", []byte(src), testCatalog(t), testLibrary)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if book.Steps[0].Verify.OnFail != "ask" {
		t.Errorf("a group that holds a rollback is to %s", book.Steps[0].Verify.OnFail)
	}
}

func TestValuesOfARun(t *testing.T) {
	book := parseFile(t, "testdata/valid/every-key.yaml")
	vars := expr.Vars{
		"inputs": map[string]any{"service": "api", "size": 50, "setting": "a", "really": false},
		"run":    map[string]any{"id": "r1", "requester": "alice"},
		"vars":   map[string]any{},
		"steps": map[string]any{
			"cause": map[string]any{"status": "succeeded", "outputs": map[string]any{"top": map[string]any{"cause": "slow_query", "change": nil}}},
			"pool":  map[string]any{"status": "failed", "outputs": nil},
		},
	}
	text, err := book.Step("looking").Text.Eval(vars)
	if err != nil || text != "Looking at api, 50 wanted,\nasked for by alice.\n" {
		t.Errorf("%q, %v", text, err)
	}
	wanted, err := book.Step("2").Set[0].Value.Eval(vars)
	if err != nil || wanted != 100 {
		t.Errorf("%v (%T), %v", wanted, wanted, err)
	}
	holds, err := book.Step("relieved").If.Bool(vars)
	if err != nil || holds {
		t.Errorf("%v, %v", holds, err)
	}
	_, err = book.Step("relieved").Text.Eval(vars)
	var null *expr.NullError
	if !errors.As(err, &null) || err.Error() != "every-key.yaml:113:57: steps.pool.outputs is null because step pool failed" {
		t.Errorf("%v", err)
	}
	pool, err := book.Step("cause").With.Eval(vars)
	if err != nil || pool.(map[string]any)["pool"] != nil {
		t.Errorf("null cannot be given where it is allowed: %v, %v", pool, err)
	}
}

var noField = regexp.MustCompile(`has no field (\w+)$`)

// TestPositionsPointAtTheWord holds positions inside plain, quoted, folded and
// literal scalars to the word that is wrong.
func TestPositionsPointAtTheWord(t *testing.T) {
	files, _ := filepath.Glob("testdata/broken/*position.txt")
	if len(files) < 5 {
		t.Fatalf("%d cases", len(files))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		src, _, _ := strings.Cut(string(raw), ruler)
		lines := strings.Split(src, "\n")
		_, problems := Parse(file, []byte(src), testCatalog(t), testLibrary)
		for _, p := range problems {
			word := noField.FindStringSubmatch(p.What)
			if word == nil {
				t.Fatal(p)
			}
			line := lines[p.Pos.Line-1]
			at := byteAt(line, p.Pos.Col-1)
			if !strings.HasPrefix(line[at:], word[1]) {
				t.Errorf("%s: %s, where %q stands (%d runes)", file, p, line[at:], utf8.RuneCountInString(line))
			}
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1m30s": 90 * time.Second, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour,
		"0s": 0, "250ms": 250 * time.Millisecond, "1.5h": 90 * time.Minute,
	} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s is %s, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "10", "-5s", "+5s", "5 s", "d", "1d-2h", "999999999d", "1e9h", "9999999h99999999h", "2.5d", "0"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestNewAction(t *testing.T) {
	a, err := NewAction("settings.apply", "mutate", nil, []byte(`{"type":"object"}`))
	if err != nil || a.Capability != "settings" || a.Effect != EffectMutate {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = NewAction("exec.run", "mutate", nil, nil); err != nil || a.Capability != "" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, bad := range [][3]string{{"apply", "read", ""}, {"a.b", "write", ""}, {"a.b", "read", "{"}, {"a.b", "read", `{"type":"text"}`}, {"a.b", "read", `{"$ref":"#/x"}`}} {
		if _, err := NewAction(bad[0], bad[1], []byte(bad[2]), nil); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestAsk(t *testing.T) {
	book := parseFile(t, "testdata/valid/ask.yaml")
	size, why := book.ByID("size"), book.ByID("why")
	if size.Kind != KindAsk || size.Ask.Word != "integer" || size.Ask.OnExpiry != "abort" || size.Ask.Expires() != 15*time.Minute || len(size.Ask.Of) != 2 {
		t.Errorf("size: %+v", size.Ask)
	}
	if why.Ask.Word != "string" || why.Asking().OnExpiry != "skip" || why.If == nil || why.Approve != nil {
		t.Errorf("why: %+v", why.Ask)
	}
	if v, err := size.OutputType().Decode([]byte(`{"value":7}`)); err != nil || v.(map[string]any)["value"] != 7 {
		t.Errorf("%v %v", v, err)
	}
}
