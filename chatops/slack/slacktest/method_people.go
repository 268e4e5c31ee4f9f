package slacktest

import (
	"slices"
	"strconv"
	"strings"
)

const made = 1700000000 // when all that stands here from the beginning was made

func authTest(c *call) (result, *refusal) {
	res := result{
		"url": "https://firebreak-test.slack.com/", "team": "firebreak-test", "team_id": Team,
		"is_enterprise_install": false,
	}
	if c.token.app {
		res["app_name"], res["app_id"] = "firebreak", App
		return res, nil
	}
	res["user"], res["user_id"], res["bot_id"] = "firebreak", BotUser, Bot
	return res, nil
}

func botsInfo(c *call) (result, *refusal) {
	if id := c.args["bot"]; id != "" && id != Bot {
		return nil, refuse("bot_not_found")
	}
	return result{"bot": result{
		"id": Bot, "app_id": App, "user_id": BotUser, "name": "firebreak", "deleted": false, "updated": made,
		"icons": result{"image_36": "https://example.com/36.png", "image_48": "https://example.com/48.png", "image_72": "https://example.com/72.png"},
	}}, nil
}

func teamInfo(*call) (result, *refusal) {
	return result{"team": result{
		"id": Team, "name": "firebreak-test", "domain": "firebreak-test", "email_domain": "example.com",
		"url": "https://firebreak-test.slack.com/", "is_verified": false,
		"icon": result{"image_34": "https://example.com/34.png", "image_default": true},
	}}, nil
}

func (u *User) wire(email bool) result {
	team := u.TeamID
	if team == "" {
		team = Team
	}
	profile := result{
		"real_name": u.Name, "real_name_normalized": u.Name, "display_name": u.Name, "display_name_normalized": u.Name,
		"title": "", "phone": "", "status_text": "", "status_emoji": "", "status_expiration": 0, "avatar_hash": "0", "team": team,
		"image_24": "https://example.com/24.png", "image_48": "https://example.com/48.png",
	}
	if email && u.Email != "" {
		profile["email"] = u.Email
	}
	if u.botID != "" {
		profile["bot_id"], profile["api_app_id"] = u.botID, App
	}
	w := result{
		"id": u.ID, "team_id": team, "name": u.Name, "deleted": u.Deactivated, "profile": profile, "updated": made,
		"is_bot": u.Bot, "is_app_user": false,
	}
	if u.Deactivated {
		return w // what follows is said of active accounts only
	}
	w["color"], w["real_name"], w["tz"], w["tz_label"], w["tz_offset"] = "9f69e7", u.Name, "Etc/UTC", "Coordinated Universal Time", 0
	w["is_admin"], w["is_owner"], w["is_primary_owner"] = false, false, false
	w["is_restricted"], w["is_ultra_restricted"] = u.Guest || u.SingleGuest, u.SingleGuest
	w["is_email_confirmed"], w["who_can_share_contact_card"] = !u.Unconfirmed, "EVERYONE"
	if team != Team {
		w["is_stranger"] = true
	}
	return w
}

func usersInfo(c *call) (result, *refusal) {
	u := c.user(c.args["user"])
	if u == nil {
		return nil, refuse("user_not_found")
	}
	return result{"user": u.wire(c.needs("users:read.email") == nil)}, nil
}

func usersList(c *call) (result, *refusal) {
	all := make([]result, 0, len(c.users))
	for i := range c.users {
		if c.users[i].TeamID == "" {
			all = append(all, c.users[i].wire(c.needs("users:read.email") == nil))
		}
	}
	page, next, no := c.page(all)
	if no != nil {
		return nil, no
	}
	return result{"members": page, "cache_ts": made, "response_metadata": result{"next_cursor": next}}, nil
}

// usersLookup finds active members of this workspace only.
func usersLookup(c *call) (result, *refusal) {
	for i := range c.users {
		u := &c.users[i]
		if u.Email != "" && strings.EqualFold(u.Email, c.args["email"]) && !u.Deactivated && u.TeamID == "" {
			return result{"user": u.wire(true)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

// page is the part of a list that a cursor and a limit name.
func (c *call) page(all []result) ([]result, string, *refusal) {
	start, limit := 0, 1000
	if cursor := c.args["cursor"]; cursor != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(cursor, "cursor:"))
		if err != nil || n < 0 || n > len(all) {
			return nil, "", refuse("invalid_cursor")
		}
		start = n
	}
	if raw := c.args["limit"]; raw != "" && raw != "0" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > 1000 {
			return nil, "", refuse("invalid_limit")
		}
		limit = n
	}
	end := min(len(all), start+limit)
	next := ""
	if end < len(all) {
		next = "cursor:" + strconv.Itoa(end)
	}
	return all[start:end], next, nil
}

func usergroupsList(c *call) (result, *refusal) {
	all := []result{}
	for _, g := range c.groups {
		if g.Disabled && c.args["include_disabled"] != "true" {
			continue
		}
		w := result{
			"id": g.ID, "team_id": Team, "is_usergroup": true, "is_subteam": true, "name": g.Name, "description": "",
			"handle": g.Handle, "is_external": false, "date_create": made, "date_update": made, "date_delete": 0,
			"auto_provision": false, "enterprise_subteam_id": "", "created_by": BotUser, "updated_by": BotUser,
			"prefs": result{"channels": []string{}, "groups": []string{}}, "user_count": len(g.Members), "channel_count": 0,
			"is_visible": true, "is_section": false, "is_idp_group": false, "is_membership_locked": false,
		}
		if g.Disabled {
			w["date_delete"], w["deleted_by"] = made, BotUser
		}
		if c.args["include_users"] == "true" {
			w["users"] = slices.Concat([]string{}, g.Members)
		}
		all = append(all, w)
	}
	return result{"usergroups": all}, nil
}

func usergroupsUsers(c *call) (result, *refusal) {
	g := c.group(c.args["usergroup"])
	switch {
	case g == nil:
		return nil, refuse("no_such_subteam")
	case g.Disabled && c.args["include_disabled"] != "true":
		return nil, refuse("subteam_disabled")
	}
	return result{"users": slices.Concat([]string{}, g.Members)}, nil
}
