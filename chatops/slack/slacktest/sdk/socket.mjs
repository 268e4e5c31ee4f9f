// A client of Socket Mode that says what it gets, and acknowledges it unless
// SLACK_ACK is "no". It ends with its standard input.
import { SocketModeClient, LogLevel } from '@slack/socket-mode';

const { SLACK_API, SLACK_APP_TOKEN, SLACK_ACK } = process.env;
const tell = (...words) => process.stdout.write(`${words.join(' ')}\n`);

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

const client = new SocketModeClient({
  appToken: SLACK_APP_TOKEN,
  logLevel: LogLevel.ERROR,
  clientPingTimeout: 1000, // it waits as long before it connects again
  clientOptions: { slackApiUrl: SLACK_API },
});
client.on('connected', () => tell('ready'));
client.on('slack_event', async ({ ack, type, body, retry_num: num, retry_reason: reason }) => {
  tell(type, body.event_id ?? body.command ?? body.type, num ?? '-', reason || '-');
  if (SLACK_ACK !== 'no') await ack();
});
client.start().catch((error) => {
  tell('error', error.data?.error ?? error.message);
  process.exit(1);
});
