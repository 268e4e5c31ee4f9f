package slack

import (
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"
)

// fault is what an error of the Web API means for what was to be sent.
type fault int

const (
	faultNone  fault = iota
	faultLater       // it will pass: try again
	faultPlace       // this channel, or person, cannot be reached
	faultToken       // nothing can be sent until somebody acts
	faultGone        // the message is not there any more
	faultShape       // Slack does not take it as it is
	faultStale       // what it answers is over
)

var (
	placeErrors = []string{
		"channel_not_found", "is_archived", "not_in_channel", "channel_is_archived", "restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "user_not_found", "users_not_found", "user_not_visible", "cannot_dm_bot", "user_disabled", "messages_tab_disabled", "user_is_bot", "user_is_restricted",
	}
	tokenErrors = []string{
		"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope", "no_permission", "org_login_required",
		"ekm_access_denied", "not_allowed_token_type", "team_access_not_granted", "access_denied", "two_factor_setup_required", "enterprise_is_restricted",
	}
	goneErrors  = []string{"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}
	shapeErrors = []string{"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments", "invalid_arg_name", "invalid_metadata_format", "too_many_attachments"}
	staleErrors = []string{"expired_trigger_id", "trigger_expired", "invalid_trigger_id", "trigger_exchanged", "exchanged_trigger_id", "expired_url", "used_url", "user_not_in_channel"}
)

// faultOf sorts an error, and says how long to wait before the next try; 0:
// that is not said.
func faultOf(err error) (fault, time.Duration) {
	if err == nil {
		return faultNone, 0
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return faultLater, limited.RetryAfter
	}
	if said, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		for kind, words := range map[fault][]string{faultPlace: placeErrors, faultToken: tokenErrors, faultGone: goneErrors, faultShape: shapeErrors, faultStale: staleErrors} {
			if slices.Contains(words, said.Err) {
				return kind, 0
			}
		}
	}
	return faultLater, 0
}

// certain reports whether an error says that nothing was done.
func certain(err error) bool {
	if _, limited := errors.AsType[*slack.RateLimitedError](err); limited {
		return true
	}
	said, ok := errors.AsType[slack.SlackErrorResponse](err)
	return ok && !slices.Contains([]string{"fatal_error", "internal_error", "request_timeout", "service_unavailable"}, said.Err)
}
