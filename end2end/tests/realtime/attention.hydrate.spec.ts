// Staying oriented: what came while nobody looked, and where one was reading.
import type { Page } from '@playwright/test';
import { ask, connectionState, conversation, hydrated, message, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

/** The tab goes to the back, or comes to the front. */
async function turn(page: Page, visibility: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
    document.dispatchEvent(new Event('visibilitychange'));
  }, visibility);
}

test('a hidden tab counts in its title and on its icon, and marks where the new begins', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const title = await page.title();
  await turn(page, 'hidden');
  const [first, second] = [unique('While you were away'), unique('And once more')];
  await stand.sandbox.answer(threadId, first);
  await expect(page).toHaveTitle(`(1) ${title}`);
  await stand.sandbox.answer(threadId, second);
  await expect(page).toHaveTitle(`(2) ${title}`);
  const icon = page.locator('link[rel=icon]');
  await expect(icon).toHaveAttribute('href', '/favicon-unread.svg');
  const line = conversation(page).locator('li.unread');
  await expect(line).toHaveCount(1);
  const after = await line.evaluate((element) => element.nextElementSibling?.textContent ?? '');
  expect(after).toContain(first);

  await turn(page, 'visible');
  await expect(page).toHaveTitle(title);
  await expect(icon).toHaveAttribute('href', '/favicon.svg');
  const third = unique('Now you look');
  await stand.sandbox.answer(threadId, third);
  await expect(message(page, third)).toBeVisible();
  await expect(page).toHaveTitle(title);
});

test('sound and notifications come only to whoever switched them on', async ({ page, scripted, stand }) => {
  await page.addInitScript(() => {
    const told: string[] = [];
    Object.assign(window, { told });
    // A browser that waits for a gesture refuses.
    HTMLMediaElement.prototype.play = () => {
      told.push('sound');
      return Promise.reject(new DOMException('not yet', 'NotAllowedError'));
    };
    class Shown {
      static permission = 'default';
      static requestPermission = async () => (Shown.permission = 'granted');
      onclick = null;
      constructor(title: string) {
        told.push(title);
      }
      close() {}
    }
    Object.assign(window, { Notification: Shown });
  });
  const told = () => page.evaluate(() => (window as unknown as { told: string[] }).told);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const quiet = unique('Quietly');
  await stand.sandbox.answer(threadId, quiet);
  await expect(message(page, quiet)).toBeVisible();
  expect(await told()).toEqual([]);

  const menu = page.locator('details.menu > summary');
  if (await menu.isVisible()) await menu.click();
  const [sound, notify] = [page.getByRole('button', { name: 'Sound' }), page.getByRole('button', { name: 'Notifications' })];
  await sound.click();
  await expect(sound).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(told).toEqual(['sound']);
  await notify.click();
  await expect(notify).toHaveAttribute('aria-pressed', 'true');

  await turn(page, 'hidden');
  await stand.sandbox.answer(threadId, unique('Loudly'));
  await expect.poll(async () => (await told()).length).toBe(3);
  expect((await told()).filter((what) => what === 'sound')).toHaveLength(2);
  expect((await told()).filter((what) => /answered$/.test(what))).toHaveLength(1);
});

test('a message taller than the view opens at its first line', async ({ page, scripted, stand }) => {
  await page.setViewportSize({ width: 600, height: 420 });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const mark = unique('Line 1');
  const lines = [mark, ...Array.from({ length: 22 }, (_, at) => `Line ${at + 2}.`)];
  await stand.sandbox.answer(threadId, lines.join('\n'));
  const shown = message(page, mark);
  await expect(shown).toBeVisible();
  await expect
    .poll(async () => {
      const [row, list] = await Promise.all([shown.boundingBox(), conversation(page).boundingBox()]);
      return row && list ? Math.round(row.y - list.y) : NaN;
    })
    .toBeGreaterThanOrEqual(-1);
});

test('a long message shows its beginning, and the rest when asked', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const mark = unique('A long story');
  await stand.sandbox.answer(threadId, [mark, ...Array.from({ length: 60 }, (_, at) => `Chapter ${at + 1}.`)].join('\n'));
  const text = message(page, mark).locator('.bubble__text');
  const cut = (await text.boundingBox())?.height ?? 0;
  expect(cut).toBeLessThan(400);
  await message(page, mark).getByRole('button', { name: 'Show all' }).click();
  await expect.poll(async () => (await text.boundingBox())?.height ?? 0).toBeGreaterThan(cut + 200);
  await expect(message(page, mark).getByRole('button', { name: 'Show all' })).toHaveCount(0);
});

test('code is copied by a button', async ({ page, context, scripted, stand }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const mark = unique('Try this');
  await stand.sandbox.answer(threadId, `${mark}\n\n\`\`\`\nlet rows = 5000;\nprint(rows)\n\`\`\``);
  const button = message(page, mark).locator('pre button');
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(button).toHaveText('Copied');
  expect((await page.evaluate(() => navigator.clipboard.readText())).trimEnd()).toBe('let rows = 5000;\nprint(rows)');
  await expect(button).toHaveText('Copy');
});

test('a row that came live is the row that a reload shows', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const mark = unique('Twice the same');
  const entry = await stand.sandbox.answer(threadId, `${mark}\n\n- one\n- two\n\n\`code\``, 'slack', [{ fileName: 'a.csv', text: '1,2' }]);
  const row = page.locator(`li.message[data-entry-id="${entry}"]`);
  await expect(row).toHaveCount(1);
  // The agent's name comes with the read that follows the event.
  await expect(row.locator('.message__role')).toBeVisible();
  const shape = () =>
    row.evaluate((element) => {
      // Elements with their attributes in order, and texts without the spaces between them.
      const outline = (node: Element): unknown => [
        node.tagName,
        ...Array.from(node.attributes, ({ name, value }) => `${name}=${value}`).filter((it) => it !== 'data-new=').sort(),
        ...Array.from(node.childNodes)
          .filter((child) => child.nodeType !== Node.COMMENT_NODE)
          .map((child) => (child instanceof Element ? outline(child) : (child.textContent ?? '').trim()))
          .filter((child) => child !== ''),
      ];
      return JSON.stringify(outline(element), null, 1);
    });
  const live = await shape();
  await page.reload();
  await hydrated(page);
  expect(await shape()).toBe(live);
});
