package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

type responseURL struct {
	user, channel, thread string
	original              *Message // that was acted on; nil after a command
	made                  time.Time
	uses                  int
}

// newResponseURL makes one. The lock is held.
func (s *Server) newResponseURL(r *responseURL) string {
	id := random(12)
	r.made = s.clock.Now()
	s.responses[id] = r
	return s.base + "/response/" + id
}

// answer is what an app says to a response_url, or with its acknowledgement
// of a command.
type answer struct {
	Text            string          `json:"text"`
	Blocks          json.RawMessage `json:"blocks"`
	Attachments     any             `json:"attachments"`
	ResponseType    string          `json:"response_type"`
	ReplaceOriginal *bool           `json:"replace_original"`
	DeleteOriginal  bool            `json:"delete_original"`
	ThreadTS        string          `json:"thread_ts"`
}

func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	s.mu.Lock()
	f := s.fault("response_url", "response_url")
	s.mu.Unlock()
	if s.strike(w, r, f) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	u := s.responses[r.PathValue("id")]
	code, status := "", http.StatusNotFound
	switch {
	case u == nil:
		code = "invalid_url"
	case s.clock.Now().Sub(u.made) > responseLife:
		code = "expired_url"
	case u.uses == responseUses:
		code = "used_url"
	default:
		var a answer
		u.uses++
		status = http.StatusBadRequest
		if json.Unmarshal(body, &a) != nil {
			code = "invalid_payload"
		} else if no := s.say(u, a); no != nil {
			code = no.code
		}
	}
	s.notef("response_url", r.PathValue("id"), "%s", code)
	switch {
	case f != nil:
		cut(w)
	case code != "":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(encode(result{"ok": false, "error": code}))
	default:
		reply(w, result{"ok": true})
	}
}

// say does what an answer says. The lock is held.
func (s *Server) say(u *responseURL, a answer) *refusal {
	ch := s.channel(u.channel)
	if ch == nil {
		return refuse("channel_not_found")
	}
	if a.DeleteOriginal {
		if u.original == nil {
			return refuse("invalid_request")
		}
		s.remove(u.original)
		return nil
	}
	raw := string(a.Blocks)
	if raw == "null" || raw == "[]" {
		raw = ""
	}
	blocks, no := readBlocks(raw, 50)
	if no != nil {
		return no
	}
	if a.Text == "" && len(blocks) == 0 && a.Attachments == nil {
		return refuse("no_text")
	}
	if a.ReplaceOriginal != nil && *a.ReplaceOriginal && u.original != nil {
		if s.message(u.original.Channel, u.original.TS) != u.original {
			return refuse("message_not_found")
		}
		u.original.show(a.Text, blocks)
		u.original.attachments = a.Attachments
		return nil
	}
	m := &Message{Channel: u.channel, ThreadTS: u.thread, User: BotUser, Text: a.Text, Blocks: blocks, attachments: a.Attachments}
	if a.ThreadTS != "" {
		m.ThreadTS = a.ThreadTS
	}
	if a.ResponseType != "in_channel" {
		m.Ephemeral = u.user
	}
	s.put(m)
	return nil
}
