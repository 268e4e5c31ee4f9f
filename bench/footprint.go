package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// measureFootprint measures how soon an owner answers, the memory of one that
// does nothing, and the size of the binary.
func measureFootprint(ctx context.Context, p *product, s sizes, r *report) error {
	var ready, idle, each, all []float64
	for i := range s.starts {
		if err := p.footprint(ctx, p.state(fmt.Sprint("idle", i)), &ready, &idle, &each, &all); err != nil {
			return err
		}
	}
	r.add("start to ready", "ms", ready, goal{most: 150})
	r.add("idle memory of the owner", "MB", idle, goal{most: 40})
	r.add("memory of a plugin, each", "MB", each, goal{most: 25})
	r.add("idle memory, all, what is shared once", "MB", all, goal{})
	info, err := os.Stat(p.binary)
	if err != nil {
		return err
	}
	r.add("stripped binary", "MB", []float64{float64(info.Size()) / 1e6}, goal{most: 40})
	return nil
}

func (p *product) footprint(ctx context.Context, state string, ready, idle, each, all *[]float64) (err error) {
	o, err := p.open(ctx, state, p.bare)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.kill()) }()
	*ready = append(*ready, ms(o.ready))
	raw, err := o.Plugins(ctx) // starts all that are configured
	if err != nil {
		return err
	}
	var plugins []struct {
		PID string `json:"pid"`
	}
	if err := json.Unmarshal(raw, &plugins); err != nil {
		return err
	}
	own, err := settled(ctx, o.cmd.Process.Pid)
	if err != nil {
		return err
	}
	*idle = append(*idle, own)
	sum, err := memory(o.cmd.Process.Pid, "smaps_rollup", "Pss:")
	if err != nil {
		return err
	}
	for _, plugin := range plugins {
		pid, err := strconv.Atoi(plugin.PID)
		if err != nil {
			continue // not running: nothing is configured for it
		}
		size, err := resident(pid)
		if err != nil {
			return err
		}
		*each = append(*each, size)
		share, err := memory(pid, "smaps_rollup", "Pss:")
		if err != nil {
			return err
		}
		sum += share
	}
	*all = append(*all, sum)
	return nil
}

// resident is the memory of a process, MB.
func resident(pid int) (float64, error) { return memory(pid, "status", "VmRSS:") }

// memory reads one number of /proc, MB.
func memory(pid int, file, what string) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	if err != nil {
		return 0, fmt.Errorf("memory is measured on Linux: %w", err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(what)); ok {
			kb, err := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("process %d has no memory: it has ended", pid)
}

// settled is the memory of a process once it has not changed by more than a
// hundredth for three seconds: what a burst of work has taken is given back
// little by little.
func settled(ctx context.Context, pid int) (float64, error) {
	var seen []float64
	for end := time.Now().Add(time.Minute); ; {
		now, err := resident(pid)
		if err != nil {
			return 0, err
		}
		seen = append(seen, now)
		if last := seen[max(0, len(seen)-30):]; len(last) == 30 && slices.Max(last) < slices.Min(last)*1.01 || time.Now().After(end) {
			return now, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
