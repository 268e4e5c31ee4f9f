// Package plugintest is the conformance harness that any plugin can run. It
// starts the plugin as a real process, through the same host that firebreak
// uses, and holds it to the contract. A plugin's test is some ten lines:
//
//	func TestMain(m *testing.M) { plugintest.Main(m, New()) }
//
//	func TestConformance(t *testing.T) {
//		plugintest.Run(t, plugintest.Self("git"), plugintest.Cases{
//			Sections:  []host.Section{{Service: "api", Capability: "settings", Plugin: "git", Config: config}},
//			Reads:     []plugintest.Read{{Service: "api", Action: "settings.current", Input: input}},
//		})
//	}
//
// A plugin in another language is run by the [host.Spec] of its executable.
package plugintest
