package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/firebreak-ops/firebreak/engine"
)

// events streams what a run does, one [Line] of JSON each.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if _, err := callerOf(r.Context()); err != nil {
		fail(w, err)
		return
	}
	from := 1
	if text := r.URL.Query().Get("from"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fail(w, invalid("from is %q, not the number of a record", text))
			return
		}
		from = n
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	id := r.PathValue("id")
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
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	out := stream{w: w, flush: http.NewResponseController(w)}
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
		case <-ctx.Done():
			return
		}
	}
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

// stream is the answer to one who follows a run.
type stream struct {
	w     http.ResponseWriter
	flush *http.ResponseController
}

// send writes a line, if there is one, and pushes it out unless more are at
// hand. It reports whether the reader is still there.
func (s *stream) send(line *Line, more int) bool {
	if line != nil {
		text, err := json.Marshal(line)
		if err != nil {
			return false
		}
		if _, err := s.w.Write(append(text, '\n')); err != nil {
			return false
		}
	}
	return more > 0 || s.flush.Flush() == nil
}
