package slacktest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type result = map[string]any

// refusal is an answer with ok false.
type refusal struct {
	code     string
	needed   string
	messages []string // of response_metadata
	wait     time.Duration
}

func refuse(code string) *refusal { return &refusal{code: code} }

// call is one call of a method. The server's lock is held while it is made.
type call struct {
	*Server
	args  map[string]string // what is not text is in JSON
	token *token
}

func (c *call) needs(scope string) *refusal {
	if slices.Contains(c.token.scopes, scope) {
		return nil
	}
	return &refusal{code: "missing_scope", needed: scope}
}

type method struct {
	scope string // empty: none, or the handler asks
	tier  int
	app   bool // with an app-level token only
	json  bool // takes its arguments in JSON, too
	do    func(*call) (result, *refusal)
}

var methods = map[string]method{
	"apps.connections.open": {scope: "connections:write", tier: 1, app: true, json: true, do: connectionsOpen},
	"auth.test":             {tier: special, json: true, do: authTest},
	"bots.info":             {scope: "users:read", tier: 3, do: botsInfo},
	"team.info":             {scope: "team:read", tier: 3, do: teamInfo},

	"chat.postMessage":   {scope: "chat:write", tier: special, json: true, do: postMessage},
	"chat.postEphemeral": {scope: "chat:write", tier: 4, json: true, do: postEphemeral},
	"chat.update":        {scope: "chat:write", tier: 3, json: true, do: update},
	"chat.delete":        {scope: "chat:write", tier: 3, json: true, do: deleteMessage},
	"chat.getPermalink":  {tier: special, do: permalink},

	"conversations.list":    {tier: 2, do: conversationsList},
	"conversations.info":    {tier: 3, do: conversationsInfo},
	"conversations.members": {tier: 4, do: conversationsMembers},
	"conversations.history": {tier: 3, do: conversationsHistory},
	"conversations.replies": {tier: 3, do: conversationsReplies},
	"conversations.open":    {scope: "im:write", tier: 3, json: true, do: conversationsOpen},
	"conversations.join":    {scope: "channels:join", tier: 3, json: true, do: conversationsJoin},

	"users.info":            {scope: "users:read", tier: 4, do: usersInfo},
	"users.list":            {scope: "users:read", tier: 2, do: usersList},
	"users.lookupByEmail":   {scope: "users:read.email", tier: 3, do: usersLookup},
	"usergroups.list":       {scope: "usergroups:read", tier: 2, do: usergroupsList},
	"usergroups.users.list": {scope: "usergroups:read", tier: 2, do: usergroupsUsers},

	"reactions.add":    {scope: "reactions:write", tier: 3, json: true, do: react(true)},
	"reactions.remove": {scope: "reactions:write", tier: 2, json: true, do: react(false)},

	"views.open":    {tier: 4, json: true, do: viewsOpen},
	"views.push":    {tier: 4, json: true, do: viewsPush},
	"views.update":  {tier: 4, json: true, do: viewsUpdate},
	"views.publish": {tier: 4, json: true, do: viewsPublish},

	"files.getUploadURLExternal":   {scope: "files:write", tier: 4, do: filesGetURL},
	"files.completeUploadExternal": {scope: "files:write", tier: 4, json: true, do: filesComplete},
}

const maxBody = 4 << 20

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client went away
	}
	s.mu.Lock()
	f := s.fault("api", name)
	s.mu.Unlock()
	if s.strike(w, r, f) {
		return
	}

	s.mu.Lock()
	res, no := s.call(w, r, name, body)
	if no != nil {
		s.notef("api", name, "%s %s%s", no.code, no.needed, strings.Join(no.messages, "; "))
	} else {
		s.notef("api", name, "ok")
	}
	s.touch()
	s.mu.Unlock()

	switch {
	case f != nil:
		cut(w)
	case no != nil && no.wait > 0:
		tooMany(w, no.wait)
	case no != nil:
		reply(w, no.result(s, r))
	default:
		res["ok"] = true
		reply(w, res)
	}
}

func (no *refusal) result(s *Server, r *http.Request) result {
	res := result{"ok": false, "error": no.code}
	if no.needed != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		res["needed"], res["provided"] = no.needed, ""
		if t := s.tokens[bearer(r)]; t != nil {
			res["provided"] = strings.Join(t.scopes, ",")
		}
	}
	if len(no.messages) > 0 {
		res["response_metadata"] = result{"messages": no.messages}
	}
	return res
}

func reply(w http.ResponseWriter, res result) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(encode(res))
}

func bearer(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// call answers one call. The lock is held.
func (s *Server) call(w http.ResponseWriter, r *http.Request, name string, body []byte) (result, *refusal) {
	m, known := methods[name]
	if !known {
		return nil, refuse("unknown_method")
	}
	args, no := arguments(r, body, m.json)
	if no != nil {
		return nil, no
	}
	// A token in the query would stand in logs: Slack has not read it since 2021.
	secret := bearer(r)
	if secret == "" {
		secret = args["token"]
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	delete(args, "token")
	if secret == "" {
		return nil, refuse("not_authed")
	}
	t := s.tokens[secret]
	switch {
	case t == nil:
		return nil, refuse("invalid_auth")
	case t.invalid != "":
		return nil, refuse(t.invalid)
	case t.app != m.app && name != "auth.test":
		return nil, refuse("not_allowed_token_type")
	}
	w.Header().Set("X-Oauth-Scopes", strings.Join(t.scopes, ","))
	w.Header().Set("X-Accepted-Oauth-Scopes", m.scope)
	c := &call{Server: s, args: args, token: t}
	if m.scope != "" {
		if no := c.needs(m.scope); no != nil {
			return nil, no
		}
	}
	if wait := s.limited(name, tiers[m.tier]); wait > 0 {
		return nil, &refusal{code: "ratelimited", wait: wait}
	}
	return m.do(c)
}

// arguments reads those of a call, wherever Slack would.
func arguments(r *http.Request, body []byte, takesJSON bool) (map[string]string, *refusal) {
	args := map[string]string{}
	take := func(values url.Values) {
		for k, v := range values {
			args[k] = v[0]
		}
	}
	take(r.URL.Query())
	delete(args, "token")
	if r.Method != http.MethodPost || len(body) == 0 {
		return args, nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, refuse("invalid_post_type")
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, refuse("invalid_form_data")
		}
		take(values)
	case "multipart/form-data":
		values, _, err := readForm(body, params["boundary"])
		if err != nil {
			return nil, refuse("invalid_form_data")
		}
		take(values)
	case "application/json":
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, refuse("invalid_json")
		}
		if !takesJSON {
			break // such methods do not see it
		}
		for k, v := range fields {
			var text string
			switch {
			case k == "token": // counts in a form only
			case json.Unmarshal(v, &text) == nil:
				args[k] = text
			default:
				args[k] = string(v)
			}
		}
	default:
		return nil, refuse("invalid_post_type")
	}
	return args, nil
}
