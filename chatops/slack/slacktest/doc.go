// Package slacktest is a Slack on the loopback address, for tests. It has one
// workspace with one installed app, people who act in it, and all that stands
// between them and the app: the Web API, Socket Mode, signed HTTP requests,
// interactions, modals, rate limits, and faults on demand.
//
// It is stricter than it needs to be. What Slack refuses is refused with
// Slack's error; what a person could not do in Slack's client is an error for
// the test. Time stands still until the test moves it.
//
// Production code never imports it.
package slacktest
