package slacktest

import (
	"slices"
	"strings"
)

func (ch *Channel) wire() result {
	if ch.with != "" {
		return result{
			"id": ch.ID, "created": made, "is_archived": false, "is_im": true, "is_org_shared": false, "user": ch.with,
			"is_user_deleted": false, "priority": 0, "context_team_id": Team, "updated": made,
		}
	}
	shared := []string{Team}
	return result{
		"id": ch.ID, "name": ch.Name, "name_normalized": ch.Name, "is_channel": !ch.Private, "is_group": ch.Private, "is_im": false,
		"is_mpim": false, "is_private": ch.Private, "created": made, "creator": Alice, "is_archived": ch.Archived,
		"is_general": false, "unlinked": 0, "is_shared": ch.Shared, "is_ext_shared": ch.Shared, "is_org_shared": false,
		"shared_team_ids": shared, "pending_shared": []string{}, "pending_connected_team_ids": []string{},
		"is_pending_ext_shared": false, "is_member": ch.has(BotUser), "previous_names": []string{}, "num_members": len(ch.Members),
		"topic":           result{"value": "", "creator": "", "last_set": 0},
		"purpose":         result{"value": "", "creator": "", "last_set": 0},
		"context_team_id": Team, "updated": made,
	}
}

// kind is the type of a conversation, as conversations.list names it, and the
// first part of its scopes.
func (ch *Channel) kind() (kind, scope string) {
	switch {
	case ch.with != "":
		return "im", "im"
	case ch.Private:
		return "private_channel", "groups"
	}
	return "public_channel", "channels"
}

// about is the conversation that a call reads, with the scope that its kind
// needs.
func (c *call) about(right string) (*Channel, *refusal) {
	ch, no := c.seen(c.args["channel"])
	if no != nil {
		return nil, no
	}
	if ch.ID != c.args["channel"] {
		return nil, refuse("channel_not_found")
	}
	_, scope := ch.kind()
	if no := c.needs(scope + ":" + right); no != nil {
		return nil, no
	}
	return ch, nil
}

func conversationsList(c *call) (result, *refusal) {
	types := strings.Split(c.args["types"], ",")
	if c.args["types"] == "" {
		types = []string{"public_channel"}
	}
	scopes := map[string]string{"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read", "mpim": "mpim:read"}
	for _, t := range types {
		scope, known := scopes[strings.TrimSpace(t)]
		if !known {
			return nil, refuse("invalid_types")
		}
		if no := c.needs(scope); no != nil {
			return nil, no
		}
	}
	all := []result{}
	for _, ch := range c.channels {
		kind, _ := ch.kind()
		hidden := ch.Private && !ch.has(BotUser) || ch.Archived && c.args["exclude_archived"] == "true"
		if slices.Contains(types, kind) && !hidden {
			all = append(all, ch.wire())
		}
	}
	page, next, no := c.page(all)
	if no != nil {
		return nil, no
	}
	return result{"channels": page, "response_metadata": result{"next_cursor": next}}, nil
}

func conversationsInfo(c *call) (result, *refusal) {
	ch, no := c.about("read")
	if no != nil {
		return nil, no
	}
	return result{"channel": ch.wire()}, nil
}

func conversationsMembers(c *call) (result, *refusal) {
	ch, no := c.about("read")
	if no != nil {
		return nil, no
	}
	all := make([]result, 0, len(ch.Members))
	for _, m := range ch.Members {
		all = append(all, result{"id": m})
	}
	page, next, no := c.page(all)
	if no != nil {
		return nil, no
	}
	ids := []any{}
	for _, m := range page {
		ids = append(ids, m["id"])
	}
	return result{"members": ids, "response_metadata": result{"next_cursor": next}}, nil
}

func conversationsHistory(c *call) (result, *refusal) {
	ch, no := c.about("history")
	if no != nil {
		return nil, no
	}
	if !ch.has(BotUser) {
		return nil, refuse("not_in_channel")
	}
	all := []result{}
	for _, m := range slices.Backward(c.messages) {
		top := m.ThreadTS == "" || m.ThreadTS == m.TS || m.Broadcast
		if m.Channel == ch.ID && m.Ephemeral == "" && top && c.within(m.TS) {
			all = append(all, c.wire(m))
		}
	}
	page, next, no := c.page(all)
	if no != nil {
		return nil, no
	}
	return result{"messages": page, "has_more": next != "", "pin_count": 0, "response_metadata": result{"next_cursor": next}}, nil
}

// within says whether a time lies between oldest and latest.
func (c *call) within(ts string) bool {
	oldest, latest := c.args["oldest"], c.args["latest"]
	inclusive := c.args["inclusive"] == "true" || c.args["inclusive"] == "1"
	if inclusive && (ts == oldest || ts == latest) {
		return true
	}
	return (oldest == "" || ts > oldest) && (latest == "" || ts < latest)
}

func conversationsReplies(c *call) (result, *refusal) {
	ch, no := c.about("history")
	if no != nil {
		return nil, no
	}
	m := c.message(ch.ID, c.args["ts"])
	if m == nil || m.Ephemeral != "" {
		return nil, refuse("thread_not_found")
	}
	all := []result{c.wire(m)}
	for _, r := range c.replies(m) {
		if c.within(r.TS) {
			all = append(all, c.wire(r))
		}
	}
	page, next, no := c.page(all)
	if no != nil {
		return nil, no
	}
	return result{"messages": page, "has_more": next != "", "response_metadata": result{"next_cursor": next}}, nil
}

func conversationsOpen(c *call) (result, *refusal) {
	users := c.args["users"]
	if id := c.args["channel"]; id != "" && users == "" {
		ch, no := c.seen(id)
		if no != nil {
			return nil, no
		}
		users = ch.with
	}
	u := c.user(users)
	switch {
	case strings.Contains(users, ","):
		return nil, refuse("method_not_supported_for_channel_type") // this Slack has no group messages
	case u == nil:
		return nil, refuse("user_not_found")
	case u.Bot:
		return nil, refuse("cannot_dm_bot")
	case u.Deactivated:
		return nil, refuse("user_disabled")
	}
	ch := c.direct(users)
	return result{"channel": result{"id": ch.ID}}, nil
}

func conversationsJoin(c *call) (result, *refusal) {
	ch, no := c.seen(c.args["channel"])
	switch {
	case no != nil:
		return nil, no
	case ch.Archived:
		return nil, refuse("is_archived")
	case ch.Private:
		return nil, refuse("method_not_supported_for_channel_type")
	}
	res := result{"channel": ch.wire()}
	if ch.has(BotUser) {
		res["warning"] = "already_in_channel"
		res["response_metadata"] = result{"warnings": []string{"already_in_channel"}}
		return res, nil
	}
	ch.Members = append(ch.Members, BotUser)
	res["channel"] = ch.wire()
	return res, nil
}
