package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
)

// varying is what another run of a test has anew.
var varying = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`"\d{10}\.\d{6}"`), `"TS"`},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "DIGEST"},
	{regexp.MustCompile(`("envelope": )"[^"]+"`), `$1"ENVELOPE"`},
	{regexp.MustCompile(`"20\d\d-[^"]+Z"`), `"TIME"`},
	{regexp.MustCompile(`(_ns": )\d+`), `${1}0`},
}

// TestAudit holds what is recorded of everything that people say about a
// question: on its card, in a form, by a command, over either transport,
// refused or not. The records are the audit.
func TestAudit(t *testing.T) {
	var rows []map[string]any
	for _, transport := range []string{"socket", "http"} {
		s := quiet(t)
		o := newOffice(t, s, 2)
		if transport == "http" {
			o.cfg.AppToken, o.cfg.SigningSecret = "", slacktest.SigningSecret
		}
		p := o.open()
		if transport == "http" {
			p.http = httptest.NewServer(p.bot)
			if err := s.UseHTTP(t.Context(), p.http.URL); err != nil {
				t.Fatal(err)
			}
		}
		o.start("r1", "")
		card := o.card("r1")
		o.click(slacktest.Gus, card.TS, "rb.approve.v1")
		o.told(slacktest.Gus, "does not count")
		o.choose(slacktest.Alice, card, "extend")
		o.told(slacktest.Alice, "kept open longer")
		o.choose(slacktest.Alice, card, "hand")
		o.submit(slacktest.Alice, map[string]string{"to": "carol", "reason": "she knows the pool"})
		o.told(slacktest.Alice, "It is left to them")
		o.click(slacktest.Carol, card.TS, "rb.approve.v1")
		o.told(slacktest.Carol, "1 of 2 have said yes")
		o.command(slacktest.BobUser, "approve r1 looks right")
		o.ended("r1")
		o.start("r2", "")
		card = o.card("r2")
		o.click(slacktest.BobUser, card.TS, "rb.deny.v1")
		o.submit(slacktest.BobUser, map[string]string{"reason": "not now"})
		o.ended("r2")
		for _, id := range []string{"r1", "r2"} {
			for _, rec := range o.records(id) {
				switch e := rec.Event.(type) {
				case engine.QuestionSeen, engine.QuestionExtended, engine.QuestionHanded, engine.VoteCounted, engine.QuestionDecided, engine.InputRefused:
					rows = append(rows, map[string]any{"kind": e.Kind(), "data": e})
				}
			}
		}
		p.kill()
	}
	got, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range varying {
		got = v.is.ReplaceAll(got, []byte(v.as))
	}
	got = append(got, '\n')
	file := filepath.Join("testdata", "audit.json")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("(-want +got)\n%s", cmp.Diff(string(want), string(got)))
	}
}
