package slacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
)

type file struct {
	id, name, title string
	length          int
	content         []byte
	uploaded, done  bool
}

func (f *file) wire() result {
	return result{
		"id": f.id, "created": made, "timestamp": made, "name": f.name, "title": f.title, "mimetype": "text/plain",
		"filetype": "text", "user": BotUser, "size": f.length, "mode": "snippet", "is_public": true,
	}
}

func readForm(body []byte, boundary string) (values url.Values, content []byte, err error) {
	form, err := multipart.NewReader(bytes.NewReader(body), boundary).ReadForm(maxBody)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = form.RemoveAll() }()
	for _, parts := range form.File {
		for _, part := range parts {
			f, err := part.Open()
			if err != nil {
				return nil, nil, err
			}
			content, err = io.ReadAll(f)
			_ = f.Close()
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return form.Value, content, nil
}

func filesGetURL(c *call) (result, *refusal) {
	n, err := strconv.Atoi(c.args["length"])
	if c.args["filename"] == "" || err != nil || n < 1 {
		return nil, refuse("invalid_arguments")
	}
	f := &file{id: c.id("F"), name: c.args["filename"], length: n}
	c.files[f.id] = f
	return result{"upload_url": c.base + "/upload/" + f.id, "file_id": f.id}, nil
}

// upload takes the content: raw, or as the file of a form.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	if kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		if _, body, err = readForm(body, params["boundary"]); err != nil {
			http.Error(w, "bad form", http.StatusBadRequest)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[r.PathValue("file")]
	switch {
	case f == nil || f.uploaded:
		http.Error(w, "no such upload", http.StatusNotFound)
	case len(body) != f.length:
		http.Error(w, fmt.Sprintf("%d bytes were promised", f.length), http.StatusBadRequest)
	default:
		f.content, f.uploaded = body, true
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "OK - "+strconv.Itoa(len(body)))
	}
}

func filesComplete(c *call) (result, *refusal) {
	var want []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	if json.Unmarshal([]byte(c.args["files"]), &want) != nil || len(want) == 0 {
		return nil, refuse("invalid_arguments")
	}
	m := &Message{User: BotUser, Text: c.args["initial_comment"]}
	if id := c.args["channel_id"]; id != "" {
		ch, no := c.seen(id)
		switch {
		case no != nil:
			return nil, no
		case ch.ID != id:
			return nil, refuse("channel_not_found")
		case !ch.has(BotUser):
			return nil, refuse("not_in_channel")
		}
		m.Channel = ch.ID
		if m.ThreadTS, no = c.thread(ch); no != nil {
			return nil, no
		}
	}
	all := []result{}
	for _, f := range want {
		stored := c.files[f.ID]
		if stored == nil || !stored.uploaded || stored.done {
			return nil, refuse("file_not_found")
		}
		stored.title = f.Title
		m.Files = append(m.Files, string(stored.content))
		m.fileIDs = append(m.fileIDs, f.ID)
		all = append(all, stored.wire())
	}
	for _, id := range m.fileIDs {
		c.files[id].done = true
	}
	if m.Channel != "" {
		c.put(m)
	}
	return result{"files": all}, nil
}
