// The pages of the portal, for tests that hold for all of them.
import type { Page } from '@playwright/test';
import { hydrated, question, unique } from './pages.ts';
import type { Stand } from './hotline.ts';
import { expect } from './test.ts';

export const languages = ['en', 'de', 'fr', 'es', 'ja', 'ar'] as const;
export type Language = (typeof languages)[number];

/** Asks without touching the page's words: the cookie of the answer opens the conversation. */
export async function conversationOf(page: Page, stand: Stand): Promise<string> {
  await page.goto('/');
  const key = await page.locator('input[name=submission_id]').inputValue();
  const asked = question({ subject: unique('4711'), message: unique('4712') });
  const answer = await page.request.post('/', { form: { ...asked, submission_id: key }, maxRedirects: 0 });
  expect(answer.status()).toBe(303);
  const path = answer.headers()['location'] as string;
  await stand.sandbox.answer(path.slice('/t/'.length), unique('4713'));
  return path;
}

/** Every page, one after the other: `look` is called when it stands as a visitor sees it. */
export async function everyPage(page: Page, stand: Stand, scripted: boolean, look: (name: string) => Promise<void>): Promise<void> {
  const open = async (name: string, path: string, live = false) => {
    await page.goto(path);
    if (live && scripted) await hydrated(page);
    await look(name);
  };
  await open('form', '/', true);
  await page.locator('form.form [type=submit]').click();
  await expect(page.locator('#email')).toHaveAttribute('aria-invalid', 'true');
  await look('form with errors');
  await open('empty list', '/threads');
  await open('nothing', '/nowhere');
  await open('broken link', '/r/nothing');
  const path = await conversationOf(page, stand);
  await open('list', '/threads');
  await page.goto(path);
  if (scripted) await hydrated(page);
  await expect(async () => {
    if (!scripted) await page.reload();
    await expect(page.locator('li.message', { hasText: '4713' })).toHaveCount(1, { timeout: 500 });
  }).toPass();
  await expect(page.locator('#reply')).toBeVisible();
  await look('conversation');
}

/** Opens the panel of language and appearance. */
export async function openSettings(page: Page): Promise<void> {
  await page.locator('[popovertarget=settings]').click();
  await expect(page.locator('#settings')).toBeVisible();
}

/** How far the page is wider than its window, in px. */
export const overhang = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
