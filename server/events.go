package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// beat is how often somebody who follows a run as server-sent events hears
// that the owner is there.
const beat = 15 * time.Second

// events streams what a run does, one [Line] each: as lines of JSON, or as
// server-sent events.
func (s *Server) events(w http.ResponseWriter, r *http.Request, by Caller) {
	out := stream{w: w, flush: http.NewResponseController(w), far: by.Token != "", sse: strings.Contains(r.Header.Get("Accept"), eventStream)}
	from, err := fromOf(r)
	if err != nil {
		fail(w, err)
		return
	}
	done, err := s.watching.open(by)
	if err != nil {
		fail(w, err)
		return
	}
	defer done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if out.far {
		defer context.AfterFunc(s.far, cancel)() //nolint:contextcheck,nolintlint // the server ends it, too
	}
	id := r.PathValue("id")
	if out.sse && r.Header.Get("Last-Event-ID") != "" && s.over(ctx, id, from) {
		w.WriteHeader(http.StatusNoContent) // else it would come again for ever
		return
	}
	records, err := s.cfg.Runs.Watch(ctx, id, from)
	if err != nil {
		fail(w, err)
		return
	}
	live := make(chan Progress, 16)
	go s.cfg.Live(ctx, id, func(p Progress) {
		select {
		case live <- p:
		default: // the reader is slow; what follows is worth more
		}
	})
	out.begin()
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for more := out.send(nil, len(records)); more; {
		select {
		case rec, ok := <-records:
			if !ok {
				s.end(ctx, id, &out)
				return
			}
			line, err := record(rec)
			more = err == nil && out.send(line, len(records))
		case p := <-live:
			more = out.send(&Line{Progress: &p}, 0)
		case <-beats.C:
			more = out.beat()
		case <-ctx.Done():
			return
		}
	}
}

// fromOf is the number of the first record that is asked for.
func fromOf(r *http.Request) (int, error) {
	if text := r.Header.Get("Last-Event-ID"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return 0, invalid("Last-Event-ID is %.80q, not the number of a record", text)
		}
		return n + 1, nil
	}
	if text := r.URL.Query().Get("from"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, invalid("from is %.80q, not the number of a record", text)
		}
		return n, nil
	}
	return 1, nil
}

// over reports whether no record from a number on will ever come.
func (s *Server) over(ctx context.Context, id string, from int) bool {
	run, err := s.cfg.Runs.Run(ctx, id)
	return err == nil && from > run.Seq && run.Ended() && len(engine.Pending(run)) == 0
}

// end says that no record will follow, if that is why the records ended: the
// run is over, and everybody has been told.
func (s *Server) end(ctx context.Context, id string, out *stream) {
	if ctx.Err() != nil {
		return
	}
	run, err := s.cfg.Runs.Run(ctx, id)
	if err == nil && run.Ended() && len(engine.Pending(run)) == 0 {
		out.send(&Line{End: true}, 0)
	}
}

func record(rec engine.Record) (*Line, error) {
	kind, data, err := engine.MarshalEvent(rec.Event)
	if err != nil {
		return nil, err
	}
	return &Line{Seq: rec.Seq, At: rec.At, Kind: kind, Data: data}, nil
}

const eventStream = "text/event-stream"

// stream is the answer to one who follows a run.
type stream struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	far   bool // the reader may be gone without our being told
	sse   bool // server-sent events, not lines of JSON
}

// patience is how long a reader on another machine may take to take what it is
// sent.
const patience = 10 * time.Second

// begin sends the head of the answer.
func (s *stream) begin() {
	format := "application/x-ndjson"
	if s.sse {
		format = eventStream
	}
	s.w.Header().Set("Content-Type", format)
	s.w.Header().Set("Cache-Control", "no-store")
	if s.far {
		_ = s.flush.SetReadDeadline(time.Time{}) // the request is read; the answer takes as long as the run
	}
	s.w.WriteHeader(http.StatusOK)
}

// send writes a line, if there is one, and pushes it out unless more are at
// hand. It reports whether the reader is still there.
func (s *stream) send(line *Line, more int) bool {
	if s.far {
		_ = s.flush.SetWriteDeadline(time.Now().Add(patience))
	}
	if line != nil {
		text, err := json.Marshal(line)
		if err != nil {
			return false
		}
		if s.sse {
			text = line.event(text)
		}
		if _, err := s.w.Write(append(text, '\n')); err != nil {
			return false
		}
	}
	return more > 0 || s.flush.Flush() == nil
}

// beat says that the owner is there, where the format has a way to.
func (s *stream) beat() bool {
	if !s.sse {
		return true
	}
	if s.far {
		_ = s.flush.SetWriteDeadline(time.Now().Add(patience))
	}
	_, err := s.w.Write([]byte(":\n\n"))
	return err == nil && s.flush.Flush() == nil
}

// event is a line as a server-sent event, but for its last line break. Only a
// record has an id: what it is followed from again.
func (l *Line) event(text []byte) []byte {
	switch {
	case l.End:
		return fmt.Appendf(nil, "event: end\ndata: %s\n", text)
	case l.Progress != nil:
		return fmt.Appendf(nil, "event: progress\ndata: %s\n", text)
	default:
		return fmt.Appendf(nil, "id: %d\nevent: record\ndata: %s\n", l.Seq, text)
	}
}
