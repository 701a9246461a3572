// Visitors write in the portal, agents answer in a connected Slack channel.
import { expect, test } from '../../support/faults.ts';
import { ask, connectionState, conversation, message, question, reply, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';

test.use({
  settings: { PLAIN_CHANNEL: 'slack', PLAIN_SLACK_TEAM_ID: 'T0SANDBOX01', PLAIN_SLACK_CHANNEL_ID: 'C0SANDBOX01' },
});

test('a visitor here, the team in Slack: asked, answered, edited, reacted to, replied, taken back, over a restart', async ({
  page,
  house,
}) => {
  const { sandbox } = house;
  const asked = question();
  const threadId = await ask(page, true, asked);
  await connectionState(page, 'live');
  const thread = (await sandbox.threads()).find(({ id }) => id === threadId);
  expect(thread).toMatchObject({ channel: 'SLACK', customer: { fullName: asked.name, email: asked.email } });
  await expect(message(page, asked.message)).toHaveAttribute('data-role', 'customer');

  const answer = unique('We are looking at it');
  const entry = await sandbox.answer(threadId, `${answer}, <@U0123ABC> and I :tada:`, 'slack');
  await expect(message(page, answer)).toHaveAttribute('data-role', 'agent');
  await expect(message(page, `${answer}, @someone and I 🎉`)).toBeVisible();

  const edited = unique('We have found it');
  await sandbox.edit(entry, edited);
  await expect(message(page, edited)).toBeVisible();
  await expect(message(page, answer)).toHaveCount(0);
  await expect(message(page, edited).locator('.message__edited')).toBeVisible();

  const reactions = message(page, edited).locator('.reactions li');
  await sandbox.react(entry, 'eyes');
  await expect(reactions).toHaveText(['👀1']);
  await sandbox.react(entry, 'eyes', 'remove');
  await expect(reactions).toHaveCount(0);

  const text = unique('Thank you & <goodbye>');
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, text)).toHaveAttribute('data-role', 'customer');
  // One row, although the reply came back from Slack as well.
  await until('the reply in Slack', async () => (await sandbox.slack(threadId)).length === 3);
  await expect(conversation(page).locator('li.message')).toHaveCount(3);

  await sandbox.remove(entry);
  await expect(message(page, edited)).toHaveCount(0);
  await expect(conversation(page).locator('li.message[data-state="deleted"]')).toHaveCount(1);

  await house.portal.stop('SIGKILL');
  await connectionState(page, 'reconnecting');
  const meanwhile = unique('Answered in Slack while you were away');
  await sandbox.answer(threadId, meanwhile, 'slack');
  await house.portal.start();
  await connectionState(page, 'live');
  await expect(message(page, meanwhile)).toHaveCount(1);
  await page.reload();
  await expect(conversation(page).locator('li.message')).toHaveCount(4);
  await expect(message(page, meanwhile)).toBeVisible();
  const last = unique('And one more');
  await reply(page, last);
  await expect(message(page, last)).toHaveAttribute('data-state', 'sent');
  const posted = await until('the last reply in Slack', async () => {
    const all = await sandbox.slack(threadId);
    return all.length === 5 && all;
  });
  expect(posted.filter((it) => it === last)).toHaveLength(1);
});
