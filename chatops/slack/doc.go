// Package slack tells and asks people in a Slack workspace. What it shows
// follows from runs and their records, so it is sent again after any failure
// or restart; what people do is stored before it is acknowledged. It is the
// only package that knows Slack's types.
package slack
