// The whole way by keyboard, and always to be seen where one is.
import type { Page } from '@playwright/test';
import { conversationOf } from '../../support/everyone.ts';
import { arrivedThread, connectionState, hydrated, message, openForm, question, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

/** What has the focus, and whether that shows: by a ring of its own or of the box around it. */
const focus = (page: Page) =>
  page.evaluate(() => {
    const here = document.activeElement as HTMLElement;
    let ring = false;
    for (let at: HTMLElement | null = here; at && at !== document.body; at = at.parentElement) {
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      ring ||= outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
    }
    return { name: here.getAttribute('name') ?? here.id ?? '', tag: here.tagName.toLowerCase(), text: here.textContent?.trim() ?? '', ring };
  });

/** Presses Tab until something is reached; everything on the way must show. */
async function tabTo(page: Page, what: string, reached: (at: Awaited<ReturnType<typeof focus>>) => boolean): Promise<void> {
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press('Tab');
    const at = await focus(page);
    if (at.tag === 'body') continue;
    expect(at.ring, `${at.tag} ${at.name} ${at.text} shows that it has the focus`).toBe(true);
    if (reached(at)) return;
  }
  throw new Error(`no way to ${what}`);
}

test('from the first page to an answered question', async ({ page, stand, scripted }) => {
  const asked = question();
  await openForm(page, scripted);
  await page.keyboard.press('Tab');
  expect(await focus(page)).toMatchObject({ tag: 'a', text: 'Skip to content', ring: true });
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeInViewport();

  await tabTo(page, 'the name', ({ name }) => name === 'name');
  await page.keyboard.type(asked.name);
  await tabTo(page, 'the address', ({ name }) => name === 'email');
  await page.keyboard.type(asked.email);
  await tabTo(page, 'the topic', ({ name }) => name === 'topic');
  await page.keyboard.type('Something does');
  await tabTo(page, 'the subject', ({ name }) => name === 'subject');
  await page.keyboard.type(asked.subject);
  await tabTo(page, 'the message', ({ name }) => name === 'message');
  await page.keyboard.type(asked.message);
  await tabTo(page, 'the button', ({ text }) => text === 'Send request');
  await page.keyboard.press('Enter');
  const threadId = await arrivedThread(page);
  await hydrated(page);
  await connectionState(page, 'live');

  await tabTo(page, 'the reply box', ({ name }) => name === 'text');
  const text = unique('By keyboard');
  await page.keyboard.type(text);
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('and a second line');
  await page.keyboard.press('Enter');
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  // A new message takes nobody's place.
  const answer = unique('Here you are');
  await stand.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toBeVisible();
  expect(await focus(page)).toMatchObject({ name: 'text' });
  expect(await stand.sandbox.chats(threadId)).toContain(`${text}\nand a second line`);
});

test('the settings open, close and choose by keyboard', async ({ page, scripted }) => {
  await openForm(page, scripted);
  const panel = page.locator('#settings');
  await tabTo(page, 'the settings', ({ tag, name }) => tag === 'button' && name === '');
  await page.keyboard.press('Enter');
  await expect(panel).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(panel).toBeHidden();
  await page.keyboard.press('Enter');
  await expect(panel).toBeVisible();
  await tabTo(page, 'French', ({ text }) => text === 'Français');
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('lang', 'fr');
});

test('the Enter that ends a word of a composition does not send', async ({ page, stand, scripted }) => {
  await openForm(page, scripted);
  const path = await conversationOf(page, stand);
  await page.goto(path);
  await hydrated(page);
  const box = page.getByLabel('Your reply');
  const text = unique('こんにちは');
  await box.fill(text);
  const enter = { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true };
  await box.dispatchEvent('keydown', { ...enter, isComposing: true });
  await expect(box).toHaveValue(text);
  await expect(message(page, text)).toHaveCount(0);
  // And the next one does: so the first was not simply lost.
  await box.dispatchEvent('keydown', { ...enter, isComposing: false });
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  expect((await stand.sandbox.chats(path.slice('/t/'.length))).filter((chat) => chat === text)).toHaveLength(1);
});
