// Plain fails: the portal lives without it as long as it can, and says what it cannot do.
import { statusLine } from '../../support/console.ts';
import { complete, expect, test, type Visit, visit } from '../../support/faults.ts';
import { connectionState, message, reply, retryButton, unique, words } from '../../support/pages.ts';
import { witness } from '../../support/witness.ts';
import type { Page } from '@playwright/test';

async function failsAndThenIsSent(page: Page, text: string, repair: () => Promise<void>): Promise<void> {
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'failed');
  await expect(message(page, text)).toContainText('Not sent');
  await repair();
  await retryButton(message(page, text)).click();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
}

async function stayedGreen(visitor: Visit): Promise<void> {
  expect((await visitor.witness.seen()).states, 'Plain is not the visitor\'s connection').toEqual(['live']);
}

test('Plain answers 500: the page stays up, a reply waits for the next try', async ({ page, house, guard }) => {
  guard.allow(statusLine(500), statusLine(504));
  const visitor = await visit(page, house);
  await house.sandbox.faults({ graphql: { status: 500 } });
  const mine = unique('Into a broken Plain');
  // Its webhooks still arrive, and carry the words.
  const theirs = await visitor.answered(unique('Said by a broken Plain'));
  await expect(message(page, theirs)).toHaveCount(1);
  await failsAndThenIsSent(page, mine, () => house.sandbox.faults({}));
  await stayedGreen(visitor);
  await complete(page, house, visitor, [theirs, mine]);
});

test.describe('Plain does not answer in time', () => {
  test.use({ settings: { PLAIN_TIMEOUT_MS: '500' } });

  test('a reply that was taken without a word is not sent twice', async ({ page, house, guard }) => {
    guard.allow(statusLine(500), statusLine(504));
    const visitor = await visit(page, house);
    await house.sandbox.faults({ graphql: { timeoutAfterWrite: true } });
    const mine = unique('Did this arrive?');
    await reply(page, mine);
    // Its own webhook may settle it before the visitor tries again.
    await expect(message(page, mine)).toHaveAttribute('data-state', /failed|sent/);
    await house.sandbox.faults({});
    const again = retryButton(message(page, mine));
    if (await again.isVisible()) await again.click();
    await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
    await stayedGreen(visitor);
    await complete(page, house, visitor, [mine]);
  });
});

test('Plain is gone for a while: nothing falls over, nothing is lost', async ({ page, house, guard }) => {
  guard.allow(statusLine(500), statusLine(504));
  const visitor = await visit(page, house);
  const before = await visitor.answered(unique('Said before'));
  await expect(message(page, before)).toHaveCount(1);
  await house.workspace.stop('SIGKILL');
  const mine = unique('Into the void');
  await failsAndThenIsSent(page, mine, () => house.workspace.start());
  const after = await visitor.answered(unique('Said afterwards'));
  await expect(message(page, after)).toHaveCount(1);
  await stayedGreen(visitor);
  await complete(page, house, visitor, [before, mine, after]);
});

test('webhooks that come twice, late and out of order are shown once and in order', async ({ page, house }) => {
  const visitor = await visit(page, house);
  await house.sandbox.faults({ webhooks: { duplicate: true, reorder: true, delayMs: 20 } });
  const said: string[] = [];
  for (let count = 1; count <= 6; count += 1) said.push(await visitor.answered(unique(`Answer ${count}`)));
  await complete(page, house, visitor, said);
  await connectionState(page, 'live');
});

test.describe('webhooks that never come', () => {
  test.use({ settings: { HOTLINE_REPAIR_MS: '200', HOTLINE_REPAIR_SETTLE_MS: '500' } });

  test('an open page is told all the same, and a page that is opened shows everything', async ({ page, house }) => {
    const visitor = await visit(page, house);
    await house.sandbox.faults({ webhooks: { drop: true } });
    const said = [await visitor.answered(unique('Nobody announced this'))];
    await expect(message(page, said[0] as string)).toHaveCount(1);
    said.push(await visitor.answered(unique('Nor this')));
    await expect(message(page, said[1] as string)).toHaveCount(1);
    await stayedGreen(visitor);

    await page.goto('/threads');
    said.push(await visitor.answered(unique('Said while you looked elsewhere')));
    await page.goBack();
    await expect(words(page)).toHaveText([visitor.asked.message, ...said]);
    expect(await house.sandbox.delivered()).toBe(0);

    const again = { ...visitor, witness: await witness(page) };
    // Plain goes on trying: some may come now.
    await house.sandbox.faults({});
    said.push(await visitor.answered(unique('Announced as ever')));
    await complete(page, house, again, said);
  });
});
