import { connectionLines } from '../../support/console.ts';
import { ask, composer, connectionState, conversation, hydrated, message, reply, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { agentTypes, readsOf, withShutters } from '../../support/signals.ts';
import type { Stand } from '../../support/hotline.ts';
import { expect, test } from '../../support/test.ts';

const typing = 'p.typing';
const seen = '.message__seen';

/** The titles of the events that the thread has for agents. */
async function events(stand: Stand, threadId: string): Promise<string[]> {
  const result = await stand.sandbox.plain.rawRequest({
    query: `query Events($threadId: ID!) {
      thread(threadId: $threadId) {
        timelineEntries(filters: { entryTypes: [THREAD_EVENT] }, first: 100) { edges { node { entry { ... on ThreadEventEntry { title } } } } }
      }
    }`,
    variables: { threadId },
  });
  type Answer = { thread: { timelineEntries: { edges: { node: { entry: { title: string } } }[] } } };
  return (result.data as Answer).thread.timelineEntries.edges.map(({ node }) => node.entry.title);
}

test.describe('typing', () => {
  test('is shown while it is told, and ends by itself', async ({ page, scripted, stand }) => {
    await page.clock.install();
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await expect(page.locator(typing)).toBeHidden();
    await agentTypes(stand, threadId, 'Ines');
    await expect(page.locator(typing)).toHaveText('Ines is typing…');
    await expect(page.locator(typing)).toBeVisible();
    await page.clock.fastForward(10_000);
    await expect(page.locator(typing)).toBeHidden();
    // Nothing moves for it.
    const before = await composer(page).boundingBox();
    await agentTypes(stand, threadId, '');
    await expect(page.locator(typing)).toBeVisible();
    expect(await composer(page).boundingBox()).toEqual(before);
    await agentTypes(stand, threadId, '', false);
    await expect(page.locator(typing)).toBeHidden();
  });

  test('ends with the answer', async ({ page, scripted, stand }) => {
    await page.clock.install();
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await agentTypes(stand, threadId, 'Ines');
    await expect(page.locator(typing)).toBeVisible();
    // From now on no timer of the page's ends anything.
    await page.clock.pauseAt(Date.now() + 1000);
    await expect(page.locator(typing)).toBeVisible();
    const answer = unique('Here it is.');
    await stand.sandbox.answer(threadId, answer);
    await expect(message(page, answer)).toHaveCount(1);
    await expect(page.locator(typing)).toBeHidden();
  });

  test('goes from the desk to the visitor, and back', async ({ page, scripted, stand, stranger }) => {
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await stranger.goto(`${stand.sandbox.url}/threads/${threadId}`);
    const box = stranger.getByLabel('Your reply');
    await box.pressSequentially('Let me see');
    await expect(page.locator(typing)).toHaveText(/\w+ is typing…/);
    await box.blur();
    await expect(page.locator(typing)).toBeHidden();
    // Notes are nobody's business.
    await stranger.getByText('Note', { exact: true }).click();
    const asked: string[] = [];
    stranger.on('request', (request) => asked.push(request.url()));
    await box.pressSequentially(' internal');
    expect(asked.filter((url) => url.endsWith('/typing'))).toEqual([]);

    const told = stranger.getByText('The visitor is typing…');
    await expect(told).toBeHidden();
    await composer(page).pressSequentially('It is');
    await expect(told).toBeVisible();
    await composer(page).fill('');
    await expect(told).toBeHidden();
    const sent: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/typing')) sent.push(new URLSearchParams(request.postData() ?? '').get('typing') ?? '');
    });
    await reply(page, unique('It is fine now.'));
    await expect.poll(() => sent.at(-1)).toBe('false');
  });
});

test.describe('reading', () => {
  test('a tab that nobody sees has read nothing', async ({ page, scripted, stand }) => {
    await page.clock.install();
    const shutters = await withShutters(page);
    const reads = readsOf(page);
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    // From here on time goes on only when it is told to.
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 1000);
    await shutters(false);
    const answer = unique('Read me when you are back.');
    const entry = await stand.sandbox.answer(threadId, answer);
    await expect(message(page, answer)).toHaveAttribute('data-entry-id', entry);
    await page.clock.runFor(5000);
    expect(reads).toEqual([]);
    // Half a second is not enough, and does not add up.
    for (let glance = 0; glance < 3; glance += 1) {
      await shutters(true);
      await page.clock.runFor(500);
      await shutters(false);
      await page.clock.runFor(2000);
    }
    expect(reads).toEqual([]);
    await shutters(true);
    await expect(async () => {
      await page.clock.runFor(1100);
      expect(reads).toEqual([entry]);
    }).toPass();
  });

  test('a message that is out of view is not read', async ({ page, scripted, stand }) => {
    await page.clock.install();
    const reads = readsOf(page);
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    const long = Array.from({ length: 60 }, (_, line) => `line ${line}`).join('\n\n');
    for (let count = 0; count < 3; count += 1) await stand.sandbox.answer(threadId, unique(long));
    await expect(conversation(page).locator('li.message[data-role=agent]')).toHaveCount(3);
    // Up, once the page follows none of them any more.
    await expect(async () => {
      // The list is laid out from its end: its beginning is at the negative end.
      await conversation(page).evaluate((list) => list.scrollTo(0, -list.scrollHeight));
      await page.clock.runFor(1500);
      const above = await conversation(page).evaluate((list) => list.scrollHeight - list.clientHeight + list.scrollTop);
      expect(above).toBeLessThanOrEqual(1);
    }).toPass();
    const answer = unique('Far below.');
    const entry = await stand.sandbox.answer(threadId, answer);
    await expect(message(page, answer)).toHaveCount(1);
    await page.clock.runFor(5000);
    expect(reads).not.toContain(entry);
    await message(page, answer).scrollIntoViewIfNeeded();
    await expect(async () => {
      await page.clock.runFor(1100);
      expect(reads).toContain(entry);
    }).toPass();
  });

  test('is told once for all that was read', async ({ page, scripted, stand }) => {
    await page.clock.install();
    const shutters = await withShutters(page);
    const reads = readsOf(page);
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await shutters(false);
    const answers = [unique('One'), unique('Two'), unique('Three')];
    let last = '';
    for (const answer of answers) last = await stand.sandbox.answer(threadId, answer);
    for (const answer of answers) await expect(message(page, answer)).toHaveCount(1);
    await shutters(true);
    await expect(async () => {
      await page.clock.runFor(1100);
      expect(reads).toEqual([last]);
    }).toPass();
    const told = await until('the event for agents', async () => {
      const all = await events(stand, threadId);
      return all.length > 0 && all;
    });
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^Read by the customer up to /);
    await page.reload();
    await expect(page.getByText('Read by the customer')).toHaveCount(0);
  });
});

test.describe('read, and the portal starts anew', () => {
  test.use({ baseURL: async ({ split }, use) => use(split.portalUrl) });

  test('what was read stays read', async ({ page, scripted, split, guard }) => {
    // The list may still ask for its icon while the portal ends.
    guard.allow(...connectionLines);
    const reads = readsOf(page);
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    const entry = await split.sandbox.answer(threadId, unique('Read me.'));
    const readTo = async () => {
      const answer = await page.request.get(`/api/support/messages?threadId=${threadId}`);
      return ((await answer.json()) as { readTo?: string }).readTo;
    };
    await expect.poll(readTo).toBe(entry);
    await page.goto('/threads');
    await split.portal.stop('SIGTERM');
    await split.portal.start();
    expect(await readTo()).toBe(entry);
    reads.length = 0;
    await page.goto(`/t/${threadId}`);
    await hydrated(page);
    await expect(page.locator('.unread')).toHaveCount(0);
    const next = await split.sandbox.answer(threadId, unique('And me.'));
    await expect.poll(() => reads).toEqual([next]);
  });
});

test.describe('seen by the team', () => {
  test('each real sign is told under the last message, and none is made up', async ({ page, scripted, stand }) => {
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await expect(page.locator(seen)).toHaveCount(0);
    await stand.sandbox.note(threadId, unique('internal'));
    await fetch(`${stand.sandbox.url}/admin/threads/${threadId}/assignment`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    });
    const own = conversation(page).locator('li.message[data-mine]');
    const words = await own.locator(seen).innerText();
    expect(words).toMatch(/took this on/);
    // The server says the same.
    await page.reload();
    await expect(own.locator(seen)).toHaveText(words);

    const mine = unique('And what about this?');
    await reply(page, mine);
    await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
    await expect(page.locator(seen)).toHaveCount(0);

    await stand.sandbox.setStatus(threadId, 'DONE');
    await stand.sandbox.setStatus(threadId, 'TODO');
    await expect(message(page, mine).locator(seen)).toHaveText('Seen: work has begun');
    await stand.sandbox.answer(threadId, unique('Done.'));
    await expect(message(page, mine).locator(seen)).not.toHaveText('Seen: work has begun');
    await expect(page.locator(seen)).toHaveCount(1);
  });
});
