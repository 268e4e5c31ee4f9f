package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/server/paging/pagingtest"
)

// TestServeNotes lets an incident of PagerDuty begin a run, which is noted on
// it: that it began, what it waits for, and how it ended. Nothing else is said
// to PagerDuty.
func TestServeNotes(t *testing.T) {
	d := &pagesCase{newDaemonCase(t), pagingtest.New()}
	api := pagingtest.NewIncidents("the-rest-token", "Q1")
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	d.add("rest", "the-rest-token\n")
	d.add("hook", "the-hook-secret\n")
	file := filepath.Join(d.dir, "firebreak.yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(config), "sources:\n", fmt.Sprintf(`sources:
  pd:
    kind: pagerduty
    secrets: [{secret: "file:%[1]s/hook"}]
    notes: {token: {secret: "file:%[1]s/rest"}, from: bot@example.com, url: "%[2]s", link: "https://firebreak.example.com/runs/RUN"}
`, d.dir, srv.URL), 1)
	if err := os.WriteFile(file, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	_, book, _ := strings.Cut(pagesBooks, "----\n")
	book = strings.Replace(book, "${{ alert.labels.service }}", "api", 1)
	d.add("firebreak.yaml", "services:\n  api: {environment: test, owner: sre}\n")
	d.add("runbooks/stuck.yaml", book)
	d.serve("A=")
	told := func(want string) string {
		t.Helper()
		select {
		case text := <-api.Told():
			if !strings.HasPrefix(text, "Q1: firebreak: run ") || !strings.Contains(text, want) {
				t.Errorf("noted is %q, not %q", text, want)
			}
			return text
		case <-time.After(patience):
			t.Fatalf("%q is not noted", want)
			return ""
		}
	}
	body := `{"event":{"id":"E1","event_type":"incident.triggered","data":{"id":"Q1","type":"incident","title":"Stuck","created_at":"2026-11-22T11:00:00Z"}}}`
	mac := hmac.New(sha256.New, []byte("the-hook-secret"))
	mac.Write([]byte(body))
	addr, _ := d.addr.Load().(string)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, addr+"/v1/alerts/pd", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Pagerduty-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)))
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Body.Close()
	if w.StatusCode != http.StatusAccepted {
		t.Fatalf("answered with %d", w.StatusCode)
	}
	told("of stuck began for this.\nhttps://firebreak.example.com/runs/")
	told("of stuck waits for sre: May stuck go on with stuck?")
	run := fmt.Sprint(d.runs()[0]["id"])
	d.lines("cancel", run)
	told("of stuck ended cancelled_clean: cancelled by ")
	if n := len(api.Notes("Q1")); n != 3 {
		t.Errorf("%d notes: %q", n, api.Notes("Q1"))
	}
}
