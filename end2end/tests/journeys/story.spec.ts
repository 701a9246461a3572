import { until } from '../../support/process.ts';
import { appears, ask, connection, conversation, message, question, reply, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('a visitor asks, an agent answers, the visitor replies', async ({ page, scripted, stand }) => {
  const asked = question();
  const threadId = await ask(page, scripted, asked);

  await test.step('the conversation shows what was asked', async () => {
    await expect(page.getByRole('heading', { name: asked.subject })).toBeVisible();
    await expect(message(page, asked.message)).toHaveAttribute('data-role', 'customer');
    await expect(conversation(page).locator('li.message')).toHaveCount(1);
  });

  await test.step('the desk has it, under the right name', async () => {
    const thread = (await stand.sandbox.threads()).find(({ id }) => id === threadId);
    expect(thread).toMatchObject({ title: asked.subject, status: 'TODO', customer: { fullName: asked.name, email: asked.email } });
    expect(await stand.sandbox.chats(threadId)).toEqual([asked.message]);
  });

  await test.step('the agent answers', async () => {
    if (scripted) await expect(connection(page)).toHaveAttribute('data-state', 'live');
    const answer = unique('We have found it and are on it.');
    await stand.sandbox.answer(threadId, answer);
    await appears(page, scripted, answer);
    await expect(message(page, answer)).toHaveAttribute('data-role', 'agent');
  });

  await test.step('the visitor replies', async () => {
    const text = unique('Thank you!');
    await reply(page, text);
    await appears(page, scripted, text);
    await expect(message(page, text)).toHaveAttribute('data-role', 'customer');
    const chats = await until('the reply in the desk', async () => {
      const all = await stand.sandbox.chats(threadId);
      return all.includes(text) && all;
    });
    expect(chats.filter((chat) => chat === text)).toHaveLength(1);
  });

  await test.step('a reload shows the same, in the same order', async () => {
    const before = await conversation(page).locator('li.message').evaluateAll((all) => all.map((entry) => (entry as HTMLElement).dataset.entryId));
    expect(before).toHaveLength(3);
    await page.reload();
    await expect(conversation(page).locator('li.message')).toHaveCount(3);
    const after = await conversation(page).locator('li.message').evaluateAll((all) => all.map((entry) => (entry as HTMLElement).dataset.entryId));
    expect(after).toEqual(before);
  });
});

test('answers through Slack and by e-mail appear as well', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  for (const via of ['slack', 'email'] as const) {
    const answer = unique(`An answer by ${via}`);
    await stand.sandbox.answer(threadId, answer, via);
    await appears(page, scripted, answer);
    await expect(message(page, answer)).toHaveAttribute('data-role', 'agent');
  }
});

test('the list has the threads of this visitor, newest activity first', async ({ page, scripted, stranger }) => {
  const [first, second] = [question(), question()];
  const firstId = await ask(page, scripted, first);
  const secondId = await ask(page, scripted, second);

  await page.goto('/threads');
  const links = page.getByRole('main').locator('a[href^="/t/"]');
  await expect(links).toHaveCount(2);
  await expect(links.nth(0)).toHaveAttribute('href', `/t/${secondId}`);
  await expect(links.nth(1)).toHaveAttribute('href', `/t/${firstId}`);
  await expect(page.getByText(first.subject)).toBeVisible();
  await page.getByText(first.subject).click();
  await expect(page).toHaveURL(new RegExp(`/t/${firstId}$`));
  await expect(message(page, first.message)).toBeVisible();

  await stranger.goto('/threads');
  await expect(stranger.getByRole('main').locator('a[href^="/t/"]')).toHaveCount(0);
  await expect(stranger.getByText(first.subject)).toHaveCount(0);
});

test('a status that the agent sets is shown', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  if (scripted) await expect(connection(page)).toHaveAttribute('data-state', 'live');
  await expect(page.getByText('In progress', { exact: true })).toBeVisible();
  await stand.sandbox.setStatus(threadId, 'DONE');
  await expect(async () => {
    if (!scripted) await page.reload();
    await expect(page.getByText('Done', { exact: true })).toBeVisible({ timeout: scripted ? 15_000 : 500 });
  }).toPass({ timeout: 20_000 });
  // The timeline says what happened, and when; what can be done now stands below it, once.
  await expect(page.locator('.turned').last()).toHaveText(/^This request is done\. ?\d\d:\d\d$/);
  await expect(page.getByText('A reply reopens it.')).toHaveCount(1);
});
