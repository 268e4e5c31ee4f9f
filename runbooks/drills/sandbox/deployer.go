package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills/practice"
)

// deployEvery is how often the branch is looked at.
const deployEvery = 25 * time.Millisecond

// deployer brings the newest commit of the settings' branch to every replica.
type deployer struct {
	history *history
	tell    func(deployed) error
	client  *http.Client

	mu     sync.Mutex
	wanted practice.Settings
}

func newDeployer(repo string, tell func(deployed) error) (*deployer, error) {
	h, err := openHistory(repo)
	if err != nil {
		return nil, err
	}
	d := &deployer{history: h, tell: tell, client: &http.Client{Timeout: time.Second}}
	if d.wanted, err = d.read(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *deployer) current() practice.Settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wanted
}

func (d *deployer) read() (practice.Settings, error) {
	revision, text, err := d.history.head()
	if err != nil {
		return practice.Settings{}, err
	}
	limit, err := poolMax(text)
	if err != nil {
		return practice.Settings{}, fmt.Errorf("revision %s: %w", revision, err)
	}
	return practice.Settings{PoolMax: limit, Revision: revision}, nil
}

// watch deploys each new revision until ctx ends. A revision that cannot be
// read or that a replica refuses is logged and left alone until the next one.
func (d *deployer) watch(ctx context.Context, replicas []*replica, logger *log.Logger) error {
	ticker := time.NewTicker(deployEvery)
	defer ticker.Stop()
	told := "" // the revision last told, or last complained about
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		wanted, err := d.read()
		if err != nil {
			if err.Error() != told {
				told = err.Error()
				logger.Print(err)
			}
			continue
		}
		d.mu.Lock()
		d.wanted = wanted
		d.mu.Unlock()
		if !d.push(ctx, wanted, replicas, logger) || told == wanted.Revision {
			continue
		}
		told = wanted.Revision
		if err := d.tell(deployed{Settings: wanted, At: time.Now().UTC()}); err != nil {
			return fmt.Errorf("deployer: %w", err)
		}
	}
}

// push gives the settings to those replicas that were last given others, side
// by side, and says if all run them now.
func (d *deployer) push(ctx context.Context, wanted practice.Settings, replicas []*replica, logger *log.Logger) bool {
	var pushes sync.WaitGroup
	for _, r := range replicas {
		if r.running.Load().Revision == wanted.Revision {
			continue
		}
		pushes.Go(func() {
			before := r.running.Load()
			if err := deploy(ctx, d.client, r.url, wanted); err != nil {
				logger.Printf("%s: %v", r.name, err)
				return
			}
			// A process that started meanwhile was given what was wanted then.
			r.running.CompareAndSwap(before, &wanted)
		})
	}
	pushes.Wait()
	for _, r := range replicas {
		if r.running.Load().Revision != wanted.Revision {
			return false
		}
	}
	return true
}

// deploy gives settings to one replica that runs.
func deploy(ctx context.Context, client *http.Client, url string, settings practice.Settings) error {
	body, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/admin/settings", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it helps
		return fmt.Errorf("settings refused: %s: %s", resp.Status, bytes.TrimSpace(said))
	}
	return nil
}
