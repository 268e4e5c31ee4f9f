package service

import (
	"encoding/json"
	"regexp"
	"slices"
	"sync"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// The looks of texts.
var (
	aName     = &runbook.Look{Pattern: regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`), Is: "a name", Hint: "use at most 63 of a-z 0-9 . _ - and begin with a letter or digit"}
	aPath     = &runbook.Look{Pattern: regexp.MustCompile(`^(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))+$`), Is: "an absolute path", Hint: "write it from / on, without . and .."}
	aFolder   = &runbook.Look{Pattern: regexp.MustCompile(`^/`), Is: "an absolute path", Hint: "write it from / on"}
	aChecksum = &runbook.Look{Pattern: regexp.MustCompile(`^[0-9a-f]{64}$`), Is: "64 lower-case hexadecimal digits", Hint: "write what sha256sum prints"}
	anEmail   = &runbook.Look{Pattern: regexp.MustCompile(`^[^@]+@.+$`), Is: "an address", Hint: "write name@host"}
	aHeader   = &runbook.Look{Pattern: regexp.MustCompile(`^[A-Za-z0-9-]+$`), Is: "the name of a header", Hint: "write it as the sender does, such as X-Signature"}
	aChannel  = &runbook.Look{Pattern: regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`), Is: "the id of a channel", Hint: "Slack shows the id, such as C0123ABCD, at the end of the channel's details: a name can be given to another one"}
	aGroup    = &runbook.Look{Pattern: regexp.MustCompile(`^S[A-Z0-9]{2,}$`), Is: "the id of a user group", Hint: "write the group's id, such as S0123ABCD"}
	aCommand  = &runbook.Look{Pattern: regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`), Is: "a slash command", Hint: "write it as /runbook"}
	anAPI     = &runbook.Look{Pattern: regexp.MustCompile(`^https?://[^\s/@]+/([^\s]*/)?$`), Is: "the address of an API", Hint: "write it as https://slack-gov.com/api/"}
	anAddress = &runbook.Look{Pattern: regexp.MustCompile(`^(https://[^\s/?#@]+|http://127\.0\.0\.1(:[0-9]+)?)(/\S*)?$`), Is: "the address of a web service", Hint: "write https://HOST/PATH; http is for 127.0.0.1 alone"}
	aSecret   = &runbook.Look{Pattern: regexp.MustCompile(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))+)$`), Is: "a reference", Hint: `write "env:NAME" or "file:/path"`}
)

// maxCount is the most that a rule, or a limit, may count.
const maxCount = 999999

var fileShape = runbook.NewShape("a configuration", "configuration",
	runbook.NewKey("services", runbook.FormShape, "what runbooks act on").Of(serviceShape).ByName(aName),
	runbook.NewKey("tools", runbook.FormShape, "sections of plugins that serve no capability, by the plugin's name: http, exec, those of third parties").Of(toolShape).ByName(aName),
	runbook.NewKey("roles", runbook.FormShape, "named sets of people").Of(roleShape).ByName(aName),
	runbook.NewKey("people", runbook.FormShape, "who may be asked, and how each is recognised").Of(personShape).ByName(aName),
	runbook.NewKey("plugins", runbook.FormShape, "plugins of third parties; none may have the name of a built-in").Of(pluginShape).ByName(aName),
	runbook.NewKey("sources", runbook.FormShape, "who may send alerts, by the name that is in the address: POST /v1/alerts/NAME").Of(sourceShape).ByName(aName),
	runbook.NewKey("serve", runbook.FormShape, "how firebreak serve listens for alerts").Of(serveShape),
	runbook.NewKey("policy", runbook.FormShape, "what holds changes back").Of(policyShape),
	runbook.NewKey("runbooks", runbook.FormShape, "where runbooks may come from").Of(supplyShape),
	runbook.NewKey("chat", runbook.FormShape, "where people are told and asked besides the terminal; used by firebreak serve").Of(chatShape),
	runbook.NewKey("paging", runbook.FormShape, "how firebreak wakes people: over PagerDuty's Events API v2").Of(pagingShape),
)

var serviceShape = runbook.NewShape("a service", "service",
	runbook.NewKey("environment", runbook.FormText, "such as prod; shown with every run").Needed(),
	runbook.NewKey("owner", runbook.FormText, "the team that answers for it, and is told how bad ends left it").Needed(),
).With(runbook.NewKey("", runbook.FormShape, "a capability of the service").Of(sectionShape).ByName(aName))

var sectionShape = runbook.NewShape("a section", "section",
	runbook.NewKey("plugin", runbook.FormText, "the plugin that serves the capability").Needed(),
).With(pluginsOwn)

var toolShape = runbook.NewShape("a tool", "tool").With(pluginsOwn)

var pluginsOwn = runbook.NewKey("", runbook.FormValue, "a key of that plugin")

var roleShape = runbook.NewShape("a role", "role",
	runbook.NewKey("people", runbook.FormTextList, "who has the role: names under people").Needed(),
	runbook.NewKey("machines", runbook.FormTextList, "machines that have the role: what `firebreak tokens create --machine` calls them").Like(aName),
	runbook.NewKey("at_most", runbook.FormAmount, "how much each change may touch that its people say yes to: a number of replicas, sessions, …, or a share such as 25% of what has a total").UpTo(maxCount).Else("any"),
	runbook.NewKey("break_glass", runbook.FormFlag, "its people may answer a gate in spite of the rules, with a reason, in an emergency").Else("`false`"),
)

var personShape = runbook.NewShape("a person", "person",
	runbook.NewKey("os_user", runbook.FormText, "the login name on this machine; commands are known by it"),
	runbook.NewKey("slack", runbook.FormText, "the Slack user id, such as U0123, by which they are known in Slack"),
	runbook.NewKey("email", runbook.FormText, "they are known by it in Slack where chat.slack.email says so").Like(anEmail),
)

var pluginShape = runbook.NewShape("a plugin", "plugin",
	runbook.NewKey("path", runbook.FormText, "the executable, from / on").Like(aPath).Needed(),
	runbook.NewKey("sha256", runbook.FormText, "its checksum, as sha256sum prints it; another file is not started").Like(aChecksum).Needed(),
)

var secretShape = runbook.NewShape("a secret", "secret",
	runbook.NewKey("secret", runbook.FormText, "where it is, never the secret itself: env:NAME or file:/path").Like(aSecret).Needed(),
)

var sourceShape = runbook.NewShape("a source", "source",
	runbook.NewKey("kind", runbook.FormWord, "what it sends; json is anything else").OneOf(SourceKinds()...).Needed(),
	runbook.NewKey("secrets", runbook.FormShapes, "what it proves itself with; any of them will do, so that they can be changed one after the other").Of(secretShape).Needed(),
	runbook.NewKey("silence", runbook.FormDuration, "where nothing has come for so long, somebody is paged").Else("nobody is"),
	runbook.NewKey("signature", runbook.FormText, "the header with a hexadecimal HMAC-SHA256 of the body, in place of the secret itself").Like(aHeader).Else("the secret itself is sent; of pagerduty X-PagerDuty-Signature"),
	runbook.NewKey("mapping", runbook.FormShape, "where the fields of an alert are; of the kinds sns and json, and no others").Of(mappingShape),
	runbook.NewKey("notes", runbook.FormShape, "what a run does is written on the incident that its alert came from; of the kind pagerduty, and no other").Of(notesShape),
)

var notesShape = runbook.NewShape("notes", "notes",
	runbook.NewKey("token", runbook.FormShape, "a token of PagerDuty's REST API that may write").Of(secretShape).Needed(),
	runbook.NewKey("from", runbook.FormText, "e-mail address of the user who writes; needed where the token is the account's").Else("whose token it is"),
	runbook.NewKey("url", runbook.FormText, "the API's address; accounts in Europe: https://api.eu.pagerduty.com").Like(anAddress).Else("`https://api.pagerduty.com`"),
	runbook.NewKey("link", runbook.FormText, "where people look at a run, with RUN in place of its id").Like(anAddress).Else("notes say the command"),
)

// mappingShape holds expressions over body, the JSON that was sent; of the
// kind sns, over the message in it.
var mappingShape = runbook.NewShape("a mapping", "mapping",
	runbook.NewKey("identity", runbook.FormText, "an expression over body, as all of these: the JSON that was sent, and of the kind sns the message in it. It tells one alert of the source from another, and stays the same until it is resolved").Needed(),
	runbook.NewKey("status", runbook.FormText, "must come to firing, resolved or ignore").Needed(),
	runbook.NewKey("starts_at", runbook.FormText, "when the alert began: a time as text, or seconds or milliseconds since 1970; it is part of what tells a new alert from a repeated one"),
	runbook.NewKey("url", runbook.FormText, "where people look"),
	runbook.NewKey("labels", runbook.FormText, "what triggers read as alert.labels.NAME; one that comes to null is left out").ByName(nil).Needed(),
	runbook.NewKey("annotations", runbook.FormText, "what triggers read as alert.annotations.NAME").ByName(nil),
)

var serveShape = runbook.NewShape("serve", "serve",
	runbook.NewKey("listen", runbook.FormText, "HOST:PORT; the flag --listen goes before it").Else("`127.0.0.1:8443`"),
	runbook.NewKey("cert", runbook.FormText, "file of the certificate; with key: TLS").Like(aPath),
	runbook.NewKey("key", runbook.FormText, "file of its private key").Like(aPath),
	runbook.NewKey("metrics", runbook.FormWord, "who may read the metrics: who has a token with that right (token), or everybody who reaches it (open)").OneOf(metricsToken, metricsOpen).Else("`token`"),
	runbook.NewKey("plain_http", runbook.FormFlag, "other machines may come without TLS, as behind a proxy that ends it; else only this one may").Else("`false`"),
)

var policyShape = runbook.NewShape("policy", "policy",
	runbook.NewKey("zone", runbook.FormText, "the time zone of windows that name none, such as Europe/Berlin").Else("`UTC`"),
	runbook.NewKey("freezes", runbook.FormShape, "when nothing new is changed, whoever asks for it").Of(freezeShape).ByName(aName),
	runbook.NewKey("maintenance", runbook.FormShape, "when runs of automation change nothing, because people are at work").Of(windowShape).ByName(aName),
	runbook.NewKey("automation", runbook.FormShape, "what bounds runs of automation: those that an alert or a machine began. A run that one of its rules holds back looks, says what it would have done, and ends refused").Of(automationShape),
)

var windowKeys = []runbook.Key{
	runbook.NewKey("calendar", runbook.FormText, "an iCalendar file: its events are when. Read when firebreak begins").Like(aPath),
	runbook.NewKey("days", runbook.FormWords, "on which the hours come").OneOf(weekdays...).Else("every day"),
	runbook.NewKey("from", runbook.FormText, "when it begins: 09:00 of each of the days, or once, as 2026-12-20 or 2026-12-20 06:00; in quotes"),
	runbook.NewKey("until", runbook.FormText, "when it ends, in the same form; a time of day that is not later is of the next day"),
	runbook.NewKey("zone", runbook.FormText, "the time zone of its times and days").Else("that of the policy"),
	runbook.NewKey("services", runbook.FormTextList, "which services it is about").Else("those of environments, or everything"),
	runbook.NewKey("environments", runbook.FormTextList, "the services of these environments, too"),
	runbook.NewKey("reason", runbook.FormText, "shown to whoever is held back"),
}

var windowShape = runbook.NewShape("a window", "window", windowKeys...)

var freezeShape = runbook.NewShape("a freeze", "freeze", append(slices.Clip(windowKeys),
	runbook.NewKey("rollbacks", runbook.FormFlag, "what begins with a rollback may begin all the same").Else("`false`"),
)...)

var automationShape = runbook.NewShape("automation", "automation",
	runbook.NewKey("shadow", runbook.FormShapes, "runs that do all but the changes").Of(shadowShape),
	runbook.NewKey("read_only", runbook.FormShape, "while many services alert at once nothing is changed, and somebody is paged").Of(readOnlyShape),
	runbook.NewKey("breaker", runbook.FormShape, "a runbook that failed on a service several times in a row waits before it changes that again").Of(breakerShape),
	runbook.NewKey("rate", runbook.FormShape, "how often a runbook may change a service").Of(rateShape),
	runbook.NewKey("budget", runbook.FormShape, "how many changes there may be of all runs, those of people counted").Of(budgetShape),
)

var shadowShape = runbook.NewShape("a shadow", "shadow",
	runbook.NewKey("runbook", runbook.FormText, "the runbook").Else("any"),
	runbook.NewKey("services", runbook.FormTextList, "the services").Else("those of environments, or any"),
	runbook.NewKey("environments", runbook.FormTextList, "the services of these environments, too"),
)

var (
	readOnlyShape = runbook.NewShape("read_only", "read_only",
		runbook.NewKey("services", runbook.FormCount, "more than these must alert at once, within the last hour").UpTo(maxCount).Needed(),
	)
	breakerShape = runbook.NewShape("breaker", "breaker",
		runbook.NewKey("failures", runbook.FormCount, "how many in a row open it; a run that went well closes it, whoever began it").UpTo(maxCount).Needed(),
		runbook.NewKey("for", runbook.FormDuration, "how long after the last of them it is open").Needed(),
	)
	rateShape = runbook.NewShape("rate", "rate",
		runbook.NewKey("runs", runbook.FormCount, "how many runs that change something, or may yet").UpTo(maxCount).Needed(),
		runbook.NewKey("per", runbook.FormDuration, "within which time").Needed(),
	)
	budgetShape = runbook.NewShape("budget", "budget",
		runbook.NewKey("changes", runbook.FormCount, "how many changes").UpTo(maxCount).Needed(),
		runbook.NewKey("per", runbook.FormDuration, "within which time").Needed(),
	)
)

// requireCommitted is what may be required of a runbook.
const requireCommitted = "committed"

var supplyShape = runbook.NewShape("runbooks", "runbooks",
	runbook.NewKey("require", runbook.FormWord, "of a runbook that is not built in, and of those that it calls, the file must be exactly as in the commit that is checked out there").OneOf(requireCommitted),
	runbook.NewKey("paths", runbook.FormTextList, "folders below which such a file must be, links followed").Like(aFolder),
)

var chatShape = runbook.NewShape("chat", "chat",
	runbook.NewKey("slack", runbook.FormShape, "a Slack workspace").Of(slackShape),
)

var slackShape = runbook.NewShape("slack", "slack",
	runbook.NewKey("bot_token", runbook.FormShape, "the app's bot token (xoxb-…)").Of(secretShape).Needed(),
	runbook.NewKey("app_token", runbook.FormShape, "an app-level token (xapp-…) with connections:write: firebreak goes to Slack, and needs no public address").Of(secretShape),
	runbook.NewKey("signing_secret", runbook.FormShape, "Slack comes to firebreak, POST /v1/slack, and signs what it sends").Of(secretShape),
	runbook.NewKey("channel", runbook.FormText, "for runs that have none of their own").Like(aChannel).Needed(),
	runbook.NewKey("fallback", runbook.FormText, "when that channel is gone").Like(aChannel).Else("people are told one by one"),
	runbook.NewKey("services", runbook.FormText, "channels for the runs of a service").Like(aChannel).ByName(aName),
	runbook.NewKey("roles", runbook.FormText, "channels for the runs of runbooks that ask a role first; a service's own goes before").Like(aChannel).ByName(aName),
	runbook.NewKey("groups", runbook.FormText, "Slack user groups, by role: members that are under people have the role in runs that begin from then on").Like(aGroup).ByName(aName),
	runbook.NewKey("email", runbook.FormFlag, "who has no slack under people is also known by the confirmed address in their profile").Else("`false`"),
	runbook.NewKey("command", runbook.FormText, "as the app's manifest has it").Like(aCommand).Else("`"+SlackCommand+"`"),
	runbook.NewKey("api_url", runbook.FormText, "Slack's Web API elsewhere, such as https://slack-gov.com/api/").Like(anAPI),
).One("app_token", "signing_secret")

var pagingShape = runbook.NewShape("paging", "paging",
	runbook.NewKey("routing_key", runbook.FormShape, "integration key of a service of PagerDuty").Of(secretShape).Needed(),
	runbook.NewKey("url", runbook.FormText, "where events are sent; accounts in Europe: https://events.eu.pagerduty.com/v2/enqueue").Like(anAddress).Else("`https://events.pagerduty.com/v2/enqueue`"),
	runbook.NewKey("roles", runbook.FormShape, "integration keys for pages to these roles or teams; all others go to routing_key").Of(secretShape).ByName(aName),
	runbook.NewKey("heartbeat", runbook.FormShape, "tells a monitor elsewhere that firebreak is there").Of(heartbeatShape),
)

var heartbeatShape = runbook.NewShape("heartbeat", "heartbeat",
	runbook.NewKey("url", runbook.FormShape, "the address, to which an empty POST is sent while runs are driven").Of(secretShape).Needed(),
	runbook.NewKey("every", runbook.FormDuration, "how often").Else("`1m`"),
)

// Schema returns the JSON Schema (draft 2020-12) of firebreak.yaml, for
// editors. What plugins ask of their own sections is not in it.
func Schema() json.RawMessage { return schema() }

var schema = sync.OnceValue(func() json.RawMessage { return runbook.SchemaOf(fileShape) })

// Shapes returns the mappings of firebreak.yaml, in the order in which people
// read them.
func Shapes() []*runbook.Shape { return runbook.ShapesOf(fileShape) }
