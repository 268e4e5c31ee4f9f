package conformance

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	pb "github.com/firebreak-ops/firebreak/plugins/proto"
)

// describe: the description is valid, and the same whoever asks and when.
func (s *suite) describe(t T) {
	ctx := patient(t)
	first, second := s.ask(ctx, t), s.ask(ctx, t)
	if !proto.Equal(first, second) {
		t.Errorf("two processes describe themselves differently:\n%v\n%v", first, second)
	}
	if first.GetVersion() == "" {
		t.Errorf("the description has no version")
	}
	d, err := s.host.Describe(ctx, s.spec.Name)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(d.Actions) == 0 {
		t.Errorf("it offers no action")
	}
	for _, action := range d.Actions {
		s.action(t, d, action)
	}
}

func (s *suite) action(t T, d plugins.Description, a plugins.Action) {
	t.Helper()
	contract, _ := capability.Lookup(a.Name)
	if contract.Name == "" && (len(a.Input) == 0 || len(a.Output) == 0) {
		t.Errorf("%s is in no contract and has no schema of its input or of its outputs", a.Name)
	}
	if contract.Name == "" && a.Doc == "" {
		t.Errorf("%s has no sentence for people", a.Name)
	}
	if undo := a.Undo + contract.Undo; undo != "" && a.Effect == plugins.Read {
		t.Errorf("%s changes nothing, yet %s undoes it", a.Name, undo)
	}
	for _, undo := range []string{a.Undo, contract.Undo} {
		if undo != "" && !offers(d, undo) {
			t.Errorf("%s is undone by %s, which the plugin does not offer", a.Name, undo)
		}
	}
}

func offers(d plugins.Description, name string) bool {
	for _, a := range d.Actions {
		if a.Name == name {
			return true
		}
	}
	return false
}

// ask describes a process of its own, twice.
func (s *suite) ask(ctx context.Context, t T) *pb.DescribeResponse {
	t.Helper()
	client, end, err := host.Connect(ctx, s.spec, s.config(t, nil))
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer end()
	first, err := client.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	second, err := client.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if !proto.Equal(first, second) {
		t.Errorf("asked twice, one process describes itself differently:\n%v\n%v", first, second)
	}
	return first
}
