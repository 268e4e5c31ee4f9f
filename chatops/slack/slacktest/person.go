package slacktest

import "fmt"

// present is the conversation that a person acts in. The lock is held.
func (s *Server) present(user, channel string) (*Channel, error) {
	u := s.user(user)
	ch := s.channel(channel)
	switch {
	case u == nil || u.Deactivated:
		return nil, fmt.Errorf("nobody has the id %q here", user)
	case ch == nil:
		return nil, fmt.Errorf("there is no channel %q", channel)
	case !ch.has(user) && (ch.Private || u.Guest || u.SingleGuest || u.TeamID != ""):
		return nil, fmt.Errorf("%s does not see #%s", u.Name, ch.Name)
	}
	return ch, nil
}

// who is a user as payloads name them. The lock is held.
func (s *Server) who(id string) result {
	w := result{"id": id, "username": id, "name": id, "team_id": Team}
	if u := s.user(id); u != nil {
		w["username"], w["name"] = u.Name, u.Name
		if u.TeamID != "" {
			w["team_id"] = u.TeamID
		}
	}
	return w
}
