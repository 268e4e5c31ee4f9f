package chatops

import "testing"

func TestPlain(t *testing.T) {
	tests := map[string]string{
		"as it is: ä → 1\n\tx":    "as it is: ä → 1\n\tx",
		"hid\x1b[8mden\x1b[0m":    `hid\u001b[8mden\u001b[0m`,
		"a\u202eb\rc\u009b1A\x07": `a\u202eb\u000dc\u009b1A\u0007`,
		"no text\x9b1A":           "no text\ufffd1A",
	}
	for text, want := range tests {
		if got := Plain(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestOneLine holds that what is shown on one line stays there.
func TestOneLine(t *testing.T) {
	if got, want := OneLine("a\nrun x ended\tb\x1b[2J"), `a\nrun x ended\tb\u001b[2J`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
