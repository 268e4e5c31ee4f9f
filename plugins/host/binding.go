package host

import "github.com/firebreak-ops/firebreak/plugins"

// BindingKey names one binding: a section and the access it is opened with.
// Either Service and Capability are set, or Tool.
type BindingKey struct {
	Service    string
	Capability string
	Tool       string         // the plugin's name
	Access     plugins.Effect // Read or Mutate
}

// String is service/capability/access, or /tool/access.
func (k BindingKey) String() string {
	return k.Service + "/" + k.Capability + k.Tool + "/" + string(k.Access)
}

func (k BindingKey) section() sectionKey {
	return sectionKey{service: k.Service, capability: k.Capability, tool: k.Tool}
}

// access is what an action of this effect is bound with.
func access(effect plugins.Effect) plugins.Effect {
	if effect == plugins.Read {
		return plugins.Read
	}
	return plugins.Mutate
}
