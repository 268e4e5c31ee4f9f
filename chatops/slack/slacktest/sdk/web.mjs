// Calls the methods of the Web API as Slack's own client does, and holds the
// answers to what that client's users count on. It ends with status 0 when all
// were as expected.
import assert from 'node:assert/strict';
import { WebClient, ErrorCode, LogLevel } from '@slack/web-api';

const { SLACK_API, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_CONTROL } = process.env;
const options = { slackApiUrl: SLACK_API, logLevel: LogLevel.ERROR, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true };
const web = new WebClient(SLACK_BOT_TOKEN, options);
const app = new WebClient(SLACK_APP_TOKEN, options);

async function control(verb, order = {}) {
  const answer = await (await fetch(SLACK_CONTROL + verb, { method: 'POST', body: JSON.stringify(order) })).json();
  assert.equal(answer.error, undefined);
  return answer.result;
}

async function refused(code, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.code, ErrorCode.PlatformError, error.stack);
    assert.equal(error.data.error, code);
    return true;
  });
}

const me = await web.auth.test();
assert.equal((await web.bots.info({ bot: me.bot_id })).bot.user_id, me.user_id);
assert.equal((await web.team.info()).team.id, me.team_id);
assert.match((await app.apps.connections.open()).url, /^ws:\/\/127\.0\.0\.1:/);
await refused('not_allowed_token_type', () => web.apps.connections.open());
await refused('invalid_auth', () => new WebClient('xoxb-no', options).auth.test());
await refused('not_authed', () => new WebClient(undefined, options).auth.test());

// People, groups, conversations; lists come in pages.
const members = [];
for await (const page of web.paginate('users.list', { limit: 2 })) members.push(...page.members);
const alice = members.find((m) => m.name === 'alice');
assert.equal((await web.users.info({ user: alice.id })).user.profile.email, 'alice@example.com');
assert.equal((await web.users.lookupByEmail({ email: 'alice@example.com' })).user.id, alice.id);
await refused('users_not_found', () => web.users.lookupByEmail({ email: 'nobody@example.com' }));
const { usergroups } = await web.usergroups.list({ include_users: true });
const leads = usergroups.find((g) => g.handle === 'sre-leads');
assert.deepEqual((await web.usergroups.users.list({ usergroup: leads.id })).users, leads.users);
const { channels } = await web.conversations.list({ types: 'public_channel,private_channel', exclude_archived: true });
const channel = channels.find((c) => c.name === 'incidents').id;
assert.equal((await web.conversations.info({ channel })).channel.is_member, true);
assert.ok((await web.conversations.members({ channel })).members.includes(alice.id));
await refused('channel_not_found', () => web.conversations.info({ channel: 'C0NONE' }));
const im = (await web.conversations.open({ users: alice.id })).channel.id;

// Messages, threads, what one person alone sees.
const parent = await web.chat.postMessage({ channel, text: 'parent', metadata: { event_type: 'x', event_payload: { run: 'r-1' } } });
assert.match(parent.ts, /^\d{10}\.\d{6}$/);
const child = await web.chat.postMessage({ channel, thread_ts: parent.ts, text: 'child' });
assert.equal(child.message.thread_ts, parent.ts);
const thread = await web.conversations.replies({ channel, ts: parent.ts });
assert.deepEqual(thread.messages.map((m) => m.text), ['parent', 'child']);
assert.equal(thread.messages[0].reply_count, 1);
assert.deepEqual((await web.conversations.history({ channel })).messages.map((m) => m.ts), [parent.ts]);
const link = (await web.chat.getPermalink({ channel, message_ts: child.ts })).permalink;
assert.match(link, new RegExp(`thread_ts=${parent.ts}`));
const section = (text) => [{ type: 'section', text: { type: 'mrkdwn', text } }];
assert.equal((await web.chat.update({ channel, ts: parent.ts, text: 'new', blocks: section('new') })).message.blocks.length, 1);
assert.equal((await web.chat.update({ channel, ts: parent.ts, text: 'plain' })).message.blocks, undefined);
await web.reactions.add({ channel, timestamp: parent.ts, name: 'eyes' });
await refused('already_reacted', () => web.reactions.add({ channel, timestamp: parent.ts, name: 'eyes' }));
await web.reactions.remove({ channel, timestamp: parent.ts, name: 'eyes' });
const whisper = await web.chat.postEphemeral({ channel, user: alice.id, text: 'psst' });
await refused('message_not_found', () => web.chat.update({ channel, ts: whisper.message_ts, text: 'x' }));
await web.chat.delete({ channel, ts: child.ts });
await refused('message_not_found', () => web.chat.delete({ channel, ts: child.ts }));
await web.chat.postMessage({ channel: alice.id, text: 'by the id of a user' });
assert.equal((await web.conversations.history({ channel: im })).messages.length, 1);

// What Slack refuses.
await refused('no_text', () => web.chat.postMessage({ channel, text: '' }));
await refused('msg_too_long', () => web.chat.postMessage({ channel, text: 'x'.repeat(40001) }));
await refused('invalid_blocks', () => web.chat.postMessage({ channel, text: 'x', blocks: Array.from({ length: 51 }, () => ({ type: 'divider' })) }));
await refused('not_allowed_token_type', () => app.chat.postMessage({ channel, text: 'x' }));

// Files.
await web.filesUploadV2({ channel_id: channel, thread_ts: parent.ts, filename: 'log.txt', content: 'line 1\nline 2\n', title: 'Log' });
const shown = await control('messages', { channel });
assert.deepEqual(shown.at(-1).files, ['line 1\nline 2\n']);

// Home, and a modal without anybody's click.
await web.views.publish({ user_id: alice.id, view: { type: 'home', blocks: section('home') } });
await refused('invalid_trigger_id', () => web.views.open({
  trigger_id: '1.2.3', view: { type: 'modal', title: { type: 'plain_text', text: 'x' }, blocks: section('x') },
}));

// Rate limits and faults.
await control('fail', { method: 'chat.postMessage', fault: { retry_after: 7e9 } });
await assert.rejects(web.chat.postMessage({ channel, text: 'x' }), (e) => e.code === ErrorCode.RateLimitedError && e.retryAfter === 7);
await control('fail', { method: 'chat.postMessage', fault: { status: 503 } });
await assert.rejects(web.chat.postMessage({ channel, text: 'x' }), (e) => e.code === ErrorCode.HTTPError && e.statusCode === 503);
await control('fail', { method: 'chat.postMessage', fault: { error: 'fatal_error' } });
await refused('fatal_error', () => web.chat.postMessage({ channel, text: 'x' }));
await control('advance-clock', { ms: 60000 });
for (let sent = 0; ; sent += 1) {
  assert.ok(sent < 50, 'nothing limits how many messages a channel gets at once');
  try {
    await web.chat.postMessage({ channel, text: String(sent) });
  } catch (error) {
    assert.equal(error.code, ErrorCode.RateLimitedError, error.stack);
    break;
  }
}
