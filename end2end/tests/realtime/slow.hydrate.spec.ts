// Streams do not get through: the page asks instead, and says so.
import type { Page } from '@playwright/test';
import { slowLines } from '../../support/console.ts';
import { anything, expect, stream, test } from '../../support/faults.ts';
import { ask, connection, connectionState, message, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';

const poll = /^\/api\/support\/poll\?/;
const retry = (page: Page) => page.getByRole('button', { name: 'Retry now' });

// Held up means silence, and silence takes time.
test.describe.configure({ timeout: 120_000 });
test.beforeEach(({ guard }) => guard.allow(...slowLines));

test('streams that are refused: slow mode, and live again when they are not', async ({ page, scripted, house }) => {
  house.proxy.fail(502, stream);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'slow');
  await expect(connection(page)).toHaveText(/slow/i);
  const said = [unique('Asked for'), unique('And once more')];
  for (const text of said) {
    await house.sandbox.answer(threadId, text);
    await expect(message(page, text)).toHaveCount(1);
  }
  expect(house.proxy.count(poll)).toBeGreaterThan(1);

  house.proxy.heal();
  await retry(page).press('Enter');
  await connectionState(page, 'live');
  await expect(retry(page)).toBeHidden();
  const after = unique('Streamed');
  await house.sandbox.answer(threadId, after);
  for (const text of [...said, after]) await expect(message(page, text)).toHaveCount(1);
});

test('streams whose body is held back: slow mode', async ({ page, scripted, house }) => {
  house.proxy.hoard(stream);
  const threadId = await ask(page, scripted);
  await expect(connection(page)).toHaveAttribute('data-state', 'slow', { timeout: 60_000 });
  const text = unique('Asked for');
  await house.sandbox.answer(threadId, text);
  await expect(message(page, text)).toHaveCount(1);
  house.proxy.heal();
  await retry(page).click();
  await connectionState(page, 'live');
  await expect(message(page, text)).toHaveCount(1);
});

test('the seconds to the next try are shown, and the keyboard need not wait', async ({ page, scripted, house }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await expect(retry(page)).toBeHidden();
  house.proxy.fail(502);
  house.proxy.cut();
  await connectionState(page, 'reconnecting');
  await expect(connection(page)).toHaveText(/in [5-9] s$|in \d\d s$/);
  // Seen, and not read out every second.
  await expect(connection(page).locator('[aria-hidden=true]').last()).toHaveText(/in \d+ s/);
  const before = house.proxy.count(anything);
  house.proxy.heal();
  await retry(page).focus();
  await page.keyboard.press('Enter');
  await until('another try', async () => house.proxy.count(anything) > before);
  await connectionState(page, 'live');
  const text = unique('Back again');
  await house.sandbox.answer(threadId, text);
  await expect(message(page, text)).toHaveCount(1);
});
