package slacktest

import (
	"encoding/json"
	"slices"
	"strconv"
)

const maxViews = 3 // in a stack

type view struct {
	id, kind, user, root, previous string
	hash                           string
	body                           map[string]any // as the app gave it
	blocks                         []Block
	errors                         map[string]string
}

// View is a modal or an App Home, as a person sees it.
type View struct {
	ID              string            `json:"id"`
	Title           string            `json:"title"`
	CallbackID      string            `json:"callback_id"`
	PrivateMetadata string            `json:"private_metadata"`
	Blocks          []Block           `json:"blocks"`
	Errors          map[string]string `json:"errors,omitempty"` // by block_id, shown after a submission
	Depth           int               `json:"depth"`            // how many modals lie open, this one included
}

// Render is what a person reads in it.
func (v View) Render() string { return "## " + v.Title + "\n" + render("", v.Blocks) }

// View is the modal that a user has on top, and whether there is one.
func (s *Server) View(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.top(user)
	if v == nil {
		return View{}, false
	}
	return v.shown(len(s.stacks[user])), true
}

// Home is the App Home of a user, and whether the app has published one.
func (s *Server) Home(user string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.homes[user]
	if v == nil {
		return View{}, false
	}
	return v.shown(0), true
}

func (v *view) shown(depth int) View {
	text := func(name string) string {
		t, _ := v.body[name].(string)
		return t
	}
	return View{
		ID: v.id, Title: textOf(v.body["title"]), CallbackID: text("callback_id"), PrivateMetadata: text("private_metadata"),
		Blocks: slices.Clone(v.blocks), Errors: v.errors, Depth: depth,
	}
}

// top is a user's topmost modal. The lock is held.
func (s *Server) top(user string) *view {
	stack := s.stacks[user]
	if len(stack) == 0 {
		return nil
	}
	return stack[len(stack)-1]
}

var viewFields = fields{
	"title": text(24, true), "submit": text(24, true), "close": text(24, true), "blocks": anything,
	"private_metadata": length(0, 3000), "callback_id": length(0, 255), "external_id": length(0, 255),
	"clear_on_close": boolean, "notify_on_close": boolean, "submit_disabled": boolean,
}

// readView reads and checks the view of a call. The lock is held.
func (s *Server) readView(raw, kind, self string) (map[string]any, []Block, *refusal) {
	var body map[string]any
	if raw == "" || json.Unmarshal([]byte(raw), &body) != nil {
		return nil, nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] missing required field: view"}}
	}
	if body["type"] != kind {
		return nil, nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] unsupported type [json-pointer:/view/type]"}}
	}
	must := []string{"blocks"}
	if kind == "modal" {
		must = append(must, "title")
	}
	c := &check{}
	object(viewFields, must...)(c, "/view", body)
	list, err := json.Marshal(body["blocks"])
	if err != nil {
		return nil, nil, refuse("invalid_blocks_format")
	}
	blocks, no := readBlocks(string(list), 100)
	if no != nil {
		no.code = "invalid_arguments"
		return nil, nil, no
	}
	if kind == "modal" && body["submit"] == nil && slices.ContainsFunc(blocks, func(b Block) bool { return b["type"] == "input" }) {
		c.failf("/view", "missing required field: submit")
	}
	if len(c.problems) > 0 {
		return nil, nil, &refusal{code: "invalid_arguments", messages: c.problems}
	}
	if ext, _ := body["external_id"].(string); ext != "" {
		for _, v := range s.views {
			if v.body["external_id"] == ext && v.id != self {
				return nil, nil, refuse("duplicate_external_id")
			}
		}
	}
	return body, blocks, nil
}

// set gives a view its content. The lock is held.
func (s *Server) set(v *view, body map[string]any, blocks []Block) {
	v.body, v.blocks, v.errors = body, blocks, nil
	v.hash = strconv.FormatInt(s.clock.Now().Unix(), 10) + "." + random(4)
}

// newView makes one, on top of the user's others where it is a modal. The
// lock is held.
func (s *Server) newView(kind, user string, body map[string]any, blocks []Block) *view {
	v := &view{id: s.id("V"), kind: kind, user: user}
	v.root = v.id
	if under := s.top(user); kind == "modal" && under != nil {
		v.root, v.previous = under.root, under.id
	}
	s.set(v, body, blocks)
	s.views[v.id] = v
	if kind == "modal" {
		s.stacks[user] = append(s.stacks[user], v)
	}
	return v
}

// pop closes a user's topmost modal. The lock is held.
func (s *Server) pop(user string) {
	if v := s.top(user); v != nil {
		delete(s.views, v.id)
		s.stacks[user] = s.stacks[user][:len(s.stacks[user])-1]
	}
}

// clear closes all modals of a user. The lock is held.
func (s *Server) clear(user string) {
	for s.top(user) != nil {
		s.pop(user)
	}
}

func viewsOpen(c *call) (result, *refusal) {
	body, blocks, no := c.readView(c.args["view"], "modal", "")
	if no != nil {
		return nil, no
	}
	user, no := c.pull()
	if no != nil {
		return nil, no
	}
	c.clear(user)
	return result{"view": c.newView("modal", user, body, blocks).wire(nil)}, nil
}

func viewsPush(c *call) (result, *refusal) {
	body, blocks, no := c.readView(c.args["view"], "modal", "")
	if no != nil {
		return nil, no
	}
	t := c.triggers[c.args["trigger_id"]]
	if t != nil && len(c.stacks[t.user]) == maxViews {
		return nil, refuse("push_limit_reached")
	}
	user, no := c.pull()
	if no != nil {
		return nil, no
	}
	if c.top(user) == nil {
		return nil, refuse("not_found")
	}
	return result{"view": c.newView("modal", user, body, blocks).wire(nil)}, nil
}

func viewsUpdate(c *call) (result, *refusal) {
	v := c.views[c.args["view_id"]]
	if ext := c.args["external_id"]; v == nil && ext != "" {
		for _, candidate := range c.views {
			if candidate.body["external_id"] == ext {
				v = candidate
			}
		}
	}
	if v == nil {
		return nil, refuse("not_found")
	}
	if h := c.args["hash"]; h != "" && h != v.hash {
		return nil, refuse("hash_conflict")
	}
	body, blocks, no := c.readView(c.args["view"], v.kind, v.id)
	if no != nil {
		return nil, no
	}
	c.set(v, body, blocks)
	return result{"view": v.wire(nil)}, nil
}

func viewsPublish(c *call) (result, *refusal) {
	user := c.args["user_id"]
	if u := c.user(user); u == nil || u.Bot {
		return nil, refuse("invalid_arguments")
	}
	old := c.homes[user]
	self := ""
	if old != nil {
		self = old.id
		if h := c.args["hash"]; h != "" && h != old.hash {
			return nil, refuse("hash_conflict")
		}
	}
	body, blocks, no := c.readView(c.args["view"], "home", self)
	if no != nil {
		return nil, no
	}
	if old == nil {
		old = c.newView("home", user, body, blocks)
		c.homes[user] = old
	} else {
		c.set(old, body, blocks)
	}
	return result{"view": old.wire(nil)}, nil
}

// wire is a view as the Web API and payloads have it.
func (v *view) wire(values result) result {
	get := func(name string, otherwise any) any {
		if x, there := v.body[name]; there {
			return x
		}
		return otherwise
	}
	if values == nil {
		values = result{}
	}
	var previous any
	if v.previous != "" {
		previous = v.previous
	}
	return result{
		"id": v.id, "team_id": Team, "type": v.kind, "blocks": v.blocks, "private_metadata": get("private_metadata", ""),
		"callback_id": get("callback_id", ""), "external_id": get("external_id", ""), "state": result{"values": values},
		"hash": v.hash, "title": get("title", result{"type": "plain_text", "text": "View Title", "emoji": true}),
		"clear_on_close": get("clear_on_close", false), "notify_on_close": get("notify_on_close", false),
		"close": get("close", nil), "submit": get("submit", nil), "submit_disabled": get("submit_disabled", false),
		"previous_view_id": previous, "root_view_id": v.root, "app_id": App, "app_installed_team_id": Team, "bot_id": Bot,
	}
}
