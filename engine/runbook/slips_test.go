package runbook

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestSlips takes away what makes a good runbook safe, one thing at a time,
// and moves its changes to where nothing covers them: each time check must say
// what is missing.
func TestSlips(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	slips := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		book, problems := Parse(file, src, testCatalog(t), testLibrary)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, s := range book.Mutations() {
			if s.Frame.File != file {
				continue // written in a runbook that is called
			}
			for _, slip := range slipsOf(s) {
				slips++
				t.Run(filepath.Base(file)+"/"+s.Path+"/"+slip.name, func(t *testing.T) {
					root := documentOf(t, src)
					slip.make(root)
					broken, err := yaml.Marshal(root)
					if err != nil {
						t.Fatal(err)
					}
					_, problems := Parse(file, broken, testCatalog(t), testLibrary)
					if !slices.ContainsFunc(problems, func(p Problem) bool { return p.ID == slip.id }) {
						t.Errorf("it is not refused with %s: %v\n%s", slip.id, problems, broken)
					}
				})
			}
		}
	}
	if slips < 40 {
		t.Errorf("only %d slips", slips)
	}
}

// slip is a mistake that check must find.
type slip struct {
	name, id string
	make     func(root *yaml.Node)
}

func slipsOf(s *Step) []slip {
	without := func(of *Step, key string) func(*yaml.Node) {
		return func(root *yaml.Node) { remove(stepNode(root, of), key) }
	}
	gate, verifier := s.Gate(), s.verifier()
	slips := []slip{{"no undo", "no-undo", without(s, "undo")}}
	if gate.Parent == nil || gate.Parent.Gate() == nil {
		slips = append(slips, slip{"no approve", "no-gate", without(gate, "approve")})
	}
	if verifier.Parent == nil || verifier.Parent.verifier() == nil {
		slips = append(slips, slip{"no verify", "no-verify", without(verifier, "verify")})
	}
	if s.Action.Capability != "" {
		slips = append(slips, slip{"no service", "no-service", func(root *yaml.Node) { remove(root, "service") }})
	} else {
		slips = append(slips, slip{"no resource", "no-resource", without(s, "resource")})
	}
	if gate != s {
		for _, handler := range []string{"on_failure", "finally"} {
			slips = append(slips, slip{"moved to " + handler, "no-gate", func(root *yaml.Node) { add(root, handler, stepNode(root, s)) }})
		}
		slips = append(slips, slip{"moved before its gate", "no-gate", func(root *yaml.Node) { add(root, "steps", stepNode(root, s)) }})
	}
	return slips
}

func documentOf(t *testing.T, src []byte) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

// stepNode is where a step is written.
func stepNode(n *yaml.Node, s *Step) *yaml.Node {
	if n.Kind == yaml.MappingNode && posOf(n) == s.Pos {
		return n
	}
	for _, child := range n.Content {
		if found := stepNode(child, s); found != nil {
			return found
		}
	}
	return nil
}

func remove(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

// add puts a copy of a step, with a name of its own, first in a list of the
// runbook.
func add(root *yaml.Node, key string, step *yaml.Node) {
	moved := *step
	moved.Content = slices.Clone(step.Content)
	remove(&moved, "id")
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			root.Content[i+1].Content = slices.Insert(root.Content[i+1].Content, 0, &moved)
			return
		}
	}
	root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{&moved}})
}
