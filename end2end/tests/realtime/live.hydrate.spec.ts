import {
  appears, ask, composer, connection, connectionState, conversation, hydrated, markDocument, message, question, reply, sendButton, unique,
} from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { expect, test } from '../../support/test.ts';

test('the dot is yellow until the stream is open, then green', async ({ page, scripted }) => {
  let open = () => {};
  const opened = new Promise<void>((done) => (open = done));
  await page.route('**/api/support/stream?*', async (route) => {
    await opened;
    await route.continue();
  });
  await ask(page, scripted);
  await connectionState(page, 'connecting');
  open();
  await connectionState(page, 'live');
});

test('an answer appears without a reload', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const sameDocument = await markDocument(page);
  const typed = 'A reply that I have not finished';
  await composer(page).fill(typed);

  const answer = unique('It is repaired.');
  const started = Date.now();
  await stand.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toBeVisible();
  test.info().annotations.push({ type: 'answer shown after', description: `${Date.now() - started} ms` });

  await expect(message(page, answer)).toHaveAttribute('data-entry-id', /^t_/);
  await expect(composer(page)).toHaveValue(typed);
  await sameDocument();
});

test('many answers arrive once each, in order', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const answers: string[] = [];
  for (let count = 1; count <= 20; count += 1) {
    answers.push(unique(`Answer ${count}`));
    await stand.sandbox.answer(threadId, answers[count - 1] as string);
  }
  const shown = conversation(page).locator('li.message[data-role=agent]');
  await expect(shown).toHaveCount(20);
  const texts = await shown.allInnerTexts();
  expect(texts.map((text, at) => text.includes(answers[at] as string))).toEqual(answers.map(() => true));
});

test('webhooks that come twice or late are shown once', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await stand.sandbox.faults({ webhooks: { duplicate: true, delayMs: 200 } });
  const answer = unique('Only once, please.');
  await stand.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toHaveCount(1);
  const deliveries = async () => (await (await fetch(`${stand.sandbox.url}/admin/deliveries`)).json()) as { type?: string; eventType?: string }[];
  await until('the second delivery', async () => {
    const chats = (await deliveries()).filter((delivery) => (delivery.type ?? delivery.eventType) === 'thread.chat_sent');
    return chats.length >= 2;
  });
  await expect(message(page, answer)).toHaveCount(1);
});

test('two windows of one visitor both follow', async ({ page, context, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const second = await context.newPage();
  await second.goto(`/t/${threadId}`);
  await hydrated(second);
  await connectionState(page, 'live');
  await connectionState(second, 'live');
  const answer = unique('For both windows.');
  await stand.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toBeVisible();
  await expect(message(second, answer)).toBeVisible();

  const mine = unique('Written in the first window');
  await reply(page, mine);
  await expect(message(second, mine)).toHaveCount(1);
  await expect(message(page, mine)).toHaveCount(1);
});

test('the console tells the story', async ({ page, scripted, stand, guard }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const answer = unique('For the console.');
  await stand.sandbox.answer(threadId, answer);
  await appears(page, scripted, answer);
  for (const line of ['Connected to real-time updates', 'Received instant update', 'Fetching latest messages']) {
    await expect.poll(() => guard.lines.join('\n')).toContain(line);
  }
  for (const line of ['Received Plain webhook', 'Processing webhook', 'Emitted event']) {
    await expect.poll(() => stand.portal.output).toContain(line);
  }
  // Logs say what happened, never what was said.
  expect(stand.portal.output).not.toContain(answer);
});

test('a Slack message that is edited or taken back changes on screen', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const [before, after] = [unique('With a typpo'), unique('Without a typo')];
  const entry = await stand.sandbox.answer(threadId, before, 'slack');
  await expect(message(page, before)).toHaveCount(1);

  await stand.sandbox.edit(entry, after);
  await expect(message(page, after)).toHaveAttribute('data-entry-id', entry);
  await expect(message(page, before)).toHaveCount(0);

  await stand.sandbox.remove(entry);
  await expect(message(page, after)).toHaveCount(0);
  await page.reload();
  await expect(message(page, after)).toHaveCount(0);
});

test('the reply box sends with the keyboard and empties itself', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const text = unique('Sent from the keyboard');
  await composer(page).fill(text);
  await composer(page).press('Enter');
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(composer(page)).toHaveValue('');
  await expect(sendButton(page)).toBeVisible();
  expect(await stand.sandbox.chats(threadId)).toContain(text);
  await expect(connection(page)).toBeVisible();
});

test('answers while the page was being left and entered are there', async ({ page, scripted, stand }) => {
  const asked = question();
  const threadId = await ask(page, scripted, asked);
  await page.goto('/threads');
  const answer = unique('Answered behind your back.');
  await stand.sandbox.answer(threadId, answer);
  await page.goBack();
  await expect(message(page, answer)).toHaveCount(1);
  await connectionState(page, 'live');
});
