package host

import "os"

// passed are the variables that a plugin gets of ours; go-plugin adds its
// own. The last two are where a pod finds its cluster. What a plugin needs
// beyond them is in its section.
var passed = [...]string{"PATH", "HOME", "TMPDIR", "TZ", "LANG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}

func environment() []string {
	var env []string
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
