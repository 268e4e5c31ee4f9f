// An app in Bolt that does what the one in slackgo_test.go does. It takes its
// arguments from the environment, says on stdout what it is at, line by line,
// and ends with its standard input.
import bolt from '@slack/bolt';

const { SLACK_API, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_TRANSPORT } = process.env;
const tell = (...words) => process.stdout.write(`${words.join(' ')}\n`);
const fail = (error) => tell('error', String(error?.stack ?? error).replaceAll('\n', ' '));

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
process.on('unhandledRejection', fail);

const quiet = { debug() {}, info() {}, warn() {}, error: fail, setLevel() {}, getLevel: () => bolt.LogLevel.ERROR, setName() {} };
const app = new bolt.App({
  token: SLACK_BOT_TOKEN,
  logger: quiet,
  clientOptions: { slackApiUrl: SLACK_API, retryConfig: { retries: 0 } },
  ...(SLACK_TRANSPORT === 'socket'
    ? { socketMode: true, appToken: SLACK_APP_TOKEN }
    : { signingSecret: SLACK_SIGNING_SECRET }),
});
app.error(fail);

const card = (text, buttons) => ({
  text,
  blocks: [
    { type: 'section', text: { type: 'mrkdwn', text } },
    ...(buttons
      ? [{
          type: 'actions',
          block_id: 'votes',
          elements: [{ type: 'button', action_id: 'test.approve', value: 'a-1', text: { type: 'plain_text', text: 'Approve' } }],
        }]
      : []),
  ],
});

const modal = {
  type: 'modal',
  callback_id: 'deny',
  notify_on_close: true,
  title: { type: 'plain_text', text: 'Deny' },
  submit: { type: 'plain_text', text: 'Deny' },
  blocks: [{
    type: 'input',
    block_id: 'why',
    label: { type: 'plain_text', text: 'Reason' },
    element: { type: 'plain_text_input', action_id: 'reason' },
  }],
};

app.command('/runbook', async ({ command, ack, client }) => {
  if (command.text === 'open') {
    await client.views.open({ trigger_id: command.trigger_id, view: modal });
    await ack();
    return;
  }
  await client.chat.postMessage({ channel: command.channel_id, ...card(`Approve ${command.text}?`, true) });
  await ack({ text: 'Asked.' });
});

app.action('test.approve', async ({ body, ack, client, respond }) => {
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, ...card(`Approved by <@${body.user.id}>`, false) });
  await respond({ text: 'Thank you.', response_type: 'ephemeral', replace_original: false });
  await ack();
});

app.view('deny', async ({ ack, view }) => {
  const reason = view.state.values.why.reason.value;
  await ack(reason === 'no' ? { response_action: 'errors', errors: { why: 'Say more.' } } : undefined);
});

app.view({ callback_id: 'deny', type: 'view_closed' }, async ({ ack }) => {
  tell('closed');
  await ack();
});

app.event('app_mention', async ({ event, body, client }) => {
  tell('event', body.event_id);
  try {
    await client.reactions.add({ channel: event.channel, timestamp: event.ts, name: 'eyes' });
  } catch (error) {
    if (error.data?.error !== 'already_reacted') throw error;
  }
});

try {
  const server = await app.start({ port: 0, host: '127.0.0.1' });
  tell('ready', server?.address?.()?.port ?? 0);
} catch (error) {
  fail(error);
  process.exit(1);
}
