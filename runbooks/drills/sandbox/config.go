package sandbox

import (
	"fmt"
	"os/user"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Service is the name of the practice service in the sandbox's configuration.
const Service = "api"

// Approver is the person who answers in a drill: whoever runs it.
const Approver = "approver"

// ServiceConfig is the firebreak.yaml that describes the sandbox.
func (s *Sandbox) ServiceConfig() (string, error) {
	who, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("sandbox: who runs this drill: %w", err)
	}
	type section map[string]any
	each := func(path string) []string {
		urls := make([]string, len(s.up.URLs))
		for i, url := range s.up.URLs {
			urls[i] = url + path
		}
		return urls
	}
	settings := section{
		"plugin": "git", "repo": filepath.Join(s.dir, settingsRepo), "branch": settingsBranch,
		"path": settingsFolder + "/" + settingsFile, "live_url": each("/admin/settings"),
	}
	workload := section{
		"plugin": "processes", "pidfiles": []string{filepath.Join(s.dir, runDir, "*.pid")},
		"signal": "TERM", "ready": "http://127.0.0.1:{port}/ready",
	}
	if s.kube != "" {
		credential := section{"secret": "file:" + filepath.Join(s.dir, secretsDir, kubeconfig)}
		settings = section{"plugin": "kubernetes", "read": credential, "mutate": credential, "namespace": s.up.Namespace, "configmap": settingsMap}
		workload = section{"plugin": "kubernetes", "read": credential, "mutate": credential, "namespace": s.up.Namespace, "deployment": Service}
	}
	text, err := yaml.Marshal(section{
		"services": section{Service: section{
			"environment": "drill",
			"owner":       "platform",
			"metrics":     section{"plugin": "prometheus", "targets": each("/metrics")},
			"database":    section{"plugin": "postgres", "read": section{"secret": "file:" + filepath.Join(s.dir, secretsDir, readDSN)}},
			"settings":    settings,
			"workload":    workload,
			"backlog":     section{"plugin": "http", "status": each("/backlog"), "shed": each("/backlog/shed")},
		}},
		"sources": section{AlertSource: section{
			"kind": "alertmanager", "secrets": []section{{"secret": "file:" + filepath.Join(s.dir, secretsDir, alertToken)}},
		}},
		"roles": section{
			"sre-oncall": section{"people": []string{Approver}},
			"sre-leads":  section{"people": []string{Approver}, "break_glass": true},
		},
		"people": section{Approver: section{"os_user": who.Username}},
	})
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return string(text), nil
}
