package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/firebreak-ops/firebreak/server"
)

// ErrCut says that a stream broke off before the run had ended. Follow again
// from the number after the last record.
var ErrCut = errors.New("the owner stopped answering before the run ended")

// Watch calls each for every line of a run's events, those that exist from a
// number on and then those to come. It returns nil when the run has ended and
// everybody has been told, [ErrCut] when the owner goes away before that,
// each's error when it returns one, and ctx's when that ends.
func (c *Client) Watch(ctx context.Context, id string, from int, each func(server.Line) error) error {
	resp, err := c.ask(ctx, http.MethodGet, fmt.Sprintf("%s?from=%d", runPath(id, "events"), max(from, 1)), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for {
		text, err := lines.ReadBytes('\n')
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("follow run %s: %w", id, ErrCut)
		}
		if err != nil {
			return fmt.Errorf("follow run %s: %w: %w", id, ErrCut, err)
		}
		var line server.Line
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("follow run %s: read a line of it: %w", id, err)
		}
		if line.End {
			return nil
		}
		if err := each(line); err != nil {
			return err
		}
	}
}
